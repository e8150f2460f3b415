/**
 * Addresses as parameters carry them.
 *
 *     address   family · IPv4 4 or IPv6 16 bytes · port 2            unix: family · path, ended by a zero byte
 *     tuple     family · source · port · destination · port          unix: family · source 8 · destination 8 · path
 */
import { addressText, endsText, isMapped } from './addresses.ts';
import { PROTOCOL } from './fds.ts';
import { type Parameters, textAt } from '../format/parameters.ts';

const UNIX = 1;
const INET = 2;
const INET6 = 10;
const NOTHING = Buffer.alloc(0);

export interface SocketAddress {
  readonly family: number;
  readonly ip: Buffer;
  readonly port: number;
  readonly path: string;
}

export interface Tuple {
  readonly family: number;
  readonly source: Buffer;
  readonly sourcePort: number;
  readonly destination: Buffer;
  readonly destinationPort: number;
  readonly from: bigint;
  readonly to: bigint;
  readonly path: string;
}

function familyOf(parameters: Parameters, place: number): number {
  return parameters.has(place) ? (parameters.bytes[parameters.offset(place)] ?? 0) : 0;
}

function endsWithZero(parameters: Parameters, place: number): boolean {
  return parameters.bytes[parameters.offset(place) + parameters.length(place) - 1] === 0;
}

export function isAddressWhole(parameters: Parameters, place: number): boolean {
  const length = parameters.length(place);
  if (length === 0) return false;
  switch (familyOf(parameters, place)) {
    case INET:
      return length >= 7;
    case INET6:
      return length >= 19;
    case UNIX:
      return length >= 2 && endsWithZero(parameters, place);
    default:
      return true;
  }
}

export function isTupleWhole(parameters: Parameters, place: number): boolean {
  const length = parameters.length(place);
  if (length === 0) return false;
  switch (familyOf(parameters, place)) {
    case INET:
      return length >= 13;
    case INET6:
      return length >= 37;
    case UNIX:
      return length >= 18 && endsWithZero(parameters, place);
    default:
      return true;
  }
}

/** The parameter must be whole. */
export function readAddress(parameters: Parameters, place: number): SocketAddress {
  const at = parameters.offset(place);
  const family = familyOf(parameters, place);
  const width = family === INET ? 4 : family === INET6 ? 16 : 0;
  return {
    family,
    ip: parameters.bytes.subarray(at + 1, at + 1 + width),
    port: width === 0 ? 0 : port(parameters, at + 1 + width),
    path: family === UNIX ? textAt(parameters.bytes, at + 1, parameters.length(place) - 1) : '',
  };
}

/** The parameter must be whole. */
export function readTuple(parameters: Parameters, place: number): Tuple {
  const { bytes, littleEndian } = parameters;
  const at = parameters.offset(place);
  const family = familyOf(parameters, place);
  const width = family === INET ? 4 : family === INET6 ? 16 : 0;
  const isUnix = family === UNIX;
  const u64 = (offset: number): bigint =>
    littleEndian ? bytes.readBigUInt64LE(offset) : bytes.readBigUInt64BE(offset);
  return {
    family,
    source: width === 0 ? NOTHING : bytes.subarray(at + 1, at + 1 + width),
    sourcePort: width === 0 ? 0 : port(parameters, at + 1 + width),
    destination: width === 0 ? NOTHING : bytes.subarray(at + 3 + width, at + 3 + 2 * width),
    destinationPort: width === 0 ? 0 : port(parameters, at + 3 + 2 * width),
    from: isUnix ? u64(at + 1) : 0n,
    to: isUnix ? u64(at + 9) : 0n,
    path: isUnix ? textAt(bytes, at + 17, parameters.length(place) - 17) : '',
  };
}

function port({ bytes, littleEndian }: Parameters, at: number): number {
  return littleEndian ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
}

/** A tuple as it is printed. */
export function tupleText(parameters: Parameters, place: number): string {
  if (!parameters.has(place)) return 'NULL';
  if (!isTupleWhole(parameters, place)) return invalid(familyOf(parameters, place), 'SOCKTUPLE');
  const tuple = readTuple(parameters, place);
  if (tuple.family === UNIX) return `${tuple.from.toString(16)}->${tuple.to.toString(16)} ${tuple.path}`;
  if (tuple.source.length === 0) return `family ${tuple.family}`;
  if (tuple.family === INET6 && isMapped(tuple.source) && isMapped(tuple.destination)) {
    return endsText({ ...tuple, source: tuple.source.subarray(12), destination: tuple.destination.subarray(12) });
  }
  return endsText(tuple);
}

export function addressParameterText(parameters: Parameters, place: number): string {
  if (!parameters.has(place)) return '<NA>';
  if (!isAddressWhole(parameters, place)) return invalid(familyOf(parameters, place), 'SOCKADDR');
  const address = readAddress(parameters, place);
  if (address.family === UNIX) return address.path;
  return address.ip.length === 0 ? `family ${address.family}` : `${addressText(address.ip)}:${address.port}`;
}

function invalid(family: number, what: string): string {
  const name = { [UNIX]: 'PATH', [INET]: 'IPv4', [INET6]: 'IPv6' }[family] ?? what;
  return `INVALID ${name}`;
}

export const LETTERS: Readonly<Record<number, string>> = {
  [PROTOCOL.tcp]: 't',
  [PROTOCOL.udp]: 'u',
  [PROTOCOL.icmp]: 'i',
  [PROTOCOL.raw]: 'r',
};
