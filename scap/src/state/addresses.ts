/** Internet addresses as text, and the ends of connections as names. */
import { FD_TYPE } from '../format/lists.ts';
import type { Fd } from './fds.ts';
import { PROTOCOL } from './fds.ts';
import type { Address } from './socket-ends.ts';

/** Texts of IPv4 addresses that were asked for lately. */
const TEXTS = new Map<number, string>();
const MOST_TEXTS = 4_096;

export function addressText({ family, words }: Address): string {
  return family === 4 ? ipv4Text(words[0]) : ipv6Text(words);
}

function ipv4Text(word: number): string {
  let text = TEXTS.get(word);
  if (text === undefined) {
    text = `${word & 0xff}.${(word >>> 8) & 0xff}.${(word >>> 16) & 0xff}.${word >>> 24}`;
    if (TEXTS.size >= MOST_TEXTS) TEXTS.clear();
    TEXTS.set(word, text);
  }
  return text;
}

/** The longest run of zero groups (two or more, the first of equals) becomes `::`. */
function ipv6Text(words: Address['words']): string {
  const groups = words.flatMap((word) => [
    ((word & 0xff) << 8) | ((word >>> 8) & 0xff),
    ((word >>> 8) & 0xff00) | (word >>> 24),
  ]);
  let [best, bestLength] = [-1, 1];
  for (let from = 0; from < groups.length; from += 1) {
    let length = 0;
    while (groups[from + length] === 0) length += 1;
    if (length > bestLength) [best, bestLength] = [from, length];
  }
  const text = (some: readonly number[]): string => some.map((group) => group.toString(16)).join(':');
  if (best === -1) return text(groups);
  const isEmbedded = best === 0 && (bestLength === 6 || (bestLength === 5 && groups[5] === 0xffff));
  if (isEmbedded) return `::${bestLength === 5 ? 'ffff:' : ''}${ipv4Text(words[3])}`;
  return `${text(groups.slice(0, best))}::${text(groups.slice(best + bestLength))}`;
}

export interface Ends {
  readonly source: Address;
  readonly sourcePort: number;
  readonly destination: Address;
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
