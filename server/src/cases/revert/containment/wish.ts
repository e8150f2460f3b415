/**
 * What a person wants contained, as an event of our own: from here on it goes the way of every revert. Nobody else makes events of the
 * service `countersign`.
 *
 * The surprise: a process is looked up when it is wished for, by its id and the moment of what it did. What is planned and approved names it
 * by when it began, so that no other is hit, however long the second person takes.
 */
import type { Containment } from '@countersign/contract';
import { Failure } from '../../../ground/failure.ts';
import { httpFailures } from '../../../ground/http-error.ts';
import { type Caller, CallFailure } from '../../../vendors/aws/calls.ts';
import { textOf, type TrailEvent } from '../catalogue.ts';
import { MACHINE } from '../linux/containment.ts';

export interface WishOptions {
  readonly caseId: string;
  readonly by: string;
  readonly nowMs: number;
  /** What is done on a host. */
  readonly machine: (host: string) => Caller;
}

/** @throws Failure when the host does not answer, or the process is gone. */
export async function wishOf(wanted: Containment, options: WishOptions): Promise<TrailEvent> {
  const { caseId, by, nowMs } = options;
  const { action, account, ...about } = wanted;
  const isMachine = !('name' in wanted);
  return {
    ...{ service: 'countersign', name: action, account, region: isMachine ? MACHINE : 'cluster', timeMs: nowMs },
    ...{ eventId: `containment:${caseId}:${nowMs}`, actors: [by], response: {} },
    request: 'pid' in wanted ? await foundOn(options.machine(account), wanted) : about,
  };
}

type OfProcess = Extract<Containment, { pid: number }>;

async function foundOn(machine: Caller, { action, pid, at }: OfProcess): Promise<TrailEvent['request']> {
  const atMs = Date.parse(at);
  if (Number.isNaN(atMs)) throw httpFailures.invalidInput('at', 'no moment, like 2026-03-01T09:30:00Z');
  const found = await machine.call({ service: 'linux', operation: 'FindProcess', input: { pid, atMs } }).catch(refuse);
  if (action === 'StopProcess') return { pid, startTicks: textOf(found, 'startTicks') };
  const cgroup = textOf(found, 'cgroup');
  if (cgroup === null) throw notThere(`process ${pid} is in no control group of its own`);
  return { cgroup };
}

function refuse(error: unknown): never {
  if (error instanceof CallFailure) throw notThere(`${error.code}: ${error.message}`);
  throw error;
}

function notThere(message: string): Failure {
  return new Failure(message, { code: 'not-contained', httpStatus: 409, retryable: false });
}
