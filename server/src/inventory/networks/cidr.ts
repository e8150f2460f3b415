/** `192.0.2.0/24`, `2001:db8::/32`, or one address: where the range begins and ends. */
import { addressBytes } from '../connections/addresses.ts';

export interface Ends {
  readonly first: Uint8Array;
  readonly last: Uint8Array;
}

const CIDR = /^([^/]+)(?:\/(\d{1,3}))?$/;
const BYTE_BITS = 8;

/** Null when it is none. Bits behind the prefix are left out, as everybody does. */
export function readCidr(text: string): Ends | null {
  const [, address = '', prefix] = CIDR.exec(text) ?? [];
  const bytes = addressBytes(address);
  const bits = bytes === null ? 0 : bytes.length * BYTE_BITS;
  const length = prefix === undefined ? bits : Number(prefix);
  if (bytes === null || length > bits || address.includes('%')) return null;
  const maskOf = (index: number) => 0xff >> Math.min(BYTE_BITS, Math.max(0, length - index * BYTE_BITS));
  return {
    first: bytes.map((byte, index) => byte & ~maskOf(index)),
    last: bytes.map((byte, index) => byte | maskOf(index)),
  };
}
