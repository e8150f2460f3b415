/**
 * The forty bytes in which a socket keeps whom it talks to, as ten words. They mean different things by type, as they do where
 * the format comes from: a socket that changes its type keeps the bytes, and some values follow from just that.
 *
 *                  word 0     1             2              3          4             5  6  7   8              9
 *     IPv4         source     destination   both ports     protocol
 *     IPv4 server  address    port·protocol
 *     IPv6         source ──────────────────────────────── destination ────────────────────   both ports     protocol
 *     IPv6 server  address ─────────────────────────────── port·protocol
 *     unix         source ─────── destination ─────────
 *
 * Addresses are in network order, read as little-endian words; of two ports the source is the lower half.
 */
import { FD_TYPE } from '../format/lists.ts';

export const PROTOCOL = { unknown: 0, notApplicable: 1, tcp: 2, udp: 3, icmp: 4, raw: 5 } as const;

/** An IPv4 address has one word, an IPv6 address four. */
export interface Address {
  readonly family: 4 | 6;
  readonly words: readonly [number, number, number, number];
}

const MAPPED = 0xffff_0000 | 0;

export class SocketEnds {
  w0 = 0;
  w1 = 0;
  w2 = 0;
  w3 = 0;
  w4 = 0;
  w5 = 0;
  w6 = 0;
  w7 = 0;
  w8 = 0;
  w9 = 0;

  copy(): SocketEnds {
    const copy = new SocketEnds();
    copy.w0 = this.w0;
    copy.w1 = this.w1;
    copy.w2 = this.w2;
    copy.w3 = this.w3;
    copy.w4 = this.w4;
    copy.w5 = this.w5;
    copy.w6 = this.w6;
    copy.w7 = this.w7;
    copy.w8 = this.w8;
    copy.w9 = this.w9;
    return copy;
  }

  source(type: number): Address {
    return isIpv6(type)
      ? { family: 6, words: [this.w0, this.w1, this.w2, this.w3] }
      : { family: 4, words: [this.w0, 0, 0, 0] };
  }

  /** A server has one address: it is its destination too. */
  destination(type: number): Address {
    if (type === FD_TYPE.ipv6) return { family: 6, words: [this.w4, this.w5, this.w6, this.w7] };
    return type === FD_TYPE.ipv4 ? { family: 4, words: [this.w1, 0, 0, 0] } : this.source(type);
  }

  sourcePort(type: number): number {
    return this.#ports(type) & 0xffff;
  }

  destinationPort(type: number): number {
    const ports = this.#ports(type);
    return type === FD_TYPE.ipv4 || type === FD_TYPE.ipv6 ? ports >>> 16 : ports & 0xffff;
  }

  #ports(type: number): number {
    switch (type) {
      case FD_TYPE.ipv6:
        return this.w8;
      case FD_TYPE.ipv6Server:
        return this.w4;
      case FD_TYPE.ipv4Server:
        return this.w1;
      default:
        return this.w2;
    }
  }

  protocol(type: number): number {
    switch (type) {
      case FD_TYPE.ipv6:
        return this.w9 & 0xff;
      case FD_TYPE.ipv6Server:
        return (this.w4 >>> 16) & 0xff;
      case FD_TYPE.ipv4Server:
        return (this.w1 >>> 16) & 0xff;
      default:
        return this.w3 & 0xff;
    }
  }

  setProtocol(type: number, protocol: number): void {
    switch (type) {
      case FD_TYPE.ipv6:
        this.w9 = (this.w9 & ~0xff) | protocol;
        return;
      case FD_TYPE.ipv6Server:
        this.w4 = (this.w4 & ~0xff_0000) | (protocol << 16);
        return;
      case FD_TYPE.ipv4Server:
        this.w1 = (this.w1 & ~0xff_0000) | (protocol << 16);
        return;
      default:
        this.w3 = (this.w3 & ~0xff) | protocol;
    }
  }

  setIpv4(source: number, destination: number, ports: number): void {
    this.w0 = source;
    this.w1 = destination;
    this.w2 = ports;
  }

  setServer(type: number, { words }: Address, port: number): void {
    [this.w0] = words;
    if (type === FD_TYPE.ipv4Server) this.w1 = (this.w1 & ~0xffff) | port;
    else {
      [, this.w1, this.w2, this.w3] = words;
      this.w4 = (this.w4 & ~0xffff) | port;
    }
  }

  setIpv6(source: Address['words'], destination: Address['words'], ports: number): void {
    this.setIpv6Source(source);
    this.setIpv6Destination(destination);
    this.w8 = ports;
  }

  setIpv6Source([w0, w1, w2, w3]: Address['words']): void {
    this.w0 = w0;
    this.w1 = w1;
    this.w2 = w2;
    this.w3 = w3;
  }

  setIpv6Destination([w4, w5, w6, w7]: Address['words']): void {
    this.w4 = w4;
    this.w5 = w5;
    this.w6 = w6;
    this.w7 = w7;
  }

  setUnix({ w0, w1, w2, w3 }: SocketEnds): void {
    this.w0 = w0;
    this.w1 = w1;
    this.w2 = w2;
    this.w3 = w3;
  }

  setUnixNumbers(source: bigint, destination: bigint): void {
    this.w0 = Number(BigInt.asIntN(32, source));
    this.w1 = Number(BigInt.asIntN(32, source >> 32n));
    this.w2 = Number(BigInt.asIntN(32, destination));
    this.w3 = Number(BigInt.asIntN(32, destination >> 32n));
  }

  isSameIpv6(other: SocketEnds): boolean {
    const isNear = this.w0 === other.w0 && this.w1 === other.w1 && this.w2 === other.w2 && this.w3 === other.w3;
    const isFar = this.w4 === other.w4 && this.w5 === other.w5 && this.w6 === other.w6 && this.w7 === other.w7;
    return isNear && isFar && this.w8 === other.w8;
  }

  /** The same, seen from the other end. */
  isTurnedIpv6(other: SocketEnds): boolean {
    const isNear = this.w0 === other.w4 && this.w1 === other.w5 && this.w2 === other.w6 && this.w3 === other.w7;
    const isFar = this.w4 === other.w0 && this.w5 === other.w1 && this.w6 === other.w2 && this.w7 === other.w3;
    return isNear && isFar && this.w8 === swapPorts(other.w8);
  }

  copyIpv6(other: SocketEnds): void {
    this.setUnix(other);
    this.w4 = other.w4;
    this.w5 = other.w5;
    this.w6 = other.w6;
    this.w7 = other.w7;
    this.w8 = other.w8;
  }

  get unixSource(): bigint {
    return longOf(this.w0, this.w1);
  }

  get unixDestination(): bigint {
    return longOf(this.w2, this.w3);
  }

  swap(type: number): void {
    const { w0, w1, w2, w3 } = this;
    if (type === FD_TYPE.ipv4) {
      this.setIpv4(w1, w0, swapPorts(w2));
      return;
    }
    this.setIpv6Source([this.w4, this.w5, this.w6, this.w7]);
    this.setIpv6Destination([w0, w1, w2, w3]);
    this.w8 = swapPorts(this.w8);
  }
}

/** Source in the lower half, destination in the upper. */
export function portsOf(source: number, destination: number): number {
  return source | (destination << 16);
}

export function isIpv6(type: number): boolean {
  return type === FD_TYPE.ipv6 || type === FD_TYPE.ipv6Server;
}

/** An IPv4 address in IPv6 clothes; the address of all zeros counts as one. */
export function isMapped([w0, w1, w2, w3]: Address['words']): boolean {
  return w0 === 0 && w1 === 0 && (w2 === MAPPED || (w2 === 0 && w3 === 0));
}

/** An IPv4 address out of IPv6 clothes. */
export function unmapped({ words }: Address): Address {
  return { family: 4, words: [words[3], 0, 0, 0] };
}

export function isZero([w0, w1, w2, w3]: Address['words']): boolean {
  return (w0 | w1 | w2 | w3) === 0;
}

export function isSameAddress(one: Address, other: Address): boolean {
  return one.family === other.family && one.words.every((word, index) => word === other.words[index]);
}

/** Bytes in network order. */
export function addressOf(bytes: Uint8Array): Address {
  const word = (at: number): number =>
    (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
  return bytes.length === 4
    ? { family: 4, words: [word(0), 0, 0, 0] }
    : { family: 6, words: [word(0), word(4), word(8), word(12)] };
}

export function bytesOf({ family, words }: Address): Buffer {
  const bytes = Buffer.alloc(family === 4 ? 4 : 16);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeInt32LE(words[at / 4] ?? 0, at);
  return bytes;
}

export function swapPorts(ports: number): number {
  return (ports >>> 16) | (ports << 16);
}

function longOf(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
