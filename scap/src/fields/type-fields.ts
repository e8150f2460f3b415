/**
 * Fields that have one value for all events of a type, so that whoever judges events can decide about them once. The names of
 * events are the largest part of it; the rest is mostly that a type has no such thing.
 */
import { CODE } from '../format/event-codes.ts';
import { CATEGORY, EVENT_FLAG, EVENT_TABLE, type EventInfo } from '../format/event-table.ts';
import { hasAbspath } from './absolute-paths.ts';
import { categoryName, isAnyOpen } from './event-fields.ts';
import { isAboutFd } from './fd-fields.ts';
import type { FieldResult } from './fields.ts';
import { hasPaths } from './path-fields.ts';

/** The value of a field for every event of the type; undefined when they may differ. */
export type TypeFields = (name: string, argument: string | null) => FieldResult | undefined;

/** Of a type that has many names (`syscall`, `asyncevent`) the name is not among them. */
export function typeFieldsOf(code: number): TypeFields {
  const info = EVENT_TABLE[code];
  if (info === undefined) return () => undefined;
  const constant = constantsOf(info);
  return (name, argument) => {
    const value = constant.get(name);
    if (value !== undefined) return value;
    switch (name.slice(0, name.indexOf('.'))) {
      case 'fd':
        return isAboutFd(info) ? undefined : null;
      case 'fs':
        return hasPaths(code) ? undefined : null;
      case 'fdlist':
        return code === CODE.poll || code === CODE.ppoll ? undefined : null;
    }
    if (name === 'evt.arg' || name === 'evt.rawarg') return hasParameter(info, argument) ? undefined : null;
    if (name === 'evt.type.is') return info.name === argument ? 1 : 0;
    return undefined;
  };
}

function hasParameter({ parameters }: EventInfo, argument: string | null): boolean {
  if (argument === null) return false;
  if (/^\d+$/.test(argument)) return Number(argument) < parameters.length;
  return parameters.some(({ name }) => name === argument);
}

function constantsOf(info: EventInfo): ReadonlyMap<string, FieldResult> {
  const { code, name, flags, category, isExit } = info;
  const isSyscall = (category & CATEGORY.syscall) !== 0;
  const isMeta = (category & CATEGORY.metaEvent) !== 0;
  const reads = (flags & EVENT_FLAG.readsFd) !== 0;
  const writes = (flags & EVENT_FLAG.writesFd) !== 0;
  const values = new Map<string, FieldResult>([
    ['evt.source', 'syscall'],
    ['evt.pluginname', null],
    ['evt.plugininfo', null],
    ['evt.is_async', isMeta],
    ['evt.is_io', reads || writes],
    ['evt.is_io_read', reads],
    ['evt.is_io_write', writes],
    ['evt.io_dir', writes ? 'write' : reads ? 'read' : null],
    ['evt.is_wait', (flags & EVENT_FLAG.waits) !== 0],
    ['evt.count', 1],
    ['evt.count.exit', isExit ? 1 : null],
  ]);
  if (code !== CODE.generic && code !== CODE.async) {
    values.set('evt.type', name);
    values.set('syscall.type', isSyscall ? name : null);
    values.set('evt.asynctype', isMeta ? name : null);
  }
  const absent: string[] = [];
  if (code === CODE.generic || !isExit || !isSyscall)
    absent.push('evt.rawres', 'evt.res', 'evt.failed', 'evt.count.error');
  if (!info.parameters.some((one) => one.name === 'data')) absent.push('evt.buffer');
  if (!hasAbspath(code)) absent.push('evt.abspath');
  if ((category & CATEGORY.ioBase) === 0 || !isExit) absent.push('evt.buflen');
  if (code !== CODE.procInfo) absent.push('thread.cpu', 'thread.cpu.user', 'thread.cpu.system');
  for (const one of absent) values.set(one, null);
  if (!isAnyOpen(code)) {
    for (const one of ['evt.is_open_read', 'evt.is_open_write', 'evt.is_open_create']) values.set(one, false);
    if (code !== CODE.creat) values.set('evt.is_open_exec', false);
  }
  if (!writes) values.set('evt.is_syslog', false);
  const fixed = categoryName(info);
  if (fixed !== null) values.set('evt.category', fixed);
  return values;
}
