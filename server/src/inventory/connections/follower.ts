/**
 * The connections of a host, followed in its sensor's stream: what the sensor tells of each becomes a row of the live table, and every
 * window its lines.
 *
 * The surprise: the sensor's numbers count from the beginning of a connection, the table's from the last drain. What was told before is kept
 * for connections that go on, and forgotten with their end.
 */
import { CODE, type Machine } from '@countersign/scap';
import { type ConnectionLine, isLocalOnly, type LineOwner, rollUp } from './line.ts';
import { type ConnectionKey, LiveTable } from './live-table.ts';

export interface ConnectionFollowerOptions {
  readonly host: string;
  /** The network that the host is in, where addresses repeat; empty: the one. */
  readonly network: string;
  /** Whose the connection is, also when the process is gone already. */
  readonly ownerOf: (machine: Machine, teller: Teller) => Omit<LineOwner, 'scope'>;
  /** The name by which the host looked an address up; empty: none. */
  readonly nameOf: (ip: string) => string;
  /** More connections at once are counted and not followed. */
  readonly most: number;
}

/** What the sensor says of the process. */
export interface Teller {
  readonly pid: number;
  readonly comm: string;
  /** The last name of its control group. */
  readonly group: string;
}

interface Told {
  readonly sent: number;
  readonly received: number;
  readonly retransmits: number;
}

const LONGEST_TOLD = 4_096;
const NOTHING: Told = { sent: 0, received: 0, retransmits: 0 };

export class ConnectionFollower {
  readonly table: LiveTable;
  readonly #options: ConnectionFollowerOptions;
  readonly #told = new Map<number, Told>();
  /** Numbers of owners: what differs for a reader, not each process. */
  readonly #owners: LineOwner[] = [];
  readonly #ownerNumbers = new Map<string, number>();
  #unread = 0;

  constructor(options: ConnectionFollowerOptions) {
    this.#options = options;
    this.table = new LiveTable({ most: options.most });
  }

  /** Connections that the sensor told in a way that we do not understand. */
  get unread(): number {
    return this.#unread;
  }

  isInteresting(code: number): boolean {
    return code === CODE.async;
  }

  follow(machine: Machine): void {
    const { current } = machine;
    if (current.code !== CODE.async || current.text(1) !== 'connection') return;
    const flow = parseFlow(current.text(2));
    if (flow === null) {
      this.#unread += 1;
      return;
    }
    this.#note(machine, flow, Number(current.timeNs / 1_000_000n));
  }

  /** The lines of the window that begins at `windowMs`: what came since the last. */
  lines(windowMs: number): readonly ConnectionLine[] {
    const { host, nameOf } = this.#options;
    return rollUp(this.table, windowMs, { host, nameOf, ownerOf: (number) => this.#owners[number] ?? null });
  }

  #note(machine: Machine, flow: Flow, atMs: number): void {
    const { addresses } = this.table;
    const local = addresses.takeText(flow.local.ip);
    const remote = addresses.takeText(flow.remote.ip);
    if (local !== null && remote !== null) {
      const key: ConnectionKey = {
        protocol: flow.protocol,
        direction: flow.role === 'server' ? 'in' : 'out',
        local,
        localPort: flow.local.port,
        remote,
        remotePort: flow.remote.port,
        process: this.#ownerNumber(machine, flow),
      };
      const number = this.table.open(key, flow.startedMs);
      if (number !== null) this.#count(number, flow, atMs);
    } else this.#unread += 1;
    if (local !== null) addresses.release(local);
    if (remote !== null) addresses.release(remote);
  }

  #count(number: number, flow: Flow, atMs: number): void {
    const before = this.#told.get(number) ?? NOTHING;
    const grown = (now: number, then: number) => (now >= then ? now - then : now);
    this.table.add(number, grown(flow.sent, before.sent), grown(flow.received, before.received), atMs);
    const retransmits = grown(flow.retransmits, before.retransmits);
    if (flow.isEnded) {
      this.table.close(number, { atMs, hasFailed: flow.hasFailed, retransmits });
      this.#told.delete(number);
    } else this.#told.set(number, flow);
  }

  #ownerNumber(machine: Machine, flow: Flow): number {
    const { host, network } = this.#options;
    const owner = this.#options.ownerOf(machine, flow);
    const key = `${owner.process}\n${owner.exe}\n${owner.container}\n${owner.application}`;
    const number = this.#ownerNumbers.get(key);
    if (number !== undefined) return number;
    const scope = (ip: string) => (isLocalOnly(ip) ? `${host}/${owner.container}` : network);
    this.#owners.push({ ...owner, scope });
    this.#ownerNumbers.set(key, this.#owners.length - 1);
    return this.#owners.length - 1;
  }
}

interface End {
  readonly ip: string;
  readonly port: number;
}

interface Flow extends Told, Teller {
  readonly protocol: 'tcp' | 'udp';
  readonly role: string;
  readonly local: End;
  readonly remote: End;
  readonly startedMs: number;
  readonly hasFailed: boolean;
  readonly isEnded: boolean;
}

/** What the sensor says of a connection (docs/sensor.md); null when it is not that. */
function parseFlow(json: string): Flow | null {
  if (json.length > LONGEST_TOLD) return null;
  let told: Record<string, unknown>;
  try {
    told = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return null;
  }
  const [local, remote] = [endOf(told['local']), endOf(told['remote'])];
  const { protocol } = told;
  if (local === null || remote === null || (protocol !== 'tcp' && protocol !== 'udp')) return null;
  const text = (name: string) => {
    const value = told[name];
    return typeof value === 'string' ? value : '';
  };
  const count = (name: string) => {
    const value = Number(told[name]);
    return Number.isFinite(value) && value > 0 ? value : 0;
  };
  return {
    pid: count('pid'),
    comm: text('comm'),
    group: text('group'),
    protocol,
    role: text('role'),
    local,
    remote,
    startedMs: Math.trunc(count('startedNs') / 1e6),
    sent: count('sentBytes'),
    received: count('receivedBytes'),
    retransmits: count('retransmits'),
    hasFailed: told['established'] !== true && protocol === 'tcp',
    isEnded: told['ended'] === true,
  };
}

/** `192.0.2.7:443`, `[2001:db8::7]:443`. */
function endOf(text: unknown): End | null {
  const [, six, four, port] = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5})$/i.exec(String(text)) ?? [];
  const ip = six ?? four;
  return ip === undefined ? null : { ip, port: Number(port) };
}
