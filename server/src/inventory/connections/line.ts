/**
 * A line: all connections of one process to one address and service port, in one window of time. What a host tells of its connections, what
 * is stored, and what the map draws.
 *
 * The surprise: the port that the kernel picked for the caller is not in it. A browser that opens four hundred connections to one server
 * is one line with a count, and both ends of a connection still find each other, by the addresses and the service's port.
 */
import type { ConnectionDelta, Direction, LiveTable, Protocol } from './live-table.ts';

/** Whose connections they are, as the host knows it. */
export interface LineOwner {
  /** The name of the process, `comm`. */
  readonly process: string;
  readonly exe: string;
  /** The whole id; empty on the host itself. */
  readonly container: string;
  /** `shop/deployment/web`, `unit:nginx.service`: see `application.ts`. */
  readonly application: string;
  /**
   * Where its addresses mean something: the host and network namespace for loopback, else the network that the agent was told it is in,
   * empty by default. Two private networks may use the same addresses; containers of one pod have one loopback.
   */
  scope(ip: string): string;
}

export interface ConnectionLine {
  readonly windowMs: number;
  readonly host: string;
  readonly scope: string;
  readonly application: string;
  readonly container: string;
  readonly process: string;
  readonly exe: string;
  readonly protocol: Protocol;
  readonly direction: Direction;
  readonly localIp: string;
  readonly remoteIp: string;
  /** The service's port, on whichever end it is. */
  readonly port: number;
  /** The name by which the host knew the address; empty when it had none. */
  readonly remoteName: string;
  /** Connections that began, that never came about, that were open at the end. */
  readonly opened: number;
  readonly failed: number;
  readonly live: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly retransmits: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Loopback is of one host, and link-local addresses too: nobody else can talk with them. */
const LOCAL_ONLY = /^(?:127\.|::1$|169\.254\.|fe80:)/i;

export function isLocalOnly(ip: string): boolean {
  return LOCAL_ONLY.test(ip);
}

/** Ports from here on are picked by the kernel (`net.ipv4.ip_local_port_range`). */
const FIRST_PICKED_PORT = 32_768;

/** Which of two ports is the service's: told by who began; else the one that nobody picks, else the lower. */
export function servicePort({
  direction,
  localPort,
  remotePort,
}: Pick<ConnectionDelta, 'direction' | 'localPort' | 'remotePort'>): number {
  if (direction === 'out') return remotePort;
  if (direction === 'in') return localPort;
  if (localPort < FIRST_PICKED_PORT !== remotePort < FIRST_PICKED_PORT) return Math.min(localPort, remotePort);
  return localPort === 0 || remotePort === 0 ? Math.max(localPort, remotePort) : Math.min(localPort, remotePort);
}

/** A connection that was open before we looked: whoever has the service's port was called. */
function directionOf({ direction, localPort, remotePort }: ConnectionDelta, port: number): Direction {
  if (direction !== 'unknown' || localPort === remotePort) return direction;
  return port === localPort ? 'in' : 'out';
}

type Draft = { -readonly [Name in keyof ConnectionLine]: ConnectionLine[Name] };

export interface RollUpOptions {
  readonly host: string;
  /** When the window began: connections that went on then were there from its beginning. */
  readonly fromMs: number;
  /** Null for a process that nothing is known of: it is told as `?`. */
  ownerOf(process: number): LineOwner | null;
  /** The name by which the host looked the address up; empty when it did not. */
  nameOf(ip: string): string;
}

const NOBODY: LineOwner = { process: '?', exe: '', container: '', application: '?', scope: () => '' };

export interface RolledLine {
  readonly line: ConnectionLine;
  /** Whose it is, by the number that the table has. */
  readonly owner: number;
}

/** Drains the table into the lines of the window that ends at `windowMs`. */
export function rollUp(table: LiveTable, windowMs: number, options: RollUpOptions): readonly RolledLine[] {
  const lines = new Map<string, { readonly line: Draft; readonly owner: number }>();
  table.drain((delta) => {
    const port = servicePort(delta);
    const direction = directionOf(delta, port);
    const key = `${delta.process}|${delta.protocol}|${direction}|${delta.local}|${delta.remote}|${port}`;
    let rolled = lines.get(key);
    if (rolled === undefined) {
      rolled = { line: begin(table, windowMs, { delta, direction, port, options }), owner: delta.process };
      lines.set(key, rolled);
    }
    const { line } = rolled;
    line.opened += delta.isNew ? 1 : 0;
    line.failed += delta.hasFailed ? 1 : 0;
    line.live += delta.isClosed ? 0 : 1;
    line.sentBytes += delta.sentBytes;
    line.receivedBytes += delta.receivedBytes;
    line.retransmits += delta.retransmits;
    line.firstMs = Math.min(line.firstMs, delta.isNew ? delta.firstMs : options.fromMs);
    line.lastMs = Math.max(line.lastMs, delta.lastMs);
  });
  return [...lines.values()];
}

interface Beginning {
  readonly delta: ConnectionDelta;
  readonly direction: Direction;
  readonly port: number;
  readonly options: RollUpOptions;
}

function begin(table: LiveTable, windowMs: number, { delta, direction, port, options }: Beginning): Draft {
  const owner = options.ownerOf(delta.process) ?? NOBODY;
  const localIp = table.addresses.textOf(delta.local);
  const remoteIp = table.addresses.textOf(delta.remote);
  return {
    windowMs,
    host: options.host,
    scope: owner.scope(remoteIp),
    application: owner.application,
    container: owner.container,
    process: owner.process,
    exe: owner.exe,
    protocol: delta.protocol,
    direction,
    localIp,
    remoteIp,
    port,
    remoteName: options.nameOf(remoteIp),
    opened: 0,
    failed: 0,
    live: 0,
    sentBytes: 0,
    receivedBytes: 0,
    retransmits: 0,
    firstMs: delta.lastMs,
    lastMs: delta.lastMs,
  };
}
