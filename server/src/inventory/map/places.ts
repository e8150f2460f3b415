/**
 * What the inventory knows of addresses, for the map: a pod on whose host no agent runs, and what is behind a service.
 *
 * The surprise: through a service the two ends never agree on an address. The caller knows the service's, the called pod only its own; they meet
 * by the caller's address, the application behind the service, and the port to which the service leads.
 */
import { type Addressed, type AddressDirectory, targetPortOf } from '../address-directory.ts';
import type { LineEnd } from '../connections/line-end.ts';

/** Who stands at an address outside of what agents told; null when nobody knows. */
export function placeAt(directory: AddressDirectory | undefined, end: LineEnd): Addressed | null {
  return directory?.at(end.remoteIp, end) ?? null;
}

export interface ThroughServices {
  /** A caller's end that leads through a service, of which the called end tells too. */
  isToldByCalled(end: LineEnd): boolean;
  /** A called end that a caller reached through a service, and tells too. */
  isToldByCaller(end: LineEnd): boolean;
}

const ANY_PORT = '*';

export function throughServices(ends: readonly LineEnd[], directory: AddressDirectory | undefined): ThroughServices {
  const callers = new Map<LineEnd, string>();
  const called = new Set<string>();
  for (const end of ends) {
    if (end.direction === 'in') {
      called.add(meetingKey(end, end.remoteIp, end.application, String(end.port)));
      called.add(meetingKey(end, end.remoteIp, end.application, ANY_PORT));
      continue;
    }
    const place = placeAt(directory, end);
    if (place?.kind !== 'service') continue;
    const target = targetPortOf(place, end.port, end.protocol) ?? ANY_PORT;
    callers.set(end, meetingKey(end, end.localIp, place.application, /^\d+$/.test(target) ? target : ANY_PORT));
  }
  const told = new Set(callers.values());
  return {
    isToldByCalled: (end) => called.has(callers.get(end) ?? ''),
    isToldByCaller: (end) =>
      told.size > 0 &&
      [String(end.port), ANY_PORT].some((port) => told.has(meetingKey(end, end.remoteIp, end.application, port))),
  };
}

function meetingKey({ scope, protocol }: LineEnd, caller: string, application: string, port: string): string {
  return `${scope}|${protocol}|${caller}|${application}|${port}`;
}
