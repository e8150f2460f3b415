/** Internet addresses as text, and what the state asks of them. Bytes are in network order. */
import type { Fd } from './fds.ts';
import { PROTOCOL } from './fds.ts';
import { FD_TYPE } from '../format/lists.ts';

export function addressText(bytes: Buffer): string {
  return bytes.length === 4 ? `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}` : ipv6Text(bytes);
}

/** The longest run of zero groups (two or more, the first of equals) becomes `::`. */
function ipv6Text(bytes: Buffer): string {
  const groups: number[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(bytes.readUInt16BE(at));
  let [best, bestLength] = [-1, 1];
  for (let from = 0; from < groups.length; from += 1) {
    let length = 0;
    while (groups[from + length] === 0) length += 1;
    if (length > bestLength) [best, bestLength] = [from, length];
  }
  const text = (some: readonly number[]): string => some.map((group) => group.toString(16)).join(':');
  if (best === -1) return text(groups);
  const isEmbedded = best === 0 && (bestLength === 6 || (bestLength === 5 && groups[5] === 0xffff));
  if (isEmbedded) return `::${bestLength === 5 ? 'ffff:' : ''}${addressText(bytes.subarray(12))}`;
  return `${text(groups.slice(0, best))}::${text(groups.slice(best + bestLength))}`;
}

/** An IPv4 address in IPv6 clothes; the address of all zeros counts as one. */
export function isMapped(bytes: Buffer): boolean {
  for (let at = 0; at < 10; at += 1) if (bytes[at] !== 0) return false;
  if (bytes[10] === 0xff && bytes[11] === 0xff) return true;
  for (let at = 10; at < 16; at += 1) if (bytes[at] !== 0) return false;
  return true;
}

export function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

export interface Ends {
  readonly source: Buffer;
  readonly sourcePort: number;
  readonly destination: Buffer;
  readonly destinationPort: number;
}

export function endsText(ends: Ends): string {
  return `${addressText(ends.source)}:${ends.sourcePort}->${addressText(ends.destination)}:${ends.destinationPort}`;
}

/** The name of a connection. Of protocols without ports only the addresses; of an unknown one nothing is said. */
export function connectionName(fd: Fd): string {
  const protocol = fd.storedProtocol;
  if (protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp) return endsText(fd);
  if (protocol === PROTOCOL.icmp || (protocol === PROTOCOL.raw && fd.type === FD_TYPE.ipv4)) {
    return `${addressText(fd.source)}->${addressText(fd.destination)}`;
  }
  return '<unknown>';
}
