/**
 * The connections of a host, followed in its sensor's stream: what the sensor tells of each becomes a row of the live table, and every
 * window its lines.
 *
 * The surprise: the sensor's numbers count from the beginning of a connection, the table's from the last drain. What was told before is kept
 * for connections that go on, and so is whose they are: the process may have another name since, or be gone. Names of containers come late,
 * so applications are told from what is known at the end of a window, and lines of a container that nobody described yet wait for the next.
 */
import { CODE, type Machine } from '@countersign/scap';
import { type ConnectionLine, isLocalOnly, type LineOwner, rollUp } from './line.ts';
import { type ConnectionKey, LiveTable } from './live-table.ts';

/** Whose a connection is. */
export interface ConnectionOwner extends Pick<LineOwner, 'process' | 'exe' | 'container'> {
  /** Told apart by it, besides the others. */
  readonly place: string;
  /** As far as it is known by now. */
  application(machine: Machine): string;
  /** Nobody will know it better later. */
  isKnown(machine: Machine): boolean;
}

export interface ConnectionFollowerOptions {
  readonly host: string;
  /** The network that the host is in, where addresses repeat; empty: the one. */
  readonly network: string;
  /** Whose the connection is, also when the process is gone already. */
  readonly ownerOf: (machine: Machine, teller: Teller) => ConnectionOwner;
  /** The name by which the host knew an address; empty: none. */
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

/** A connection that went on when it was told last. */
interface Lasting extends Told {
  readonly number: number;
  readonly startedMs: number;
  readonly atMs: number;
}

interface Owner extends LineOwner {
  readonly told: ConnectionOwner;
  readonly sinceMs: number;
}

const LONGEST_TOLD = 4_096;
const NOTHING: Told = { sent: 0, received: 0, retransmits: 0 };
/** Runtimes are asked about a container for less than this. */
const NAMED_WITHIN_MS = 30_000;
/** The sensor tells each more often while it lasts: of one that it does not, it lost the end. */
const SILENT_MS = 150_000;

export class ConnectionFollower {
  readonly table: LiveTable;
  readonly #options: ConnectionFollowerOptions;
  /** By their ends, role and network. */
  readonly #lasting = new Map<string, Lasting>();
  /** Numbers of owners: what differs for a reader, not each process. */
  readonly #owners: Owner[] = [];
  readonly #ownerNumbers = new Map<string, number>();
  /** Its tables are read at the end of a window; a stream that began anew brings its own with its first event. */
  #machine: Machine | null = null;
  #waiting: { readonly line: ConnectionLine; readonly owner: number }[] = [];
  /** When the last window ended; null before the first. */
  #toldMs: number | null = null;
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
    this.#machine = machine;
    const { current } = machine;
    if (current.code !== CODE.async || current.text(1) !== 'connection') return;
    const flow = parseFlow(current.text(2));
    if (flow === null) {
      this.#unread += 1;
      return;
    }
    this.#note(machine, flow, Number(current.timeNs / 1_000_000n));
  }

  /**
   * The lines of the window that ends at `windowMs`: what came since the last.
   * @param isLast nothing waits for a name any longer
   */
  lines(windowMs: number, { isLast = false } = {}): readonly ConnectionLine[] {
    const { host, nameOf } = this.#options;
    this.#closeSilent(windowMs);
    const waited = this.#waiting;
    this.#waiting = [];
    const lines = waited.map(({ line, owner }) => ({ ...line, application: this.#applicationOf(owner) }));
    const ownerOf = (number: number) => {
      const owner = this.#owners[number];
      return owner === undefined ? null : { ...owner, application: this.#applicationOf(number) };
    };
    const fromMs = this.#toldMs ?? windowMs;
    this.#toldMs = windowMs;
    for (const rolled of rollUp(this.table, windowMs, { host, fromMs, nameOf, ownerOf })) {
      if (!isLast && this.#mayGetName(rolled.owner, windowMs)) this.#waiting.push(rolled);
      else lines.push(rolled.line);
    }
    return lines;
  }

  #applicationOf(number: number): string {
    const owner = this.#owners[number];
    if (owner === undefined) return '?';
    return this.#machine === null ? owner.application : owner.told.application(this.#machine);
  }

  #mayGetName(number: number, nowMs: number): boolean {
    const owner = this.#owners[number];
    if (owner === undefined || this.#machine === null || nowMs - owner.sinceMs > NAMED_WITHIN_MS) return false;
    return !owner.told.isKnown(this.#machine);
  }

  #note(machine: Machine, flow: Flow, atMs: number): void {
    const name = nameOf(flow);
    const last = this.#lasting.get(name);
    const before = last?.startedMs === flow.startedMs ? last : undefined;
    // The same ends again: the one before it ended unheard.
    if (last !== undefined && before === undefined) this.table.close(last.number, { atMs: last.atMs });
    const number = before?.number ?? this.#open(machine, flow, atMs);
    if (number === null) return;
    const then = before ?? NOTHING;
    const grown = (now: number, past: number) => (now >= past ? now - past : now);
    this.table.add(number, grown(flow.sent, then.sent), grown(flow.received, then.received), atMs);
    if (flow.isEnded) {
      const retransmits = grown(flow.retransmits, then.retransmits);
      this.table.close(number, { atMs, hasFailed: flow.hasFailed, retransmits });
      this.#lasting.delete(name);
    } else {
      const { sent, received, startedMs } = flow;
      this.#lasting.set(name, { number, sent, received, retransmits: then.retransmits, startedMs, atMs });
    }
  }

  #open(machine: Machine, flow: Flow, atMs: number): number | null {
    const { addresses } = this.table;
    const local = addresses.takeText(flow.local.ip);
    const remote = addresses.takeText(flow.remote.ip);
    let number: number | null = null;
    if (local !== null && remote !== null) {
      const key: ConnectionKey = {
        protocol: flow.protocol,
        direction: flow.role === 'server' ? 'in' : 'out',
        local,
        localPort: flow.local.port,
        remote,
        remotePort: flow.remote.port,
        process: this.#ownerNumber(machine, flow, atMs),
      };
      number = this.table.open(key, flow.startedMs);
    } else this.#unread += 1;
    if (local !== null) addresses.release(local);
    if (remote !== null) addresses.release(remote);
    return number;
  }

  #ownerNumber(machine: Machine, flow: Flow, atMs: number): number {
    const { host, network } = this.#options;
    const told = this.#options.ownerOf(machine, flow);
    const { process, exe, container, place } = told;
    const key = [process, exe, container, place, flow.network].join('\n');
    const number = this.#ownerNumbers.get(key);
    if (number !== undefined) return number;
    // A sensor that tells no namespace: the container stands for it.
    const own = flow.network === 0 ? container : `net-${flow.network}`;
    const scope = (ip: string) => (isLocalOnly(ip) ? `${host}/${own}` : network);
    const application = told.application(machine);
    this.#owners.push({ process, exe, container, application, scope, told, sinceMs: atMs });
    this.#ownerNumbers.set(key, this.#owners.length - 1);
    return this.#owners.length - 1;
  }

  /** Of which the end was lost, or the sensor began anew. */
  #closeSilent(nowMs: number): void {
    for (const [name, { number, atMs }] of this.#lasting) {
      if (nowMs - atMs <= SILENT_MS) continue;
      this.table.close(number, { atMs });
      this.#lasting.delete(name);
    }
  }
}

function nameOf({ protocol, role, network, local, remote }: Flow): string {
  return `${protocol} ${role} ${network} ${local.ip} ${local.port} ${remote.ip} ${remote.port}`;
}

interface End {
  readonly ip: string;
  readonly port: number;
}

interface Flow extends Told, Teller {
  readonly protocol: 'tcp' | 'udp';
  readonly role: string;
  /** The network namespace; 0 when the sensor did not say. */
  readonly network: number;
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
    network: count('network'),
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
