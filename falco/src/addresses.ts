/**
 * IP addresses and CIDR ranges as numbers: an address is a 128-bit integer, IPv4 inside `::ffff:0:0/96`, so that one
 * comparison serves both families.
 */

export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
}

const MAPPED_V4 = 0xffff_0000_0000n;
const LONGEST_ADDRESS = 64;

/** Null when `text` is no address. Zone suffixes (`%eth0`) are not accepted. */
export function parseAddress(text: string): bigint | null {
  if (text.length > LONGEST_ADDRESS) return null;
  return text.includes(':') ? parseV6(text) : parseV4(text);
}

/** An address alone is a range of one; null when `text` is neither. */
export function parseRange(text: string): AddressRange | null {
  const slash = text.indexOf('/');
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (address === null) return null;
  if (slash === -1) return { first: address, last: address };
  const prefix = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(prefix)) return null;
  const bits = text.includes(':') ? 128 : 32;
  if (Number(prefix) > bits) return null;
  const host = (1n << BigInt(bits - Number(prefix))) - 1n;
  return { first: address & ~host, last: address | host };
}

function parseV4(text: string): bigint | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return null;
  let value = 0;
  for (const part of match.slice(1)) {
    if (Number(part) > 255) return null;
    value = value * 256 + Number(part);
  }
  return MAPPED_V4 | BigInt(value);
}

function parseV6(text: string): bigint | null {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const tail = dotted === null ? null : parseV4(dotted[2] ?? '');
  if (dotted !== null && tail === null) return null;
  const whole = tail === null ? text : `${dotted?.[1] ?? ''}${groupsOf(tail)}`;
  const halves = whole.split('::');
  if (halves.length > 2) return null;
  const [head = [], rest = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - rest.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  let value = 0n;
  for (const group of [...head, ...Array.from({ length: missing }, () => '0'), ...rest]) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return null;
    value = (value << 16n) | BigInt(Number.parseInt(group, 16));
  }
  return value;
}

function groupsOf(mapped: bigint): string {
  const low = Number(mapped & 0xffffffffn);
  return `${(low >>> 16).toString(16)}:${(low & 0xffff).toString(16)}`;
}
