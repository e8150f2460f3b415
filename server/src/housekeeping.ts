/**
 * Forgets what nobody will ask for any more, a little at a time: finished batches of the inbox and what was put aside, links that
 * answered or ended long ago, second factors that came to an end. The journal, findings and cases stay, and so does what is
 * held.
 */
import { sql } from 'kysely';
import { type HoldWork, keepHolds } from './activity/holds/holds.ts';
import type { State } from './ground/state.ts';
import { forgetIntake } from './sources/inbox-health.ts';

const EVERY_MS = 3_600_000;
const KEPT_MS = 30 * 86_400_000;
/** Rows at once: nothing else waits for long. */
const AT_ONCE = 1_000;
const PAUSE_MS = 200;
const MOST_ROUNDS = 1_000;

/** Works until `signal` aborts: what is old is forgotten, what is held stays. */
export async function keepHouse(work: HoldWork, signal: AbortSignal): Promise<void> {
  await Promise.all([forget(work, signal), keepHolds(work, signal)]);
}

async function forget({ state, clock, log }: HoldWork, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      for (let round = 0; round < MOST_ROUNDS && !signal.aborted; round += 1) {
        if ((await forgetOld(state, clock.nowMs(), AT_ONCE)) === 0) break;
        await clock.sleep(PAUSE_MS, signal);
      }
    } catch (error) {
      log.error('what is old could not be forgotten; it is tried again', { error });
    }
    await clock.sleep(EVERY_MS, signal);
  }
}

/** At most `limit` of each kind; returns how many there were. */
export async function forgetOld(state: State, nowMs: number, limit: number): Promise<number> {
  const beforeMs = nowMs - KEPT_MS;
  const intake = await forgetIntake(state, beforeMs, limit);
  const links = await sql`
    delete from challenge_link where token_hash in (
      select token_hash from challenge_link where expires_ms < ${beforeMs} order by expires_ms limit ${limit}
    ) returning 1`.execute(state.db);
  const proofs = await sql`
    delete from proof where id in (
      select id from proof where ended_ms < ${beforeMs} order by ended_ms limit ${limit}
    ) returning 1`.execute(state.db);
  return intake + links.rows.length + proofs.rows.length;
}
