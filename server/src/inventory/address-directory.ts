/**
 * Whose an address was: pods, services, nodes and hosts of the inventory, by address and time.
 *
 * The surprise: addresses of pods are used again within minutes. Whoever asks says when, and an address that several had in that time is
 * nobody's, unless all of them are of one application.
 */
import { addressBytes } from './connections/addresses.ts';
import type { KnownWorkload } from './store.ts';
import { SILENT_MS } from './workload.ts';

export type Addressed = Pick<
  KnownWorkload,
  | 'kind'
  | 'id'
  | 'name'
  | 'cluster'
  | 'namespace'
  | 'application'
  | 'host'
  | 'addresses'
  | 'facts'
  | 'firstMs'
  | 'lastMs'
  | 'endedMs'
>;

export interface Span {
  readonly firstMs: number;
  readonly lastMs: number;
}

export class AddressDirectory {
  readonly #byAddress = new Map<string, Addressed[]>();

  constructor(workloads: readonly Addressed[]) {
    for (const one of workloads) {
      for (const address of one.addresses) {
        const key = keyOf(address);
        const known = this.#byAddress.get(key);
        if (known === undefined) this.#byAddress.set(key, [one]);
        else known.push(one);
      }
    }
  }

  /** Null when nobody had it then that is known, or it cannot be told who. */
  at(ip: string, { firstMs, lastMs }: Span): Addressed | null {
    const known = this.#byAddress.get(keyOf(ip));
    if (known === undefined) return null;
    const then = known.filter((one) => one.firstMs <= lastMs && (one.endedMs ?? one.lastMs + SILENT_MS) >= firstMs);
    const [first, ...others] = then;
    if (first === undefined) return null;
    const isOne = others.every(
      ({ kind, cluster, namespace, application, name }) =>
        groupOf(kind) === groupOf(first.kind) &&
        (groupOf(kind) === 'host'
          ? name === first.name
          : cluster === first.cluster && namespace === first.namespace && application === first.application),
    );
    return isOne ? first : null;
  }
}

/** A node is told by its cluster, and as a host by its agent. */
function groupOf(kind: Addressed['kind']): Addressed['kind'] {
  return kind === 'node' ? 'host' : kind;
}

/** The port of the pods behind a service: a number, or its name; null when the service does not have the port. */
export function targetPortOf({ facts }: Addressed, port: number, protocol: string): string | null {
  for (const target of (facts['targets'] ?? '').split(' ')) {
    const [from, to] = target.split(':');
    if (from === `${port}/${protocol}` && to !== undefined) return to;
  }
  return null;
}

/** One key an address, however it is written. */
function keyOf(ip: string): string {
  if (!ip.includes(':')) return ip;
  const bytes = addressBytes(ip);
  return bytes === null ? ip : Buffer.from(bytes).toString('hex');
}
