/**
 * What everything on this host uses, where the host is watched: joins the sampler with what the sensor's stream knows of containers. Needs no
 * sensor: without one, containers go by their ids.
 */
import { CODE, type Machine } from '@countersign/scap';
import type { Clock } from './ground/clock.ts';
import { containerPlace } from './host-owners.ts';
import type { RollUpPiece } from './host-roll-up.ts';
import type { CustomGroup, ProcessPlace } from './inventory/application.ts';
import { runSampler } from './inventory/telemetry/edge/run.ts';
import { Sampler } from './inventory/telemetry/edge/sampler.ts';
import { createNamer } from './inventory/telemetry/edge/tell.ts';
import type { Follower } from './sources/sensor/stream.ts';

const MOST_CONTAINERS = 20_000;

export interface HostTelemetry {
  /** Learns the names of containers. */
  readonly follower: Follower;
  /** Samples until `signal` aborts; each window as pieces that travel. */
  run(clock: Clock, onPiece: (piece: RollUpPiece) => void, signal: AbortSignal): Promise<void>;
}

export function createHostTelemetry(groups: readonly CustomGroup[] = []): HostTelemetry {
  const containers = new ContainerFacts();
  return {
    follower: containers,
    run: (clock, onPiece, signal) => {
      const sampler = new Sampler({
        proc: '/proc',
        sys: '/sys',
        namer: createNamer((id) => containers.get(id), groups),
      });
      const onWindow = (samples: Parameters<Parameters<typeof runSampler>[0]['onWindow']>[0]) => {
        const windowMs = clock.nowMs();
        for (let start = 0; start < samples.length; start += MOST_SAMPLES) {
          const piece = samples.slice(start, start + MOST_SAMPLES);
          onPiece({ windowMs, number: start / MOST_SAMPLES, lines: [], activity: [], lives: [], samples: piece });
        }
      };
      return runSampler({ sampler, clock, onWindow }, signal);
    },
  };
}

/** In one message. */
const MOST_SAMPLES = 2_000;

/** The machine itself must not be kept: what runtimes told of containers is copied out of it. */
class ContainerFacts implements Follower {
  readonly #known = new Map<string, ProcessPlace['container']>();

  get(shortId: string): ProcessPlace['container'] {
    return this.#known.get(shortId) ?? null;
  }

  isInteresting(code: number): boolean {
    return code === CODE.async;
  }

  follow({ current, containers }: Machine): void {
    if (current.code !== CODE.async || current.text(1) !== 'container') return;
    if (this.#known.size > MOST_CONTAINERS) this.#known.clear();
    for (const [id, container] of containers)
      if (container.type !== 'host' && container.name !== '') this.#known.set(id, containerPlace(container));
  }
}
