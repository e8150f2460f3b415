/** The network interfaces of the recorded machine: which addresses are its own, and which it most likely used. */
import { FD_TYPE, type ListedInterface } from '../format/lists.ts';
import type { Fd } from './fds.ts';
import { type Address, addressOf, isZero } from './socket-ends.ts';

const IPV4_LOOPBACK = addressOf(Uint8Array.of(127, 0, 0, 1)).words[0];

interface Ipv4Interface {
  readonly address: number;
  readonly netmask: number;
}

export class Interfaces {
  readonly listed: ListedInterface[] = [];
  readonly #ipv4: Ipv4Interface[] = [];
  readonly #ipv6: Address['words'][] = [];

  clear(): void {
    this.listed.length = 0;
    this.#ipv4.length = 0;
    this.#ipv6.length = 0;
  }

  add(one: ListedInterface): void {
    this.listed.push(one);
    const { words } = addressOf(one.address);
    if (one.family === 6) this.#ipv6.push(words);
    else this.#ipv4.push({ address: words[0], netmask: addressOf(one.netmask).words[0] });
  }

  /** Of IPv6 the net alone is compared. */
  isOwn({ family, words }: Address): boolean {
    if (family === 4) return this.#ipv4.some(({ address }) => address === words[0]);
    return this.#ipv6.some((own) => isSameNet(own, words));
  }

  /** The address that is most likely at one end when this is the other: itself, one of the same net, or any but the loopback. */
  ipv4For(other: number): number {
    const found =
      this.#ipv4.find(({ address }) => address === other) ??
      this.#ipv4.find(({ address, netmask }) => (address & netmask) === (other & netmask)) ??
      this.#ipv4.find(({ address }) => address !== IPV4_LOOPBACK);
    return found?.address ?? 0;
  }

  ipv6For(other: Address['words']): Address['words'] {
    return (
      this.#ipv6.find((own) => isSame(own, other)) ??
      this.#ipv6.find((own) => isSameNet(own, other)) ??
      this.#ipv6.find((own) => !isIpv6Loopback(own)) ?? [0, 0, 0, 0]
    );
  }
}

/** An end of all zeros is some address of this machine. */
export function guessOpenEnd(fd: Fd, interfaces: Interfaces): void {
  const { type, ends } = fd;
  if (type === FD_TYPE.ipv4) {
    if (ends.w0 !== 0 && ends.w1 !== 0) return;
    const known = ends.w0 === 0 ? ends.w1 : ends.w0;
    const guess = interfaces.ipv4For(known);
    if (guess === known && fd.sourcePort === fd.destinationPort) return;
    if (ends.w0 === 0) ends.w0 = guess;
    else ends.w1 = guess;
  } else if (type === FD_TYPE.ipv6) {
    const [source, destination] = [fd.source.words, fd.destination.words];
    const isSourceOpen = isZero(source);
    if (!isSourceOpen && !isZero(destination)) return;
    const known = isSourceOpen ? destination : source;
    const guess = interfaces.ipv6For(known);
    if (isSame(guess, known) && fd.sourcePort === fd.destinationPort) return;
    if (isSourceOpen) ends.setIpv6Source(guess);
    else ends.setIpv6Destination(guess);
  }
}

function isSame(one: Address['words'], other: Address['words']): boolean {
  return one.every((word, index) => word === other[index]);
}

function isSameNet(one: Address['words'], other: Address['words']): boolean {
  return one[0] === other[0] && one[1] === other[1];
}

function isIpv6Loopback(words: Address['words']): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === 0 && words[3] === 0x0100_0000;
}
