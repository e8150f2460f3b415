/**
 * The names of sockets. One is put together when somebody reads it: most connections are opened and closed without anybody
 * asking, and an IPv6 address takes longer to write than all the rest of an event.
 */
import { FD_TYPE } from '../format/lists.ts';
import { addressText, endsText } from './addresses.ts';
import { printableText } from './printable-text.ts';
import { PROTOCOL, type SocketEnds } from './socket-ends.ts';

/** `connection`: of protocols without ports only the addresses, of an unknown one nothing. `ends`: always both. */
export type Naming = 'connection' | 'ends' | 'unix';

export class SocketName {
  readonly #naming: Naming;
  readonly #type: number;
  readonly #ends: SocketEnds;
  /** Of unix sockets. */
  readonly #path: string;
  #text: string | null = null;

  /** The ends are kept: they must not change any more. */
  constructor(naming: Naming, type: number, ends: SocketEnds, path = '') {
    this.#naming = naming;
    this.#type = type;
    this.#ends = ends;
    this.#path = path;
  }

  get text(): string {
    this.#text ??= this.#write();
    return this.#text;
  }

  #write(): string {
    switch (this.#naming) {
      case 'unix':
        return unixName(this.#ends.unixSource, this.#ends.unixDestination, this.#path);
      case 'ends':
        return endsText(this.#ends, this.#type);
      case 'connection':
        return connectionName(this.#ends, this.#type);
    }
  }
}

export function unixName(from: bigint, to: bigint, path: string): string {
  return `${from.toString(16)}->${to.toString(16)} ${printableText(path)}`;
}

function connectionName(ends: SocketEnds, type: number): string {
  const protocol = ends.protocol(type);
  if (protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp) return endsText(ends, type);
  if (protocol === PROTOCOL.icmp || (protocol === PROTOCOL.raw && type === FD_TYPE.ipv4)) {
    return `${addressText(ends.source(type))}->${addressText(ends.destination(type))}`;
  }
  return '<unknown>';
}
