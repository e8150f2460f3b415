/**
 * Names for containers: whoever follows the stream meets an id in a control group, and a runtime is asked about it in the background.
 * What it says becomes an event of the stream, as Falco writes it, so that rules, records and captures all know it from there on.
 *
 * The surprise: a container that lives for an instant may be gone before anybody answers. Its id is known all the same.
 */
import { existsSync } from 'node:fs';
import { CODE, type Machine } from '@countersign/scap';
import type { Clock } from '../../ground/clock.ts';
import { messageOf } from '../../ground/failure.ts';
import {
  type ContainerDescription,
  type ContainerRuntime,
  partsOfImage,
} from '../../vendors/containers/description.ts';
import type { Follower } from './stream.ts';

export interface ContainersOptions {
  /** Sockets at which runtimes may listen. */
  readonly sockets: readonly string[];
  readonly open: (socket: string) => ContainerRuntime;
  readonly clock: Clock;
  /** Falco's JSON about a container. */
  readonly onDescribed: (json: string) => void;
  /** A runtime that cannot be asked; once for each reason. */
  readonly onFailure: (problem: string) => void;
}

const AT_ONCE = 4;
const MOST_WAITING = 1_000;
const MOST_REMEMBERED = 10_000;
/** A runtime knows a container a moment after the kernel does. */
const TRIES_MS = [0, 150, 600] as const;
const SHORT_ID_CHARACTERS = 12;
const FULL_ID = /[0-9a-f]{64}/;
const STARTS: ReadonlySet<number> = new Set([CODE.execve, CODE.execveat, CODE.clone, CODE.clone3]);
/** Falco's numbers of runtimes. */
const TYPES: Readonly<Record<ContainerDescription['runtime'], number>> = {
  docker: 0,
  cri: 6,
  containerd: 7,
  'cri-o': 8,
  podman: 11,
};

export class Containers implements Follower {
  readonly #options: ContainersOptions;
  readonly #asked = new Set<string>();
  readonly #runtimes = new Map<string, ContainerRuntime>();
  readonly #complained = new Set<string>();
  #waiting: { readonly id: string; readonly fullId: string }[] = [];
  #pending = new Set<string>();
  #running = 0;
  /** Answers that came while no stream could take them; null while one can. */
  #held: string[] | null = null;

  constructor(options: ContainersOptions) {
    this.#options = options;
  }

  isInteresting(code: number): boolean {
    return this.#options.sockets.length > 0 && STARTS.has(code);
  }

  follow({ currentThread, containers }: Machine): void {
    const id = currentThread?.containerId ?? '';
    if (id === '' || this.#asked.has(id) || this.#pending.has(id) || containers.has(id)) return;
    this.#want(id, fullIdOf(id, currentThread?.cgroups ?? []));
  }

  #want(id: string, fullId: string): void {
    if (this.#waiting.length >= MOST_WAITING) return;
    if (this.#asked.size >= MOST_REMEMBERED) this.#asked.clear();
    this.#asked.add(id);
    this.#waiting.push({ id, fullId });
    this.#pending.add(id);
    this.#work();
  }

  /** Another stream comes, which knows nothing of any container: all are asked about again, and what comes meanwhile waits for `resume`. */
  pause(): void {
    this.#asked.clear();
    this.#held ??= [];
  }

  /** The stream has begun, and takes what it is told. */
  resume(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const json of held) this.#options.onDescribed(json);
  }

  /** Somebody may still say who it is. */
  isPending(id: string): boolean {
    return this.#pending.has(id);
  }

  #work(): void {
    while (this.#running < AT_ONCE) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#running += 1;
      void this.#ask(next.fullId).then((found) => {
        this.#running -= 1;
        this.#pending.delete(next.id);
        if (found !== null) {
          this.#tell(describedJson(next.id, found));
          this.#wantPodOf(found);
        }
        this.#work();
      });
    }
  }

  /** The sandbox says what belongs to the whole pod, and began long before anybody looked. */
  #wantPodOf({ podSandboxId }: ContainerDescription): void {
    const id = podSandboxId.slice(0, SHORT_ID_CHARACTERS);
    if (id !== '' && !this.#asked.has(id) && !this.#pending.has(id)) this.#want(id, podSandboxId);
  }

  #tell(json: string): void {
    if (this.#held === null) this.#options.onDescribed(json);
    else if (this.#held.length < MOST_WAITING) this.#held.push(json);
  }

  async #ask(fullId: string): Promise<ContainerDescription | null> {
    for (const waitMs of TRIES_MS) {
      await this.#options.clock.sleep(waitMs);
      for (const socket of this.#options.sockets) {
        if (!existsSync(socket)) continue;
        try {
          const found = await this.#runtime(socket).describe(fullId);
          if (found !== null) return found;
        } catch (error) {
          this.#complain(`${socket} cannot be asked about containers: ${messageOf(error)}`);
        }
      }
    }
    return null;
  }

  #runtime(socket: string): ContainerRuntime {
    const known = this.#runtimes.get(socket);
    if (known !== undefined) return known;
    const runtime = this.#options.open(socket);
    this.#runtimes.set(socket, runtime);
    return runtime;
  }

  #complain(problem: string): void {
    if (this.#complained.has(problem) || this.#complained.size >= MOST_REMEMBERED) return;
    this.#complained.add(problem);
    this.#options.onFailure(problem);
  }
}

/** A runtime knows its containers by whole ids; of names that people gave them (`ctr run`) too the id is only the beginning. */
function fullIdOf(id: string, groups: readonly (readonly [string, string])[]): string {
  for (const [, path] of groups) {
    const digits = FULL_ID.exec(path)?.[0];
    if (digits !== undefined) return digits;
    const named = path.split('/').findLast((part) => part.startsWith(id));
    if (named !== undefined) return named;
  }
  return id;
}

/** As the container plugin of Falco writes it; `scap` reads it back. */
function describedJson(id: string, told: ContainerDescription): string {
  const { repository, tag, digest } = partsOfImage(told.image);
  return JSON.stringify({
    container: {
      type: TYPES[told.runtime],
      id,
      full_id: told.fullId,
      name: told.name,
      image: told.image,
      imageid: told.imageId,
      imagerepo: repository,
      imagetag: tag,
      imagedigest: told.imageDigest || digest,
      User: told.user,
      ip: told.ip,
      labels: told.labels,
      privileged: told.isPrivileged,
      host_pid: told.hasHostPid,
      host_network: told.hasHostNetwork,
      host_ipc: told.hasHostIpc,
      Mounts: told.mounts.map(({ source, destination, mode, isWritable, propagation }) => ({
        Source: source,
        Destination: destination,
        Mode: mode,
        RW: isWritable,
        Propagation: propagation,
      })),
      pod_sandbox_id: told.podSandboxId,
      pod_sandbox_labels: told.podLabels,
    },
  });
}
