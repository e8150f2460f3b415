/**
 * To which application a process belongs. Every process has one: the owner that Kubernetes knows, else its compose project, else its
 * container, else its systemd unit, else the program itself.
 *
 * The surprise: pods are named after what made them. `web-7d9c6b5f4-x2x8k` is of the deployment `web`, and that is told from the name when
 * nobody told the owner, since the two hashes have forms of their own.
 */
import { matchesAnyGlob } from '../ground/glob.ts';

export interface ProcessPlace {
  readonly exe: string;
  readonly name: string;
  /** `systemd=/system.slice/ssh.service …`: the control groups as the kernel has them. */
  readonly groups: string;
  readonly container: null | {
    readonly id: string;
    readonly name: string;
    readonly image: string;
    readonly labels: ReadonlyMap<string, string>;
    readonly namespace: string;
    readonly pod: string;
  };
}

/** A group of one's own: what any of its globs fits belongs to it. */
export interface CustomGroup {
  readonly name: string;
  /** Over the path of the program, the name of the container, its image, or the application found without it. */
  readonly globs: readonly string[];
}

const UNIT = /\/([^/ ]+\.(?:service|socket|mount))(?=\/| |$)/g;
/** Names of pods: of a deployment (two hashes), of a set or job (one), with a number. */
const OF_DEPLOYMENT = /^(.+)-[bcdfghjklmnpqrstvwxz2456789]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5}$/;
const OF_REPLICA_SET = /^(.+)-[bcdfghjklmnpqrstvwxz2456789]{6,10}$/;
const OF_SET = /^(.+)-(?:\d{1,4}|[bcdfghjklmnpqrstvwxz2456789]{5})$/;
const SHORT_ID = 12;

export function applicationOf(place: ProcessPlace, groups: readonly CustomGroup[] = []): string {
  const found = (place.container === null ? null : containerApplication(place.container)) ?? hostApplication(place);
  return inGroup(groups, found, [place.exe, place.container?.name ?? '', place.container?.image ?? '']);
}

/** The first group that takes the application or one of its other names; else the application. */
export function inGroup(groups: readonly CustomGroup[], application: string, others: readonly string[]): string {
  const names = [application, ...others].filter((one) => one !== '');
  const custom = groups.find(({ globs }) => names.some((name) => matchesAnyGlob(globs, name)));
  return custom === undefined ? application : custom.name;
}

/** `deployment/web`, told from the name of one of its replica sets; the name itself when it is none. */
export function ownerOfSet(replicaSet: string): string {
  const deployment = OF_REPLICA_SET.exec(replicaSet)?.[1];
  return deployment === undefined ? `replicaset/${replicaSet}` : `deployment/${deployment}`;
}

function containerApplication({
  id,
  name,
  image,
  labels,
  namespace,
  pod,
}: NonNullable<ProcessPlace['container']>): string {
  if (namespace !== '' && pod !== '') return `${namespace}/${ownerOf(pod, labels)}`;
  const project = labels.get('com.docker.compose.project');
  if (project !== undefined) return `${project}/compose/${labels.get('com.docker.compose.service') ?? name}`;
  if (name !== '' && name !== id) return `container/${name}`;
  return image === '' ? `container/${id.slice(0, SHORT_ID)}` : `image/${image}`;
}

/** `deployment/web`: from the labels where there are any, else from the name. */
function ownerOf(pod: string, labels: ReadonlyMap<string, string>): string {
  const named = labels.get('app.kubernetes.io/name') ?? labels.get('app') ?? labels.get('k8s-app');
  const deployment = OF_DEPLOYMENT.exec(pod)?.[1];
  if (deployment !== undefined) return `deployment/${deployment}`;
  const set = OF_SET.exec(pod)?.[1];
  if (set !== undefined) return `set/${set}`;
  return named === undefined ? `pod/${pod}` : `app/${named}`;
}

function hostApplication({ groups, exe, name }: ProcessPlace): string {
  const unit = [...groups.matchAll(UNIT)]
    .map(([, found]) => found ?? '')
    .findLast((found) => !found.startsWith('user@'));
  if (unit !== undefined) return `unit:${unit}`;
  return `program:${exe === '' ? name : (exe.split('/').at(-1) ?? name)}`;
}
