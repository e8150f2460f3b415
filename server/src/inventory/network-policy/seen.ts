/**
 * Who talked to whom, as a network policy must say it: between pods and addresses, at the port at which the pods listen. Both ends of a
 * connection tell it, and either is enough.
 *
 * The surprise: a caller that goes through a service says the service's address and port, and no policy ever sees those: they are replaced
 * before it looks.
 */
import { isInside } from '../../vendors/outside.ts';
import { type AddressDirectory, targetPortOf } from '../address-directory.ts';
import type { LineEnd } from '../connections/line-end.ts';
import { grouped, type Target, targetKey } from './selector.ts';

export type Peer =
  | { readonly type: 'pods'; readonly target: Target }
  /** Whatever is not in the cluster, and what uses its node's network. */
  | { readonly type: 'address'; readonly ip: string; readonly name: string }
  /** The name servers of the cluster, when the inventory does not know them. */
  | { readonly type: 'names'; readonly ip: string };

export interface Flow {
  readonly from: Peer;
  readonly to: Peer;
  readonly protocol: 'TCP' | 'UDP';
  /** A number, or the name that the pods give it. */
  readonly port: string;
}

/** What was seen and cannot be said, of whom. */
export interface Unsaid {
  readonly target: Target;
  readonly reason: string;
}

export interface Sight {
  readonly flows: readonly Flow[];
  readonly unsaid: readonly Unsaid[];
}

const NAMES_PORT = 53;
const OWN_HOST = /^(?:127\.|::1$)/;

/** Whether anything came about: a connection that always failed is no habit. */
function hasWorked({ opened, failed, sentBytes, receivedBytes }: LineEnd): boolean {
  return failed < opened || failed === 0 || sentBytes + receivedBytes > 0;
}

export function sightOf(ends: readonly LineEnd[], { targets, directory, networkOf }: SightOptions): Sight {
  const byKey = new Map(targets.map((target) => [targetKey(target), target]));
  const byApplication = grouped(targets, ({ application }) => application);
  const flows: Flow[] = [];
  const unsaid: Unsaid[] = [];
  for (const end of ends) {
    if (end.protocol === 'unix' || OWN_HOST.test(end.remoteIp) || !hasWorked(end)) continue;
    const here = localPeer(end, { byKey, byApplication, directory });
    if (end.direction === 'unknown') {
      if (here.type === 'pods')
        unsaid.push({ target: here.target, reason: `${peerText(end)}: nobody saw who called whom` });
      continue;
    }
    const there = remotePeer(end, { byKey, directory, networkOf });
    if ('reason' in there) {
      if (here.type === 'pods') unsaid.push({ target: here.target, reason: there.reason });
      continue;
    }
    const [from, to] = end.direction === 'out' ? [here, there.peer] : [there.peer, here];
    flows.push({ from, to, protocol: end.protocol === 'udp' ? 'UDP' : 'TCP', port: there.port });
  }
  return { flows, unsaid };
}

export interface SightOptions {
  readonly targets: readonly Target[];
  readonly directory: AddressDirectory;
  readonly networkOf: (ip: string) => string;
}

interface Known {
  readonly byKey: ReadonlyMap<string, Target>;
  readonly directory: AddressDirectory;
}

/** Whoever tells it: the pods of its application, or the address of a program on a host. */
function localPeer(
  end: LineEnd,
  { byKey, byApplication, directory }: Known & { readonly byApplication: ReadonlyMap<string, readonly Target[]> },
): Peer {
  const place = directory.at(end.localIp, end);
  const found = place?.kind === 'pod' ? byKey.get(targetKey(place)) : undefined;
  if (found !== undefined) return { type: 'pods', target: found };
  const [only, ...others] = byApplication.get(end.application) ?? [];
  if (only !== undefined && others.length === 0 && !usesHostNetwork(only)) return { type: 'pods', target: only };
  return { type: 'address', ip: end.localIp, name: end.application };
}

export function usesHostNetwork({ pods }: Target): boolean {
  return pods.some(({ facts }) => facts['hostNetwork'] === 'true');
}

function remotePeer(
  end: LineEnd,
  { byKey, directory, networkOf }: Known & Pick<SightOptions, 'networkOf'>,
): { readonly peer: Peer; readonly port: string } | { readonly reason: string } {
  const { remoteIp, port, protocol } = end;
  const place = directory.at(remoteIp, end);
  if (place?.kind === 'pod' || place?.kind === 'service') {
    const target = byKey.get(targetKey(place));
    if (target === undefined)
      return { reason: `${peerText(end)}: no pods of ${place.namespace}/${place.name} are known` };
    const to = place.kind === 'service' ? targetPortOf(place, port, protocol) : String(port);
    if (to === null) return { reason: `${peerText(end)}: the service ${place.name} does not say where the port leads` };
    return { peer: { type: 'pods', target }, port: to };
  }
  if (end.direction === 'out' && port === NAMES_PORT && isInside(remoteIp) && place === null)
    return { peer: { type: 'names', ip: remoteIp }, port: String(port) };
  const name = end.remoteName || place?.name || networkOf(remoteIp);
  return { peer: { type: 'address', ip: remoteIp, name }, port: String(port) };
}

/** `203.0.113.7 443/tcp`, for a comment. */
function peerText({ remoteIp, port, protocol }: LineEnd): string {
  return `${remoteIp} ${port}/${protocol}`;
}
