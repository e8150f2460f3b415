/**
 * The names by which a host knows addresses: what its name servers answered whoever asked, as the sensor saw it arrive. A person who looks
 * at a line wants to read `api.example.com`, which no lookup afterwards would give.
 *
 * The surprise: the name is the one that was asked for, not the last of a chain of aliases: that one is the cloud's. An address that
 * several names lead to has the one that was asked for last.
 */
import { CODE, type Machine } from '@countersign/scap';
import { decode } from 'dns-packet';
import { AddressBook } from './addresses.ts';
import { isLocalOnly } from './line.ts';

const MOST_NAMES = 65_536;
/** Longer than answers are good for: programs keep connections and addresses that long. */
const KEPT_MS = 24 * 3_600_000;
const LONGEST_TOLD = 4_096;
/** What a host may be called; an answer can hold any bytes. */
const HOST_NAME = /^[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?$/;

interface Known {
  readonly name: string;
  readonly atMs: number;
}

export class Names {
  /** By address as `AddressBook` writes it, the one that was told longest ago first. */
  readonly #known = new Map<string, Known>();
  readonly #book = new AddressBook();
  #nowMs = 0;

  isInteresting(code: number): boolean {
    return code === CODE.async;
  }

  follow({ current }: Machine): void {
    if (current.code !== CODE.async || current.text(1) !== 'answer') return;
    this.#nowMs = Number(current.timeNs / 1_000_000n);
    const bytes = bytesOf(current.text(2));
    if (bytes !== null) this.#learn(bytes);
  }

  /** Empty when the host did not look it up, or long ago. */
  nameOf(ip: string): string {
    const known = this.#known.get(ip);
    return known === undefined || this.#nowMs - known.atMs > KEPT_MS ? '' : known.name;
  }

  #learn(bytes: Buffer): void {
    let message: ReturnType<typeof decode>;
    try {
      message = decode(bytes);
    } catch {
      // Whatever a name server likes may come: what cannot be read names nothing.
      return;
    }
    const name = message.questions?.[0]?.name.toLowerCase() ?? '';
    if (message.type !== 'response' || !HOST_NAME.test(name)) return;
    for (const answer of message.answers ?? []) {
      if (answer.type !== 'A' && answer.type !== 'AAAA') continue;
      const ip = this.#written(answer.data);
      if (ip === null || isLocalOnly(ip)) continue;
      this.#known.delete(ip);
      this.#known.set(ip, { name, atMs: this.#nowMs });
    }
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MOST_NAMES) break;
      this.#known.delete(oldest);
    }
  }

  /** The address as it is written everywhere. */
  #written(text: string): string | null {
    const number = this.#book.takeText(text);
    if (number === null) return null;
    const written = this.#book.textOf(number);
    this.#book.release(number);
    return written;
  }
}

/** What the sensor says of an answer (docs/sensor.md); null when it is not that. */
function bytesOf(json: string): Buffer | null {
  if (json.length > LONGEST_TOLD) return null;
  try {
    const { bytes } = JSON.parse(json) as { bytes?: unknown };
    return typeof bytes === 'string' ? Buffer.from(bytes, 'base64') : null;
  } catch {
    return null;
  }
}
