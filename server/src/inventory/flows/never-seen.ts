/**
 * Lines that were never there before, of workloads whose habits are known: each becomes a record with a match, and goes the way of
 * everything that a rule found. So its owner is asked, and when nobody answers somebody is called.
 *
 * The surprise: nothing remembers how far was looked. Every look goes back over some time, since hosts tell late; a line's record has
 * the same id however often it is found, and what was already taken is known by it.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../ground/clock.ts';
import type { Log } from '../../ground/log.ts';
import type { State } from '../../ground/state.ts';
import { acceptBatch } from '../../sources/inbox.ts';
import type { ConnectionStore, Pair } from '../connections/store.ts';
import type { SyscallRecord } from '../../sources/syscall/record.ts';
import { flowRecord, isPrivate, NO_WORKLOAD } from './flow-record.ts';
import type { Habit, HabitStore, Sighting } from './habits.ts';

export interface NeverSeenOptions {
  readonly state: State;
  readonly connections: Pick<ConnectionStore, 'newPairs'>;
  readonly flows: HabitStore;
  readonly clock: Clock;
  readonly log: Log;
  /** How long an application must be known before anything about it is a surprise. */
  readonly learnMs: number;
}

export const NEVER_SEEN_RULE = 'Connection never seen before';

const MOST_PAIRS = 1_000;
/** More in one look is a change of the network, not a question each. */
const MOST_TOLD = 50;
const MOST_REMEMBERED = 100_000;
/** Whoever already talks with this many on the port has no habit about whom. */
const MANY_PEERS = 10;
const LOCAL_ONLY = /^(?:127\.|::1$|169\.254\.|fe80:)/i;

/**
 * One look over the last `backMs`.
 * @param told ids of what was told by earlier looks; grows
 */
export async function lookForNeverSeen(options: NeverSeenOptions, told: Set<string>, backMs: number): Promise<void> {
  const { state, connections, flows, clock, log, learnMs } = options;
  const nowMs = clock.nowMs();
  const fromMs = nowMs - backMs;
  const pairs = (await connections.newPairs({ fromMs, toMs: nowMs }, MOST_PAIRS)).filter(
    (pair) => isOfWorkload(pair) && !told.has(idOf(pair)),
  );
  if (pairs.length === 0) return;
  const known = await flows.habitsOf([...new Set(pairs.map(({ application }) => application))], fromMs);
  const surprising = pairs.filter((pair) => isSurprising(pair, known, learnMs));
  if (surprising.length > MOST_TOLD)
    log.warn('more connections were never seen before than anybody can be asked about', {
      found: surprising.length,
      asked: MOST_TOLD,
    });
  const records = [];
  for (const pair of surprising.slice(0, MOST_TOLD)) {
    const seen = await flows.sightingOf(pair);
    if (seen !== null) records.push(recordOf(pair, seen, known));
  }
  if (records.length > 0) {
    const batch = records.map((record) => ({ id: record.id, timeMs: record.timeMs, json: JSON.stringify(record) }));
    await acceptBatch(state, { source: 'syscall', origin: 'connections', records: batch }, nowMs);
  }
  if (told.size > MOST_REMEMBERED) told.clear();
  for (const pair of pairs) told.add(idOf(pair));
}

function isOfWorkload({ application, direction, remoteIp }: Pair): boolean {
  return !NO_WORKLOAD.test(application) && direction !== 'unknown' && !LOCAL_ONLY.test(remoteIp);
}

/** Pure. Whether the pair breaks a habit: its application has been known for long enough, and few others are known on the port. */
export function isSurprising(pair: Pair, habits: readonly Habit[], learnMs: number): boolean {
  const own = habits.filter(({ application }) => application === pair.application);
  const sinceMs = Math.min(...own.map((habit) => habit.sinceMs));
  return pair.firstMs - sinceMs >= learnMs && peersOf(pair, own) < MANY_PEERS;
}

function peersOf({ direction, port }: Pair, own: readonly Habit[]): number {
  return own.find((habit) => habit.direction === direction && habit.port === port)?.peers ?? 0;
}

function idOf({ application, process, direction, protocol, remoteIp, port, scope }: Pair): string {
  const key = JSON.stringify([scope, application, process, direction, protocol, remoteIp, port]);
  return `never-seen-${createHash('sha256').update(key).digest('hex').slice(0, 40)}`;
}

/** As a call of the host that saw it last. */
function recordOf(pair: Pair, seen: Sighting, habits: readonly Habit[]): SyscallRecord {
  const { application, process, direction, protocol, remoteIp, remoteName, port, firstMs } = pair;
  const own = habits.filter((habit) => habit.application === application);
  const isOut = direction === 'out';
  const peer = remoteName === '' ? remoteIp : `${remoteName} (${remoteIp})`;
  const did = isOut ? `talks to ${peer} on port ${port}` : `is called by ${peer} on port ${port}`;
  const since = new Date(Math.min(...own.map(({ sinceMs }) => sinceMs))).toISOString().slice(0, 10);
  const known = peersOf(pair, own);
  return flowRecord({
    id: idOf(pair),
    timeMs: firstMs,
    ...{ host: seen.host, application, process, exe: seen.exe, protocol, isOut },
    ...{ localIp: seen.localIp, remoteIp, port },
    rule: NEVER_SEEN_RULE,
    tags: tagsOf(pair),
    output: `${application} ${did}, which it never did before (${process}; known since ${since}, ${known} others on this port)`,
    fields: {
      'flow.direction': direction,
      'flow.peer': remoteIp,
      'flow.peer_name': remoteName === '' ? null : remoteName,
      'flow.port': port,
      'flow.known_since': since,
      'flow.known_peers': known,
    },
  });
}

/** Out into the world weighs more than to a neighbour. */
function tagsOf({ direction, remoteIp }: Pair): readonly string[] {
  if (direction === 'in' || isPrivate(remoteIp)) return ['T1021', 'mitre_lateral_movement', 'risk=50'];
  return ['T1071', 'mitre_command_and_control', 'risk=60'];
}
