/**
 * What is found in the connections of a host → a record with a match, as a system call of that host: so it has the same policy, people and
 * pages as everything that a rule found.
 */
import type { SyscallRecord } from '../../sources/syscall/record.ts';

export interface FoundFlow {
  /** Known by it, however often it is found. */
  readonly id: string;
  readonly timeMs: number;
  readonly host: string;
  readonly application: string;
  readonly process: string;
  readonly exe: string;
  readonly protocol: string;
  /** The application called, and was not called. */
  readonly isOut: boolean;
  readonly localIp: string;
  readonly remoteIp: string;
  /** The service's port, on whichever end it is. */
  readonly port: number;
  readonly rule: string;
  readonly tags: readonly string[];
  readonly output: string;
  readonly fields: Readonly<Record<string, string | number | null>>;
}

/** What runs outside of units and containers is whatever somebody types: it has no habits. */
export const NO_WORKLOAD = /^(?:program:|\?$)/;
export function flowRecord(found: FoundFlow): SyscallRecord {
  const { id, timeMs, host, application, process, exe, protocol, isOut, localIp, remoteIp, port } = found;
  const there = endText(remoteIp, isOut ? port : null);
  const here = endText(localIp, isOut ? null : port);
  const name = isOut ? `${here}->${there}` : `${there}->${here}`;
  return {
    host,
    id,
    timeMs: Math.trunc(timeMs),
    fields: {
      'evt.type': isOut ? 'connect' : 'accept',
      'evt.res': 'SUCCESS',
      'proc.name': process,
      'proc.exepath': exe,
      'countersign.program': application,
      'fd.name': name,
      'fd.sip': isOut ? remoteIp : localIp,
      'fd.cip': isOut ? localIp : remoteIp,
      'fd.sport': port,
      'fd.l4proto': protocol,
    },
    matches: [
      {
        rule: found.rule,
        priority: 'Notice',
        tags: found.tags,
        output: found.output,
        outputFields: { 'flow.application': application, ...found.fields, 'fd.name': name, 'proc.name': process },
      },
    ],
    repeats: 0,
  };
}

function endText(ip: string, port: number | null): string {
  const address = ip.includes(':') ? `[${ip}]` : ip;
  return port === null ? address : `${address}:${port}`;
}
