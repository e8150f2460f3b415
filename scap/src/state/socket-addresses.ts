/**
 * Addresses as parameters carry them.
 *
 *     address   family · IPv4 4 or IPv6 16 bytes · port 2            unix: family · path, ended by a zero byte
 *     tuple     family · source · port · destination · port          unix: family · source 8 · destination 8 · path
 */
import { type Parameters } from '../format/parameters.ts';
import { textAt } from '../format/text-cache.ts';
import { addressText, endsText } from './addresses.ts';
import { PROTOCOL } from './fds.ts';
import { printableText } from './printable-text.ts';
import { type Address, isMapped } from './socket-ends.ts';

export const FAMILY = { unix: 1, ipv4: 2, ipv6: 10, netlink: 16 } as const;

export type SocketAddress =
  | { readonly family: 'ip'; readonly address: Address; readonly port: number }
  | { readonly family: 'unix'; readonly path: string }
  | { readonly family: 'other'; readonly number: number };

export type Tuple =
  | {
      readonly family: 'ip';
      readonly source: Address;
      readonly sourcePort: number;
      readonly destination: Address;
      readonly destinationPort: number;
    }
  | { readonly family: 'unix'; readonly from: bigint; readonly to: bigint; readonly path: string }
  | { readonly family: 'other'; readonly number: number };

function familyOf(parameters: Parameters, place: number): number {
  return parameters.has(place) ? parameters.view.getUint8(parameters.offset(place)) : 0;
}

function endsWithZero(parameters: Parameters, place: number): boolean {
  return parameters.view.getUint8(parameters.offset(place) + parameters.length(place) - 1) === 0;
}

export function isAddressWhole(parameters: Parameters, place: number): boolean {
  const length = parameters.length(place);
  if (length === 0) return false;
  switch (familyOf(parameters, place)) {
    case FAMILY.ipv4:
      return length >= 7;
    case FAMILY.ipv6:
      return length >= 19;
    case FAMILY.unix:
      return length >= 2 && endsWithZero(parameters, place);
    default:
      return true;
  }
}

export function isTupleWhole(parameters: Parameters, place: number): boolean {
  const length = parameters.length(place);
  if (length === 0) return false;
  switch (familyOf(parameters, place)) {
    case FAMILY.ipv4:
      return length >= 13;
    case FAMILY.ipv6:
      return length >= 37;
    case FAMILY.unix:
      return length >= 18 && endsWithZero(parameters, place);
    default:
      return true;
  }
}

/** The parameter must be whole. */
export function readAddress(parameters: Parameters, place: number): SocketAddress {
  const { view, littleEndian } = parameters;
  const at = parameters.offset(place) + 1;
  const family = familyOf(parameters, place);
  switch (family) {
    case FAMILY.ipv4:
      return { family: 'ip', address: ipv4At(view, at), port: view.getUint16(at + 4, littleEndian) };
    case FAMILY.ipv6:
      return { family: 'ip', address: ipv6At(view, at), port: view.getUint16(at + 16, littleEndian) };
    case FAMILY.unix:
      return { family: 'unix', path: textAt(parameters.bytes, view, at, parameters.length(place) - 1) };
    default:
      return { family: 'other', number: family };
  }
}

/** The parameter must be whole. */
export function readTuple(parameters: Parameters, place: number): Tuple {
  const { view, littleEndian } = parameters;
  const at = parameters.offset(place) + 1;
  const family = familyOf(parameters, place);
  switch (family) {
    case FAMILY.ipv4:
      return {
        family: 'ip',
        source: ipv4At(view, at),
        sourcePort: view.getUint16(at + 4, littleEndian),
        destination: ipv4At(view, at + 6),
        destinationPort: view.getUint16(at + 10, littleEndian),
      };
    case FAMILY.ipv6:
      return {
        family: 'ip',
        source: ipv6At(view, at),
        sourcePort: view.getUint16(at + 16, littleEndian),
        destination: ipv6At(view, at + 18),
        destinationPort: view.getUint16(at + 34, littleEndian),
      };
    case FAMILY.unix:
      return {
        family: 'unix',
        from: view.getBigUint64(at, littleEndian),
        to: view.getBigUint64(at + 8, littleEndian),
        path: textAt(parameters.bytes, view, at + 16, parameters.length(place) - 17),
      };
    default:
      return { family: 'other', number: family };
  }
}

/** Addresses are in network order whatever the order of the capture. */
function ipv4At(view: DataView, at: number): Address {
  return { family: 4, words: [view.getInt32(at, true), 0, 0, 0] };
}

function ipv6At(view: DataView, at: number): Address {
  const words = [view.getInt32(at, true), view.getInt32(at + 4, true)] as const;
  return { family: 6, words: [...words, view.getInt32(at + 8, true), view.getInt32(at + 12, true)] };
}

/** An IPv4 address out of IPv6 clothes. */
export function unmapped({ words }: Address): Address {
  return { family: 4, words: [words[3], 0, 0, 0] };
}

export function unixName(from: bigint, to: bigint, path: string): string {
  return `${from.toString(16)}->${to.toString(16)} ${printableText(path)}`;
}

/** A tuple as it is printed. */
export function tupleText(parameters: Parameters, place: number): string {
  if (!parameters.has(place)) return 'NULL';
  if (!isTupleWhole(parameters, place)) return invalid(familyOf(parameters, place), 'SOCKTUPLE');
  const tuple = readTuple(parameters, place);
  if (tuple.family === 'unix') return unixName(tuple.from, tuple.to, tuple.path);
  if (tuple.family === 'other') return `family ${tuple.number}`;
  const { source, destination } = tuple;
  if (source.family === 6 && isMapped(source.words) && isMapped(destination.words)) {
    return endsText({ ...tuple, source: unmapped(source), destination: unmapped(destination) });
  }
  return endsText(tuple);
}

export function addressParameterText(parameters: Parameters, place: number): string {
  if (!parameters.has(place)) return '<NA>';
  if (!isAddressWhole(parameters, place)) return invalid(familyOf(parameters, place), 'SOCKADDR');
  const address = readAddress(parameters, place);
  if (address.family === 'unix') return printableText(address.path);
  if (address.family === 'other') return `family ${address.number}`;
  return `${addressText(address.address)}:${address.port}`;
}

function invalid(family: number, what: string): string {
  const name = { [FAMILY.unix]: 'PATH', [FAMILY.ipv4]: 'IPv4', [FAMILY.ipv6]: 'IPv6' }[family] ?? what;
  return `INVALID ${name}`;
}

export const LETTERS: Readonly<Record<number, string>> = {
  [PROTOCOL.tcp]: 't',
  [PROTOCOL.udp]: 'u',
  [PROTOCOL.icmp]: 'i',
  [PROTOCOL.raw]: 'r',
};
