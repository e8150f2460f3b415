/** Internet addresses as text. */
import type { Address, SocketEnds } from './socket-ends.ts';

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

/** The same of IPv6, by a few bits of the address. */
const PLACES = 512;
const KEPT: ({ readonly words: Address['words']; readonly text: string } | undefined)[] = Array.from({
  length: PLACES,
});

function ipv6Text(words: Address['words']): string {
  const [w0, w1, w2, w3] = words;
  const mixed = Math.imul(w0 ^ Math.imul(w1, 31) ^ Math.imul(w2, 961) ^ Math.imul(w3, 29_791), 0x9e37_79b1);
  const place = (mixed >>> 16) & (PLACES - 1);
  const kept = KEPT[place];
  if (kept !== undefined && kept.words.every((word, index) => word === words[index])) return kept.text;
  const text = writeIpv6(words);
  KEPT[place] = { words, text };
  return text;
}

/** The longest run of zero groups (two or more, the first of equals) becomes `::`. */
function writeIpv6(words: Address['words']): string {
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

export function endsText(ends: SocketEnds, type: number): string {
  const near = `${addressText(ends.source(type))}:${ends.sourcePort(type)}`;
  return `${near}->${addressText(ends.destination(type))}:${ends.destinationPort(type)}`;
}
