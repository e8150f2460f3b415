/**
 * What must be done on the machine itself, as root: hold a process, freeze a control group, cut off a peer. Functions of the privileged
 * side; the server calls them through the same port as everything else.
 *
 * The surprise: a process is known by its id and the moment it began. It is stopped first and looked at then: an id that was taken over
 * in between is let go on at once.
 */
import { execFile } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { constants, networkInterfaces } from 'node:os';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { join, normalize } from 'node:path';
import { type Caller, CallFailure } from '../aws/calls.ts';

const CGROUPS = '/sys/fs/cgroup';
const TABLE = ['inet', 'countersign'] as const;
const MOST_OUTPUT = 1_000_000;
const NFT_MS = 10_000;

type Fields = Readonly<Record<string, unknown>>;

export interface HostOptions {
  /** Whoever gives the orders, by name or address, as a URL has it: cut off, it could never let itself in again. */
  readonly spared?: string;
}

export function createHostCaller({ spared }: HostOptions = {}): Caller {
  return {
    call: async ({ operation, input }) => {
      switch (operation) {
        case 'FindProcess':
          return findProcess(input);
        case 'ReadProcess':
          return readProcess(processOf(input));
        case 'StopProcess':
          return signal(processOf(input), constants.signals.SIGSTOP);
        case 'ContinueProcess':
          return signal(processOf(input), constants.signals.SIGCONT);
        case 'ReadFreezer':
          return { frozen: readFreezer(groupOf(input)) };
        case 'Freeze':
          return freeze(freezable(groupOf(input)), true);
        case 'Thaw':
          return freeze(groupOf(input), false);
        case 'ReadPeer':
          return { blocked: await isBlocked(peerOf(input)) };
        case 'BlockPeer':
          return block(await blockable(peerOf(input), spared));
        case 'UnblockPeer':
          return unblock(peerOf(input));
        default:
          throw new CallFailure('NoSuchOperation', `the host has no ${operation}`, false);
      }
    },
  };
}

interface ProcessName {
  readonly pid: number;
  /** Clock ticks since boot, as `/proc/PID/stat` has it. */
  readonly startTicks: string;
}

function processOf({ pid, startTicks }: Fields): ProcessName {
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid < 2)
    throw invalid('pid is the number of a process above 1');
  if (typeof startTicks !== 'string' || !/^\d{1,20}$/.test(startTicks))
    throw invalid('startTicks is a number of clock ticks');
  if (pid === process.pid) throw invalid('that is this program itself');
  return { pid, startTicks };
}

/** Clock ticks a second, as `/proc` tells them on every architecture (USER_HZ). */
const TICKS_A_SECOND = 100;
/** When the machine was started is known to the second. */
const BOOT_MARGIN_MS = 1_500;

/**
 * Which process it was that did something at a moment (`atMs`): the one of that id, if it had begun by then. An id that was taken over since
 * belongs to a process that began later.
 */
function findProcess({ pid, atMs }: Fields): Fields {
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid < 2)
    throw invalid('pid is the number of a process above 1');
  if (typeof atMs !== 'number' || !Number.isFinite(atMs)) throw invalid('atMs is a moment, in ms since 1970');
  const now = stat(pid);
  if (now === null || now.state === 'Z') throw gone(pid);
  const startedMs = bootMs() + (Number(now.startTicks) * 1_000) / TICKS_A_SECOND;
  if (startedMs > atMs + BOOT_MARGIN_MS) throw gone(pid);
  return { startTicks: now.startTicks, cgroup: cgroupOf(pid) };
}

function bootMs(): number {
  return Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? 0) * 1_000;
}

/** By the freezer of version 1 where there is one, else of version 2; null for a process of the root group. */
function cgroupOf(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
    const path = /^\d+:freezer:(.*)$/m.exec(text)?.[1] ?? '/';
    const found = path === '/' ? (/^0::(.*)$/m.exec(text)?.[1] ?? '/') : path;
    return found === '/' ? null : found;
  } catch {
    return null;
  }
}

interface Stat {
  readonly state: string;
  readonly startTicks: string;
}

function stat(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold anything, also parentheses.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', startTicks: fields[19] ?? '' };
  } catch {
    return null;
  }
}

function readProcess({ pid, startTicks }: ProcessName): Fields {
  const now = stat(pid);
  if (now === null || now.startTicks !== startTicks || now.state === 'Z') throw gone(pid);
  return { stopped: now.state === 'T' };
}

function signal({ pid, startTicks }: ProcessName, number: number): Fields {
  const before = stat(pid);
  if (before === null || before.startTicks !== startTicks) throw gone(pid);
  try {
    process.kill(pid, number);
  } catch (error) {
    throw new CallFailure('Forbidden', error instanceof Error ? error.message : String(error), false);
  }
  const after = stat(pid);
  if (after !== null && after.startTicks !== startTicks) {
    process.kill(pid, constants.signals.SIGCONT);
    throw gone(pid);
  }
  return {};
}

/** `cgroup`: a path below the hierarchy, without `..`; version 1's freezer or version 2. */
function groupOf({ cgroup }: Fields): string {
  if (typeof cgroup !== 'string' || !cgroup.startsWith('/') || normalize(cgroup) !== cgroup || cgroup === '/')
    throw invalid('cgroup is a path below the root of the hierarchy: /kubepods/pod1/abc');
  return cgroup;
}

/** Freezing what this program stands in would end everything that is done here. */
function freezable(cgroup: string): string {
  const own = cgroupOf(process.pid);
  if (own !== null && (own === cgroup || own.startsWith(`${cgroup}/`)))
    throw invalid(`${cgroup} holds this program itself`);
  return cgroup;
}

interface Freezer {
  readonly file: string;
  readonly on: string;
  readonly off: string;
}

function freezerOf(cgroup: string): Freezer {
  const one = join(CGROUPS, 'freezer', cgroup, 'freezer.state');
  if (existsSync(one)) return { file: one, on: 'FROZEN', off: 'THAWED' };
  const roots = [CGROUPS, join(CGROUPS, 'unified')];
  const two = roots.map((root) => join(root, cgroup, 'cgroup.freeze')).find((file) => existsSync(file));
  if (two === undefined) throw new CallFailure('NotFound', `there is no control group ${cgroup}`, false);
  return { file: two, on: '1', off: '0' };
}

function readFreezer(cgroup: string): boolean {
  const { file, off } = freezerOf(cgroup);
  return readFileSync(file, 'utf8').trim() !== off;
}

function freeze(cgroup: string, frozen: boolean): Fields {
  const { file, on, off } = freezerOf(cgroup);
  writeFileSync(file, frozen ? on : off);
  return {};
}

function peerOf({ address }: Fields): string {
  // A zone (`fe80::1%eth0`) is no part of what a packet says.
  if (typeof address !== 'string' || isIP(address) === 0 || address.includes('%'))
    throw invalid('address is one IP address');
  return isIP(address) === 6 ? unmapped(address) : address;
}

/** `::ffff:203.0.113.7` comes and goes as IPv4, and only there can it be cut off. */
function unmapped(address: string): string {
  const { hostname } = new URL(`http://[${address}]`);
  const [, high = '', low = ''] = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(hostname) ?? [];
  if (low === '') return address;
  return [high, low].flatMap((half) => [parseInt(half, 16) >> 8, parseInt(half, 16) & 0xff]).join('.');
}

/** Names change their addresses and machines theirs, so both are asked for anew. A name that cannot be looked up could be any address. */
async function blockable(address: string, spared: string | undefined): Promise<string> {
  if (isAmong(ownAddresses(), address)) throw invalid(`${address} is this machine itself`);
  if (spared === undefined) return address;
  const name = spared.replace(/^\[|\]$/g, '');
  const found = await lookup(name, { all: true }).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CallFailure(
      'Unresolved',
      `${address} may be the server: its own address is not known (${reason})`,
      false,
    );
  });
  if (isAmong(blockListOf(found.map((one) => one.address)), address))
    throw invalid(`${address} is the server that this is done for`);
  return address;
}

function ownAddresses(): BlockList {
  const own = blockListOf(Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map((one) => one.address)));
  own.addSubnet('127.0.0.0', 8, 'ipv4');
  own.addAddress('0.0.0.0', 'ipv4');
  own.addAddress('::', 'ipv6');
  own.addAddress('::1', 'ipv6');
  return own;
}

function blockListOf(addresses: readonly string[]): BlockList {
  const list = new BlockList();
  for (const address of addresses) list.addAddress(address, familyOf(address));
  return list;
}

/** As addresses, however they are written. */
function isAmong(list: BlockList, address: string): boolean {
  return list.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

function setOf(address: string): string {
  return isIP(address) === 6 ? 'blocked6' : 'blocked4';
}

async function isBlocked(address: string): Promise<boolean> {
  const found = await nft(['get', 'element', ...TABLE, setOf(address), `{ ${address} }`]).catch((error: unknown) => {
    if (error instanceof CallFailure && /No such file|does not exist/i.test(error.message)) return null;
    throw error;
  });
  return found !== null;
}

/** A table of our own, emptied by nobody else; both ways, and also what is open already. */
const SETUP = `
table inet countersign {
  set blocked4 { type ipv4_addr; }
  set blocked6 { type ipv6_addr; }
  chain input { type filter hook input priority -150; policy accept; ip saddr @blocked4 drop; ip6 saddr @blocked6 drop; }
  chain output { type filter hook output priority -150; policy accept; ip daddr @blocked4 drop; ip6 daddr @blocked6 drop; }
  chain forward { type filter hook forward priority -150; policy accept;
    ip saddr @blocked4 drop; ip daddr @blocked4 drop; ip6 saddr @blocked6 drop; ip6 daddr @blocked6 drop; }
}
`;

async function block(address: string): Promise<Fields> {
  const isThere = await nft(['list', 'table', ...TABLE]).then(
    () => true,
    () => false,
  );
  if (!isThere) await nft(['-f', '-'], SETUP);
  await nft(['add', 'element', ...TABLE, setOf(address), `{ ${address} }`]);
  return {};
}

async function unblock(address: string): Promise<Fields> {
  if (await isBlocked(address)) await nft(['delete', 'element', ...TABLE, setOf(address), `{ ${address} }`]);
  return {};
}

function nft(argv: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: NFT_MS, maxBuffer: MOST_OUTPUT };
    const child = execFile('nft', [...argv], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new CallFailure('nft', (stderr || error.message).trim().slice(0, 300), false));
    });
    // A program that ended before it read its input has said why already.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

function invalid(message: string): CallFailure {
  return new CallFailure('Invalid', message, false);
}

function gone(pid: number): CallFailure {
  return new CallFailure('NotFound', `process ${pid} is no longer the one that was meant`, false);
}
