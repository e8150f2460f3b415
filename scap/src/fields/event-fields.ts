/** Fields of the event itself: `evt.*`. */
import { CODE } from '../format/event-codes.ts';
import { CATEGORY, EVENT_FLAG, type EventInfo } from '../format/event-table.ts';
import { OPEN_FLAG } from '../state/fds.ts';
import type { FieldReader, SyscallField } from './fields.ts';
import { FD_TYPE } from '../format/lists.ts';
import type { Machine } from '../state/machine.ts';
import { abspath } from './absolute-paths.ts';
import { eventName, parameterText, printable, shownText } from './parameter-text.ts';

const NS_PER_S = 1_000_000_000n;
const NS_PER_MS = 1_000_000;
const OPENS: ReadonlySet<number> = new Set([CODE.open, CODE.creat, CODE.openat, CODE.openat2, CODE.openByHandleAt]);
const CONNECTS: ReadonlySet<number> = new Set([CODE.accept, CODE.accept4, CODE.connect]);
const ANY_EXECUTE = 0o111;
const CATEGORIES = 'unknown other file net IPC memory process sleep system signal user time processing'.split(' ');

const timeText: FieldReader = ({ current }) => current.timeNs;
const flag =
  (mask: number): FieldReader =>
  ({ current }) =>
    (current.info.flags & mask) !== 0;

export const EVENT_FIELDS: Readonly<Record<string, FieldReader | SyscallField>> = {
  'evt.num': ({ current }) => current.number,
  'evt.time': timeText,
  'evt.time.s': timeText,
  'evt.time.iso8601': timeText,
  'evt.datetime': timeText,
  'evt.datetime.s': timeText,
  'evt.rawtime': timeText,
  'evt.rawtime.s': ({ current }) => current.timeNs / NS_PER_S,
  'evt.rawtime.ns': ({ current }) => current.timeNs % NS_PER_S,
  'evt.reltime': (machine) => machine.current.timeNs - machine.firstNs,
  'evt.reltime.s': (machine) => (machine.current.timeNs - machine.firstNs) / NS_PER_S,
  'evt.reltime.ns': (machine) => (machine.current.timeNs - machine.firstNs) % NS_PER_S,
  'evt.deltatime': sinceBefore((ns) => ns),
  'evt.deltatime.s': sinceBefore((ns) => ns / NS_PER_S),
  'evt.deltatime.ns': sinceBefore((ns) => ns % NS_PER_S),
  // In milliseconds; `=` means at most that.
  'evt.around': ({ current }, argument) =>
    argument === null || !/^\d{1,20}$/.test(argument) ? null : distanceMs(current.timeNs, BigInt(argument)),
  'evt.abspath': abspath,
  'evt.pluginname': () => null,
  'evt.plugininfo': () => null,
  'evt.type.is': (machine, argument) => (machine.current.info.name === argument ? 1 : 0),
  'evt.source': () => 'syscall',
  'evt.is_async': ({ current }) => (current.info.category & CATEGORY.metaEvent) !== 0,
  'evt.asynctype': (machine) =>
    (machine.current.info.category & CATEGORY.metaEvent) === 0 ? null : eventName(machine),
  'evt.hostname': ({ hostname }) => hostname,
  'evt.type': eventName,
  'syscall.type': (machine) => ((machine.current.info.category & CATEGORY.syscall) === 0 ? null : eventName(machine)),
  'evt.category': categoryOf,
  'evt.cpu': ({ current }) => current.cpu,
  'evt.args': argsText,
  'evt.info': argsText,
  'evt.arg': (machine, argument) => {
    const index = indexOf(machine, argument);
    const text = index === -1 ? null : parameterText(machine, index);
    return text === null ? null : shownText(text);
  },
  'evt.rawarg': (machine, argument) => {
    const index = indexOf(machine, argument);
    return index === -1 ? null : (parameterText(machine, index)?.raw ?? null);
  },
  'evt.buffer': {
    read: ({ current }) => {
      const index = current.info.parameters.findIndex(({ name }) => name === 'data');
      return index === -1 || index >= current.count ? null : current.raw(index).toString('utf8');
    },
    print: ({ current }) => {
      const index = current.info.parameters.findIndex(({ name }) => name === 'data');
      if (index === -1 || index >= current.count) return null;
      return current.has(index) ? printable(current.raw(index)) : '';
    },
  },
  'evt.buflen': ({ current, currentFd }) =>
    currentFd !== null && (current.info.category & CATEGORY.ioBase) !== 0 && current.info.isExit && current.result >= 0
      ? current.result
      : null,
  'evt.rawres': (machine) => (hasResult(machine) ? machine.current.result : null),
  'evt.res': (machine) => {
    if (!hasResult(machine)) return null;
    if (machine.current.result >= 0) return 'SUCCESS';
    const text = parameterText(machine, 0);
    return text === null ? null : shownText(text);
  },
  'evt.failed': (machine) => (hasResult(machine) ? machine.current.result < 0 : null),
  'evt.is_io': flag(EVENT_FLAG.readsFd | EVENT_FLAG.writesFd),
  'evt.is_io_read': flag(EVENT_FLAG.readsFd),
  'evt.is_io_write': flag(EVENT_FLAG.writesFd),
  'evt.io_dir': ({ current }) => {
    if ((current.info.flags & EVENT_FLAG.writesFd) !== 0) return 'write';
    return (current.info.flags & EVENT_FLAG.readsFd) === 0 ? null : 'read';
  },
  'evt.is_wait': flag(EVENT_FLAG.waits),
  'evt.is_syslog': ({ current, currentFd }) =>
    (current.info.flags & EVENT_FLAG.writesFd) !== 0 && currentFd?.name.includes('/dev/log') === true,
  'evt.count': () => 1,
  'evt.count.error': (machine) => errorCount(machine),
  'evt.count.error.file': (machine) => (subjectOf(machine) === 'file' ? errorCount(machine) : null),
  'evt.count.error.net': (machine) => (subjectOf(machine) === 'net' ? errorCount(machine) : null),
  'evt.count.error.memory': (machine) =>
    (machine.current.info.category & 0xff) === CATEGORY.memory ? errorCount(machine) : null,
  'evt.count.error.other': (machine) => (subjectOf(machine) === 'other' ? errorCount(machine) : null),
  'evt.count.exit': ({ current }) => (current.info.isExit ? 1 : null),
  'evt.is_open_read': (machine) => isOpen(machine, OPEN_FLAG.read),
  'evt.is_open_write': (machine) => isOpen(machine, OPEN_FLAG.write),
  'evt.is_open_create': ({ current }) => {
    const flags = openFlags(current);
    if (flags === null) return false;
    return (flags & OPEN_FLAG.created) !== 0 || ((flags & OPEN_FLAG.temporary) !== 0 && current.result >= 0);
  },
  'evt.is_open_exec': ({ current }) => {
    if (current.code === CODE.creat) return (current.u32(2) & ANY_EXECUTE) !== 0;
    const flags = openFlags(current) ?? 0;
    if ((flags & (OPEN_FLAG.temporary | OPEN_FLAG.create)) === 0 || current.code === CODE.openByHandleAt) return false;
    return (current.u32(current.code === CODE.open ? 3 : 4) & ANY_EXECUTE) !== 0;
  },
};

function hasResult({ current }: Machine): boolean {
  const { info } = current;
  return current.code !== CODE.generic && info.isExit && (info.category & CATEGORY.syscall) !== 0 && current.count > 0;
}

/**
 * In conditions the time since the event before. What output prints is always 0: Falco asks twice, for the text and for the JSON,
 * and the second time the event before is this one.
 */
function sinceBefore(read: (ns: bigint) => bigint): SyscallField {
  return { read: ({ sinceBeforeNs }) => read(sinceBeforeNs), print: () => 0 };
}

function distanceMs(one: bigint, other: bigint): number {
  return Number(one > other ? one - other : other - one) / NS_PER_MS;
}

/** What an error is about: the file that is meant, or the type of a call that has none yet. */
function subjectOf({ current, currentFd }: Machine): 'file' | 'net' | 'memory' | 'other' {
  if (currentFd !== null) {
    if (currentFd.isFile || currentFd.type === FD_TYPE.directory) return 'file';
    return currentFd.isInet || currentFd.type === FD_TYPE.unix ? 'net' : 'other';
  }
  if (OPENS.has(current.code)) return 'file';
  if (CONNECTS.has(current.code)) return 'net';
  return (current.info.category & 0xff) === CATEGORY.memory ? 'memory' : 'other';
}

function errorCount(machine: Machine): number | null {
  if (!hasResult(machine)) return null;
  return machine.current.result < 0 ? 1 : 0;
}

function openFlags(current: Machine['current']): number | null {
  switch (current.code) {
    case CODE.open:
    case CODE.openByHandleAt:
      return current.u32(2);
    case CODE.openat:
    case CODE.openat2:
      return current.u32(3);
    default:
      return null;
  }
}

function isOpen({ current }: Machine, mask: number): boolean {
  const flags = openFlags(current);
  return flags !== null && (flags & mask) !== 0;
}

function indexOf({ current }: Machine, argument: string | null): number {
  if (argument === null) return -1;
  if (/^\d+$/.test(argument)) return Number(argument) < current.count ? Number(argument) : -1;
  const index = current.info.parameters.findIndex(({ name }) => name === argument);
  return index < current.count ? index : -1;
}

function argsText(machine: Machine): string {
  const { current } = machine;
  if (current.code === CODE.generic) return '';
  const parts: string[] = [];
  for (let index = 0; index < current.count; index += 1) {
    const { raw, resolved } = parameterText(machine, index) ?? { raw: '', resolved: '' };
    parts.push(`${current.info.parameters[index]?.name}=${raw}${resolved === '' ? '' : `(${resolved})`}`);
  }
  return parts.join(' ');
}

function categoryOf({ current, currentFd }: Machine): string {
  const fixed = categoryName(current.info);
  if (fixed !== null) return fixed;
  if (currentFd === null) return 'unknown';
  if (currentFd.isInet) return 'net';
  if (currentFd.isFile || currentFd.type === FD_TYPE.directory) return 'file';
  return IPC.has(currentFd.type) ? 'ipc' : 'unknown';
}

const IPC: ReadonlySet<number> = new Set([
  FD_TYPE.fifo,
  FD_TYPE.unix,
  FD_TYPE.event,
  FD_TYPE.signal,
  FD_TYPE.inotify,
  FD_TYPE.userfault,
]);

/** Null when it depends on the file that is read or written. */
export function categoryName({ category }: EventInfo): string | null {
  const kind = category & 0xff;
  if ((kind & CATEGORY.ioBase) !== 0) return null;
  if ((kind & 0x40) !== 0) return 'wait';
  return (kind & 0x80) !== 0 ? 'scheduler' : (CATEGORIES[kind] ?? 'unknown');
}

/** Calls that open a file and say how. */
export function isAnyOpen(code: number): boolean {
  return code === CODE.open || code === CODE.openByHandleAt || code === CODE.openat || code === CODE.openat2;
}
