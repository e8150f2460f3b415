/** Parameters as people read them: a raw text, and where a number or a path stands for something, what it stands for. */
import { CODE } from '../format/event-codes.ts';
import type { ParameterInfo } from '../format/event-table.ts';
import { SYSCALL_NAMES } from '../data/syscall-names.ts';
import { typeLetter } from '../state/fds.ts';
import type { Machine } from '../state/machine.ts';
import { errorName, signalName } from './names.ts';
import type { Parameters } from '../format/parameters.ts';
import { joinPaths } from '../state/paths.ts';
import { printableText } from '../state/printable-text.ts';
import { listedNumbers } from './fd-list-fields.ts';
import { addressParameterText, LETTERS, tupleText } from '../state/socket-addresses.ts';

export interface ParameterText {
  readonly raw: string;
  /** Empty when the raw text says it all. */
  readonly resolved: string;
}

const AT_CWD = -100;
const NONE: ParameterText = { raw: '<NA>', resolved: '' };
/** Of these an empty value prints `NULL`, of all others `<NA>`. */
const PRINT_NULL: ReadonlySet<string> = new Set(['bytes', 'tuple', 'fdlist', 'texts', 'pairs', 'dyn']);
const TEXTS: ReadonlySet<string> = new Set(['text', 'path', 'relpath']);
const NO_TIME = 0xffff_ffff_ffff_ffffn;
const NO_ONE = 0xffff_ffff;

/** Null when the event has no such parameter. */
export function parameterText(machine: Machine, index: number): ParameterText | null {
  const event = machine.current;
  const info = event.info.parameters[index];
  if (info === undefined || index >= event.count) return null;
  if (!event.has(index)) return PRINT_NULL.has(info.type) ? { raw: 'NULL', resolved: '' } : NONE;
  if (info.type !== 'dyn') return textOf(machine, event, index, info);
  const variant = info.variants?.[event.bytes[event.offset(index)] ?? 0];
  if (variant === undefined) return { raw: 'INVALID DYNAMIC PARAMETER', resolved: '' };
  event.offsets[index] = event.offset(index) + 1;
  event.lengths[index] = event.length(index) - 1;
  const text = textOf(machine, event, index, { ...variant, base: info.base });
  event.offsets[index] = event.offset(index) - 1;
  event.lengths[index] = event.length(index) + 1;
  return text;
}

/** What stands for it if there is something, else the raw text. */
export function shownText({ raw, resolved }: ParameterText): string {
  return resolved === '' ? raw : resolved;
}

function textOf(machine: Machine, event: Parameters, index: number, info: ParameterInfo): ParameterText {
  const { type } = info;
  if (TEXTS.has(type)) return pathText(machine, event, index, info);
  switch (type) {
    case 'fd':
    case 'fd32':
      return fdText(machine, event.i64(index));
    case 'pid':
    case 'pid32':
      return { raw: String(event.i64(index)), resolved: machine.threads.find(event.i64(index))?.comm ?? '' };
    case 'errno': {
      const value = event.i64(index);
      return { raw: String(value), resolved: value < 0 ? errorName(-value) : '' };
    }
    case 'bytes':
      return { raw: printable(event.raw(index)), resolved: '' };
    case 'sockaddr':
      return { raw: addressParameterText(event, index), resolved: '' };
    case 'tuple':
      return { raw: tupleText(event, index), resolved: '' };
    case 'syscall': {
      const name = SYSCALL_NAMES[event.u32(index)];
      return name === undefined
        ? { raw: '<unknown syscall>', resolved: '' }
        : { raw: String(event.u32(index)), resolved: name };
    }
    case 'sigset':
      return { raw: signalNames(event.u32(index)), resolved: '' };
    case 'port':
    case 'ipv4':
    case 'ipv6':
      return { raw: '(n.a.)', resolved: '' };
    case 'signal':
      return { raw: String(event.u32(index)), resolved: signalName(event.u32(index)) };
    case 'uid':
    case 'gid': {
      const id = event.u32(index);
      if (id === NO_ONE) return { raw: '-1', resolved: '<NONE>' };
      const isHost = (machine.currentThread?.containerId ?? '') === '';
      const name = type === 'uid' ? machine.users.get(id)?.name : machine.groups.get(id);
      return { raw: String(id), resolved: (isHost ? name : undefined) || '<NA>' };
    }
    case 'reltime':
      if (event.u64(index) === NO_TIME) return { raw: 'none', resolved: '' };
      return { raw: String(event.u64(index)), resolved: `${Number((Number(event.u64(index)) / 1e9).toPrecision(6))}s` };
    case 'abstime':
      return { raw: absoluteTime(event.u64(index)), resolved: '' };
    case 'fdlist':
      return { raw: fdListText(machine, event, index), resolved: '' };
    default:
      return numberText(event, index, info);
  }
}

function pathText(machine: Machine, event: Parameters, index: number, info: ParameterInfo): ParameterText {
  const text = event.text(index);
  const raw = info.type === 'text' ? text : printableText(text);
  const thread = machine.currentThread;
  if (info.type === 'text' || raw === '<NA>' || thread === null || raw === '' || raw.startsWith('/')) {
    return { raw, resolved: '' };
  }
  let base = thread.cwd;
  if (info.directory >= 0 && event.has(info.directory) && event.i64(info.directory) !== AT_CWD) {
    const name = thread.fd(event.i64(info.directory))?.name ?? '';
    base = name === '' || name.endsWith('/') ? name : `${name}/`;
  }
  return { raw, resolved: joinPaths(base, raw) };
}

function fdText(machine: Machine, number: number): ParameterText {
  const raw = String(number);
  if (machine.currentThread === null) return { raw, resolved: '' };
  if (number === AT_CWD) return { raw, resolved: 'AT_FDCWD' };
  if (number < 0) return { raw, resolved: errorName(-number) };
  const fd = machine.currentThread.fd(number);
  if (fd === null) return { raw, resolved: '' };
  const protocol = fd.isInet ? (LETTERS[fd.protocol] ?? '') : '';
  return { raw, resolved: `<${typeLetter(fd)}${protocol}>${printableText(fd.name)}` };
}

function fdListText(machine: Machine, event: Parameters, index: number): string {
  const { view, littleEndian } = event;
  const at = event.offset(index) + 2;
  return listedNumbers(machine, index)
    .map((number, place) => {
      const events = view.getInt16(at + place * 10 + 8, littleEndian);
      const fd = machine.currentThread?.fd(number) ?? null;
      return `${number}:${fd === null ? '?' : typeLetter(fd)}${(events >>> 0).toString(16)}`;
    })
    .join(' ');
}

function numberText(event: Parameters, index: number, info: ParameterInfo): ParameterText {
  const isSigned = /^i\d/.test(info.type);
  const value = isSigned ? BigInt(event.i64(index)) : event.u64(index);
  if (info.flags !== null && info.type !== 'mode') {
    return { raw: value.toString(), resolved: flagNames(info, Number(value)) };
  }
  const bits = 8 * event.length(index);
  const unsigned = BigInt.asUintN(bits, value);
  const decimal = info.type === 'u64' ? BigInt.asIntN(64, value) : value;
  const raw =
    info.base === 16
      ? unsigned.toString(16).toUpperCase()
      : info.base === 8
        ? unsigned === 0n
          ? '0'
          : `0${unsigned.toString(8)}`
        : decimal.toString();
  return { raw, resolved: info.type === 'mode' ? modeNames(info, Number(unsigned)) : '' };
}

function flagNames(info: ParameterInfo, initial: number): string {
  const names: string[] = [];
  let left = initial;
  for (const { name, value } of info.flags ?? []) {
    if (info.type.startsWith('enum')) {
      if (value === initial) names.push(name);
      continue;
    }
    const isSet = value === 0 ? initial === 0 : left !== 0 && (left & value) >>> 0 === value;
    if (!isSet) continue;
    left = (left & ~value) >>> 0;
    names.push(name);
    if (value === initial) break;
  }
  return names.join('|');
}

function modeNames(info: ParameterInfo, initial: number): string {
  const names: string[] = [];
  let left = initial;
  for (const { name, value } of info.flags ?? []) {
    if (value === initial) {
      names.push(name);
      break;
    }
    if (value !== 0 && left !== 0 && (left & value) === value) {
      names.push(name);
      left &= ~value;
    }
  }
  return names.join('|');
}

/** The lowest bit is signal 1. */
function signalNames(set: number): string {
  const names: string[] = [];
  for (let bit = 0; bit < 32; bit += 1) if (((set >>> bit) & 1) === 1) names.push(signalName(bit + 1));
  return names.filter((name) => name !== '').join(' ');
}

/** What cannot be printed becomes a dot. */
export function printable(raw: Buffer): string {
  let text = '';
  for (const byte of raw) text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
  return text;
}

function absoluteTime(ns: bigint): string {
  const text = new Date(Number(ns / 1_000_000n)).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 19)}.${String(ns % 1_000_000_000n).padStart(9, '0')}`;
}

/** The name of the event as rules know it: of calls without a type of their own, the call's. */
export function eventName(machine: Machine): string {
  const event = machine.current;
  if (event.code === CODE.generic) return SYSCALL_NAMES[event.u32(0)] ?? 'unknown';
  return event.code === CODE.async ? event.text(1) : event.info.name;
}
