/** The fields of a system call event by their public names, read from the state while the event is handed on. */
import { CONTAINER_FIELDS } from './container-fields.ts';
import { EVENT_FIELDS } from './event-fields.ts';
import { FD_FIELDS } from './fd-fields.ts';
import { FD_LIST_FIELDS } from './fd-list-fields.ts';
import type { Machine } from '../state/machine.ts';
import { PATH_FIELDS } from './path-fields.ts';
import { PROCESS_FIELDS } from './process-fields.ts';

export type FieldScalar = string | number | bigint | boolean;
export type FieldResult = FieldScalar | readonly FieldScalar[] | null;
/** Reads one field; absent is null. */
export type FieldReader = (machine: Machine, argument: string | null) => FieldResult;

export interface SyscallField {
  readonly read: FieldReader;
  /** What output prints, when that differs from what conditions compare. */
  readonly print?: FieldReader;
  /** A list of which one matching value is enough: for `in` alone, or for every operator. */
  readonly oneMatches?: 'in' | 'always';
}

export const SYSCALL_FIELDS: ReadonlyMap<string, SyscallField> = new Map(
  [EVENT_FIELDS, PROCESS_FIELDS, FD_FIELDS, FD_LIST_FIELDS, PATH_FIELDS, CONTAINER_FIELDS].flatMap((fields) =>
    Object.entries(fields).map(([name, field]): [string, SyscallField] => [
      name,
      typeof field === 'function' ? { read: field } : field,
    ]),
  ),
);
