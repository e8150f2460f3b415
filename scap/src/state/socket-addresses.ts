/**
 * Addresses as parameters carry them.
 *
 *     address   family · IPv4 4 or IPv6 16 bytes · port 2            unix: family · path, ended by a zero byte
 *     tuple     family · source · port · destination · port          unix: family · source 8 · destination 8 · path
 *
 * Addresses are in network order whatever the order of the capture, ports and the numbers of unix sockets are not.
 */
import type { Parameters } from '../format/parameters.ts';
import { textAt } from '../format/text-cache.ts';
import { FD_TYPE } from '../format/lists.ts';
import { addressText, endsText } from './addresses.ts';
import { unixName } from './connection-names.ts';
import { printableText } from './printable-text.ts';
import { type Address, isMapped, portsOf, PROTOCOL, SocketEnds } from './socket-ends.ts';

export const FAMILY = { unix: 1, ipv4: 2, ipv6: 10, netlink: 16 } as const;

export type SocketAddress =
  | { readonly family: 'ip'; readonly address: Address; readonly port: number }
  | { readonly family: 'unix'; readonly path: string }
  | { readonly family: 'other'; readonly number: number };

/** What a tuple speaks of; `mapped` are IPv4 addresses in IPv6 clothes. */
export type TupleKind = 'ipv4' | 'mapped' | 'ipv6' | 'unix' | 'other';

/** Both ends as words, as in socket-ends.ts. One object is filled again for every tuple. */
export class SocketTuple extends SocketEnds {
  kind: TupleKind = 'other';
  path = '';

  /** False when the parameter is not whole. */
  read(parameters: Parameters, place: number): boolean {
    if (!isTupleWhole(parameters, place)) return false;
    const { view, littleEndian } = parameters;
    const at = parameters.offset(place) + 1;
    switch (familyOf(parameters, place)) {
      case FAMILY.ipv4:
        this.kind = 'ipv4';
        this.w0 = view.getInt32(at, true);
        this.w1 = view.getInt32(at + 6, true);
        this.w2 = portsOf(view.getUint16(at + 4, littleEndian), view.getUint16(at + 10, littleEndian));
        return true;
      case FAMILY.ipv6:
        this.#readIpv6(view, at, littleEndian);
        return true;
      case FAMILY.unix:
        this.kind = 'unix';
        this.#readUnix(view, at, littleEndian);
        this.path = textAt(parameters.bytes, view, at + 16, parameters.length(place) - 17);
        return true;
      default:
        this.kind = 'other';
        return true;
    }
  }

  get isIpv4(): boolean {
    return this.kind === 'ipv4' || this.kind === 'mapped';
  }

  #readIpv6(view: DataView, at: number, littleEndian: boolean): void {
    this.w0 = view.getInt32(at, true);
    this.w1 = view.getInt32(at + 4, true);
    this.w2 = view.getInt32(at + 8, true);
    this.w3 = view.getInt32(at + 12, true);
    this.w4 = view.getInt32(at + 18, true);
    this.w5 = view.getInt32(at + 22, true);
    this.w6 = view.getInt32(at + 26, true);
    this.w7 = view.getInt32(at + 30, true);
    this.w8 = portsOf(view.getUint16(at + 16, littleEndian), view.getUint16(at + 34, littleEndian));
    this.kind = 'ipv6';
    // Nearly all have something in their first word.
    if ((this.w0 | this.w1 | this.w4 | this.w5) !== 0) return;
    if (!isMapped(this.source(FD_TYPE.ipv6).words) || !isMapped(this.destination(FD_TYPE.ipv6).words)) return;
    this.kind = 'mapped';
    this.setIpv4(this.w3, this.w7, this.w8);
  }

  #readUnix(view: DataView, at: number, littleEndian: boolean): void {
    const [low, high] = littleEndian ? [0, 4] : [4, 0];
    this.w0 = view.getInt32(at + low, littleEndian);
    this.w1 = view.getInt32(at + high, littleEndian);
    this.w2 = view.getInt32(at + 8 + low, littleEndian);
    this.w3 = view.getInt32(at + 8 + high, littleEndian);
  }
}

function familyOf(parameters: Parameters, place: number): number {
  return parameters.has(place) ? parameters.view.getUint8(parameters.offset(place)) : 0;
}

function endsWithZero(parameters: Parameters, place: number): boolean {
  return parameters.view.getUint8(parameters.offset(place) + parameters.length(place) - 1) === 0;
}

function isAddressWhole(parameters: Parameters, place: number): boolean {
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

function isTupleWhole(parameters: Parameters, place: number): boolean {
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

/** Null when the parameter is not whole. */
export function readAddress(parameters: Parameters, place: number): SocketAddress | null {
  if (!isAddressWhole(parameters, place)) return null;
  const { view, littleEndian } = parameters;
  const at = parameters.offset(place) + 1;
  const family = familyOf(parameters, place);
  switch (family) {
    case FAMILY.ipv4: {
      const address: Address = { family: 4, words: [view.getInt32(at, true), 0, 0, 0] };
      return { family: 'ip', address, port: view.getUint16(at + 4, littleEndian) };
    }
    case FAMILY.ipv6: {
      const [w0, w1] = [view.getInt32(at, true), view.getInt32(at + 4, true)];
      const [w2, w3] = [view.getInt32(at + 8, true), view.getInt32(at + 12, true)];
      const address: Address = { family: 6, words: [w0, w1, w2, w3] };
      return { family: 'ip', address, port: view.getUint16(at + 16, littleEndian) };
    }
    case FAMILY.unix:
      return { family: 'unix', path: textAt(parameters.bytes, view, at, parameters.length(place) - 1) };
    default:
      return { family: 'other', number: family };
  }
}

/** A tuple as it is printed. */
export function tupleText(parameters: Parameters, place: number): string {
  if (!parameters.has(place)) return 'NULL';
  const family = familyOf(parameters, place);
  const tuple = new SocketTuple();
  if (!tuple.read(parameters, place)) return invalid(family, 'SOCKTUPLE');
  switch (tuple.kind) {
    case 'unix':
      return unixName(tuple.unixSource, tuple.unixDestination, tuple.path);
    case 'other':
      return `family ${family}`;
    default:
      return endsText(tuple, tuple.isIpv4 ? FD_TYPE.ipv4 : FD_TYPE.ipv6);
  }
}

export function addressParameterText(parameters: Parameters, place: number): string {
  if (!parameters.has(place)) return '<NA>';
  const address = readAddress(parameters, place);
  if (address === null) return invalid(familyOf(parameters, place), 'SOCKADDR');
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
