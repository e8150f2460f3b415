/**
 * The event types of the format, parsed once from their rows: names, flags, parameters with their types.
 *
 * The surprise: even codes are events of before a call, odd ones of after it; schema 4 records only the latter.
 */
import { EVENT_ROWS } from '../data/event-rows.ts';
import { FLAG_ROWS } from '../data/flag-rows.ts';

/** How a parameter is written. Sizes in bytes are in `SIZES`; what is not there has any length. */
export type ParameterType =
  | 'i8'
  | 'i16'
  | 'i32'
  | 'i64'
  | 'u8'
  | 'u16'
  | 'u32'
  | 'u64'
  | 'text'
  | 'bytes'
  | 'errno'
  | 'sockaddr'
  | 'tuple'
  | 'fd'
  | 'pid'
  | 'fdlist'
  | 'path'
  | 'syscall'
  | 'signal'
  | 'reltime'
  | 'abstime'
  | 'port'
  | 'ipv4'
  | 'ipv6'
  | 'dyn'
  | 'flags8'
  | 'flags16'
  | 'flags32'
  | 'enum8'
  | 'enum16'
  | 'enum32'
  | 'uid'
  | 'gid'
  | 'sigset'
  | 'texts'
  | 'pairs'
  | 'mode'
  | 'relpath'
  | 'fd32'
  | 'pid32';

export interface NamedFlag {
  readonly name: string;
  readonly value: number;
}

export interface ParameterInfo {
  readonly name: string;
  readonly type: ParameterType;
  readonly base: 10 | 16 | 8;
  /** The names of flags and enumerations, else null. */
  readonly flags: readonly NamedFlag[] | null;
  /** For relative paths the parameter with the directory, else -1. */
  readonly directory: number;
  /** For `dyn` the set of variants, else null. */
  readonly variants: readonly ParameterInfo[] | null;
}

export interface EventInfo {
  readonly code: number;
  readonly name: string;
  readonly isExit: boolean;
  readonly category: number;
  readonly flags: number;
  readonly parameters: readonly ParameterInfo[];
}

export const EVENT_FLAG = {
  createsFd: 0x1,
  destroysFd: 0x2,
  usesFd: 0x4,
  readsFd: 0x8,
  writesFd: 0x10,
  modifiesState: 0x20,
  unused: 0x40,
  waits: 0x80,
  skipsReset: 0x100,
  old: 0x200,
  large: 0x800,
  converted: 0x1000,
} as const;

export const CATEGORY = { memory: 5, ioBase: 32, ioRead: 32, ioWrite: 33, syscall: 512, metaEvent: 4096 } as const;

/** What is never shorter or longer; a value of another length is damage or of another version. */
export const SIZES: Readonly<Partial<Record<ParameterType, number>>> = {
  i8: 1,
  u8: 1,
  flags8: 1,
  enum8: 1,
  signal: 1,
  i16: 2,
  u16: 2,
  flags16: 2,
  enum16: 2,
  syscall: 2,
  port: 2,
  i32: 4,
  u32: 4,
  flags32: 4,
  enum32: 4,
  uid: 4,
  gid: 4,
  mode: 4,
  sigset: 4,
  fd32: 4,
  pid32: 4,
  ipv4: 4,
  i64: 8,
  u64: 8,
  reltime: 8,
  abstime: 8,
  errno: 8,
  fd: 8,
  pid: 8,
  ipv6: 16,
};

/** What a `dyn` parameter can be; its first byte says which. */
const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  sockopt: [':bytes/x', ':errno', ':u32', ':u64', ':reltime'],
  ptrace: [':u64/x', ':signal'],
  bpf: [':fd', ':errno'],
  keyctl: [':i64', ':text'],
};

const FLAG_SETS: ReadonlyMap<string, readonly NamedFlag[]> = new Map(
  rowsOf(FLAG_ROWS).map((row) => {
    const [name = '', ...flags] = row.split(' ');
    return [
      name,
      flags.map((flag) => {
        const equals = flag.lastIndexOf('=');
        return { name: flag.slice(0, equals), value: Number(flag.slice(equals + 1)) };
      }),
    ];
  }),
);

/** By code, without holes. */
export const EVENT_TABLE: readonly EventInfo[] = rowsOf(EVENT_ROWS).map((row) => {
  const [code = '', name = '', direction = '', category = '', flags = '', ...parameters] = row.split(' ');
  return {
    code: Number(code),
    name,
    isExit: direction === '<',
    category: Number.parseInt(category, 16),
    flags: Number.parseInt(flags, 16),
    parameters: parameters.map(parseParameter),
  };
});

/** Most parameters that an event may have. */
export const MOST_PARAMETERS = 32;

function parseParameter(text: string): ParameterInfo {
  const [rest = '', reference] = text.split('@');
  const [name = '', typed = ''] = rest.split(':');
  const [type = '', print = ''] = typed.split('/');
  const variants = type === 'dyn' ? (VARIANTS[reference ?? ''] ?? []).map(parseParameter) : null;
  return {
    name,
    type: type as ParameterType,
    base: print === 'x' ? 16 : print === 'o' ? 8 : 10,
    flags: reference === undefined ? null : (FLAG_SETS.get(reference) ?? null),
    directory: type === 'relpath' && reference !== undefined ? Number(reference) : -1,
    variants,
  };
}

function rowsOf(text: string): readonly string[] {
  return text.split('\n').filter((row) => row !== '');
}
