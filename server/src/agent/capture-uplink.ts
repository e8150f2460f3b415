/**
 * Brings captures from this host's disk to the server: piece by piece, going on where the last life or connection ended. One that the server has
 * is marked and stays here for its time all the same.
 *
 * ```
 *  captures/ID.scap.gz     complete          captures/ID.sent      the server has it, or will never take it
 * ```
 */
import { open, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../ground/clock.ts';
import { messageOf } from '../ground/failure.ts';
import type { Log } from '../ground/log.ts';
import { recordingFile, recordingIn } from '../sources/sensor/recording/recording-file.ts';
import type { AgentCalls, CaptureOutcome } from '../vendors/countersign/agent-calls.ts';

export interface CaptureUplinkOptions {
  readonly directory: string;
  readonly calls: Pick<AgentCalls, 'captureProgress' | 'sendPiece'>;
  readonly clock: Clock;
  readonly log: Log;
}

const LOOK_MS = 5_000;
const LONGEST_WAIT_MS = 5 * 60_000;
const PIECE_BYTES = 2 * 1024 * 1024;
const SENT = '.sent';

/** A capture that is asked about again later, while the others are sent. */
interface Postponed {
  readonly waitMs: number;
  readonly untilMs: number;
}

/** Sends until `signal` aborts. */
export async function runCaptureUplink(options: CaptureUplinkOptions, signal: AbortSignal): Promise<void> {
  const { clock, log } = options;
  const postponed = new Map<string, Postponed>();
  let waitMs = LOOK_MS;
  while (!signal.aborted) {
    await clock.sleep(waitMs, signal);
    try {
      waitMs = (await sendAll(options, postponed, signal)) ? LOOK_MS : Math.min(waitMs * 2, LONGEST_WAIT_MS);
    } catch (error) {
      log.error('captures cannot be listed here', { problem: messageOf(error) });
      waitMs = LONGEST_WAIT_MS;
    }
  }
}

/** @returns whether the server takes captures. */
async function sendAll(
  options: CaptureUplinkOptions,
  postponed: Map<string, Postponed>,
  signal: AbortSignal,
): Promise<boolean> {
  const { clock, log } = options;
  const names = await readdir(options.directory);
  const complete = names.flatMap((name) => recordingIn(name) ?? []).toSorted();
  const sent = new Set(names.flatMap((name) => recordingIn(name, SENT) ?? []));
  for (const id of sent) if (!complete.includes(id)) await rm(markOf(options, id), { force: true });
  for (const id of postponed.keys()) if (!complete.includes(id)) postponed.delete(id);
  for (const id of complete) {
    const former = postponed.get(id);
    if (sent.has(id) || signal.aborted || (former?.untilMs ?? 0) > clock.steadyMs()) continue;
    const outcome = await sendOne(options, id, signal).catch((error: unknown) => unreadable(options, id, error));
    if (outcome.type === 'later') {
      // The others would fare no better.
      log.warn('the server does not take a capture now; it stays here', { id, reason: outcome.reason });
      return false;
    }
    if (outcome.type !== 'unknown') continue;
    const waitMs = former === undefined ? LOOK_MS : Math.min(former.waitMs * 2, LONGEST_WAIT_MS);
    postponed.set(id, { waitMs, untilMs: clock.steadyMs() + waitMs });
  }
  return true;
}

/** One that was removed for room after it was listed is nothing to tell. */
function unreadable({ log }: CaptureUplinkOptions, id: string, error: unknown): CaptureOutcome {
  const isGone = error instanceof Error && 'code' in error && error.code === 'ENOENT';
  if (!isGone) log.error('a capture cannot be read here', { id, problem: messageOf(error) });
  return { type: 'unknown' };
}

async function sendOne(options: CaptureUplinkOptions, id: string, signal: AbortSignal): Promise<CaptureOutcome> {
  const { directory, calls, log } = options;
  const file = await open(recordingFile(directory, id) ?? '', 'r');
  try {
    let outcome = await calls.captureProgress(id);
    const piece = Buffer.alloc(PIECE_BYTES);
    while (outcome.type === 'has' && !outcome.isWhole && !signal.aborted) {
      const { receivedBytes } = outcome;
      const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, receivedBytes);
      // The server waits for more than there is: it was told of another file.
      if (bytesRead === 0) outcome = { type: 'refused', reason: `the file ends at ${receivedBytes} bytes` };
      else outcome = await calls.sendPiece(id, receivedBytes, piece.subarray(0, bytesRead));
    }
    if (outcome.type === 'refused') log.error('the server refuses a capture for good', { id, reason: outcome.reason });
    const isOver = outcome.type === 'refused' || (outcome.type === 'has' && outcome.isWhole);
    if (isOver) await writeFile(markOf(options, id), '', { mode: 0o600 });
    return outcome;
  } finally {
    await file.close();
  }
}

function markOf({ directory }: CaptureUplinkOptions, id: string): string {
  return join(directory, `${id}${SENT}`);
}
