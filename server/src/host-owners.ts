/**
 * Whose something is on a host: the process, its container, the application that both belong to. Joins what the stream says of processes and
 * containers with what the inventory makes of it.
 *
 * The surprise: the control group names a container at once, its runtime a moment later or never. Until then it goes by its id, and is not
 * taken for a part of the host.
 */
import type { Container, Machine } from '@countersign/scap';
import { applicationOf, type CustomGroup, type ProcessPlace } from './inventory/application.ts';
import type { ConnectionOwner, Teller } from './inventory/connections/follower.ts';

const CONTAINER_ID = /[0-9a-f]{64}/;
const SHORT_ID = 12;

type Thread = NonNullable<Machine['currentThread']>;

/** By the process while it is known; else by what the sensor remembers of it. */
export function connectionOwner(machine: Machine, teller: Teller, groups: readonly CustomGroup[]): ConnectionOwner {
  const thread = machine.threads.find(teller.pid);
  const isThere = thread !== null && !thread.isInvalid && thread.comm !== '';
  const place = isThere ? placeOf(thread) : { exe: '', name: teller.comm, groups: '' };
  const id = isThere ? thread.containerId : containerOfGroup(machine, teller.group);
  const application = (now: Machine) => applicationOf({ ...place, container: containerPlaceOf(now, id) }, groups);
  return {
    process: place.name,
    exe: place.exe,
    container: isThere ? containerIn(machine, thread) : (CONTAINER_ID.exec(teller.group)?.[0] ?? id),
    place: id === '' ? application(machine) : '',
    application,
    isKnown: (now) => id === '' || now.containers.has(id),
  };
}

/** The application of a process. */
export function applicationIn(machine: Machine, thread: Thread, groups: readonly CustomGroup[]): string {
  return applicationOf({ ...placeOf(thread), container: containerPlaceOf(machine, thread.containerId) }, groups);
}

/** What its application is told from; null on the host. */
export function containerPlace(container: Container): ProcessPlace['container'] {
  if (container.type === 'host') return null;
  const label = (name: string) => container.labels.get(name) ?? container.podLabels.get(name) ?? '';
  return {
    id: container.id,
    name: container.name,
    image: container.imageRepository,
    labels: new Map([...container.podLabels, ...container.labels]),
    namespace: label('io.kubernetes.pod.namespace'),
    pod: label('io.kubernetes.pod.name'),
  };
}

function placeOf(thread: Thread): Omit<ProcessPlace, 'container'> {
  const groups = thread.groups.pairs.map(([name, path]) => `${name}=${path}`).join(' ');
  return { exe: thread.exepath, name: thread.comm, groups };
}

/** @param id as threads have it; empty on the host */
function containerPlaceOf(machine: Machine, id: string): ProcessPlace['container'] {
  const container = machine.containers.get(id);
  if (container !== undefined) return containerPlace(container);
  return id === '' ? null : { id, name: '', image: '', labels: new Map(), namespace: '', pod: '' };
}

/** The whole id of its container; empty on the host. */
function containerIn(machine: Machine, thread: Thread): string {
  const container = machine.containers.get(thread.containerId);
  if (container?.type === 'host') return '';
  if (container !== undefined && container.fullId !== '') return container.fullId;
  const whole = thread.groups.pairs.map(([, path]) => CONTAINER_ID.exec(path)?.[0]).find((id) => id !== undefined);
  return thread.containerId === '' ? '' : (whole ?? thread.containerId);
}

function containerOfGroup({ containers }: Machine, group: string): string {
  const short = (CONTAINER_ID.exec(group)?.[0] ?? group).slice(0, SHORT_ID);
  return CONTAINER_ID.test(group) || (group !== '' && containers.has(short)) ? short : '';
}
