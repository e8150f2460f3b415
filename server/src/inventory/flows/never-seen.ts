/**
 * Lines that were never there before, of workloads whose habits are known: each becomes a record with a match, and goes the way of
 * everything that a rule found. So its owner is asked, and when nobody answers somebody is called.
 *
 * The surprise: nothing remembers how far was looked. Every look goes back over some time, since hosts tell late; a line's record has
 * the same id however often it is found, and what was already taken is known by it.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../ground/clock.ts';
import type { State } from '../../ground/state.ts';
import { acceptBatch } from '../../sources/inbox.ts';
import { isLocalOnly } from '../connections/line.ts';
import type { ConnectionStore, Pair } from '../connections/store.ts';
import type { SyscallRecord } from '../../sources/syscall/record.ts';
import { isInside } from '../../vendors/outside.ts';
import { flowRecord, NO_WORKLOAD } from './flow-record.ts';
import { type Habit, type HabitStore, peerKey, type Sighting } from './habits.ts';

export interface NeverSeenOptions {
  readonly state: State;
  readonly connections: Pick<ConnectionStore, 'newPairsOfEach'>;
  readonly flows: HabitStore;
  readonly clock: Clock;
  /** How long an application must be known before anything about it is a surprise. */
  readonly learnMs: number;
}

export const NEVER_SEEN_RULE = 'Connection never seen before';

/** More of one application in one look are told as one: a question each would be answered by nobody. */
const MOST_EACH = 10;
const MOST_REMEMBERED = 100_000;
/** Whoever already talks with this many on the port has no habit about whom. */
const MANY_PEERS = 10;

/**
 * One look over the last `backMs`.
 * @param told ids of what was looked at by earlier looks; grows
 */
export async function lookForNeverSeen(options: NeverSeenOptions, told: Set<string>, backMs: number): Promise<void> {
  const { state, connections, flows, clock, learnMs } = options;
  const nowMs = clock.nowMs();
  const fromMs = nowMs - backMs;
  const found = await connections.newPairsOfEach({ fromMs, toMs: nowMs }, MOST_EACH + 1);
  const pairs = onceEach(found.filter((pair) => isOfWorkload(pair) && !told.has(idOf(pair))));
  if (pairs.length === 0) return;
  const applications = [...new Set(pairs.map(({ application }) => application))];
  const learned = { beforeMs: fromMs, learnMs };
  const habits = await flows.habitsOf(applications, learned);
  const known = await flows.knownPeers(pairs, learned);
  const surprising = pairs.filter((pair) => !known.has(peerKey(pair)) && isSurprising(pair, habits, learnMs));
  const records: SyscallRecord[] = [];
  const unseen = new Set<string>();
  for (const application of applications) {
    const own = surprising.filter((pair) => pair.application === application);
    for (const pair of own.length > MOST_EACH ? own.slice(0, 1) : own) {
      const seen = await flows.sightingOf(pair);
      if (seen === null) unseen.add(idOf(pair));
      else records.push(recordOf(pair, { seen, habits, others: own.length > MOST_EACH ? own.length - 1 : 0 }));
    }
  }
  if (records.length > 0) {
    const batch = records.map((record) => ({ id: record.id, timeMs: record.timeMs, json: JSON.stringify(record) }));
    await acceptBatch(state, { source: 'syscall', origin: 'connections', records: batch }, nowMs);
  }
  if (told.size > MOST_REMEMBERED) told.clear();
  for (const pair of pairs) if (!unseen.has(idOf(pair))) told.add(idOf(pair));
}

/** Several processes of an application may talk with the same peer. */
function onceEach(pairs: readonly Pair[]): readonly Pair[] {
  return [...new Map(pairs.map((pair) => [idOf(pair), pair])).values()];
}

function isOfWorkload({ application, direction, remoteIp }: Pair): boolean {
  return !NO_WORKLOAD.test(application) && direction !== 'unknown' && !isLocalOnly(remoteIp);
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

function idOf(pair: Pair): string {
  const key = JSON.stringify([pair.scope, pair.protocol, peerKey(pair)]);
  return `never-seen-${createHash('sha256').update(key).digest('hex').slice(0, 40)}`;
}

interface Surroundings {
  readonly seen: Sighting;
  readonly habits: readonly Habit[];
  /** More of the application that came with it. */
  readonly others: number;
}

/** As a call of the host that saw it last. */
function recordOf(pair: Pair, { seen, habits, others }: Surroundings): SyscallRecord {
  const { application, process, direction, protocol, remoteIp, remoteName, port, firstMs } = pair;
  const own = habits.filter((habit) => habit.application === application);
  const isOut = direction === 'out';
  const peer = remoteName === '' ? remoteIp : `${remoteName} (${remoteIp})`;
  const did = isOut ? `talks to ${peer} on port ${port}` : `is called by ${peer} on port ${port}`;
  const more = others === 0 ? '' : `, and has at least ${others} more connections that are new`;
  const since = new Date(Math.min(...own.map(({ sinceMs }) => sinceMs))).toISOString().slice(0, 10);
  const known = peersOf(pair, own);
  return flowRecord({
    id: idOf(pair),
    timeMs: firstMs,
    ...{ host: seen.host, application, process, exe: seen.exe, protocol, isOut },
    ...{ localIp: seen.localIp, remoteIp, port },
    rule: NEVER_SEEN_RULE,
    tags: tagsOf(pair),
    output: `${application} ${did}, which it never did before${more} (${process}; known since ${since}, ${known} others on this port)`,
    fields: {
      'flow.direction': direction,
      'flow.peer': remoteIp,
      'flow.peer_name': remoteName === '' ? null : remoteName,
      'flow.port': port,
      'flow.known_since': since,
      'flow.known_peers': known,
      'flow.others': others,
    },
  });
}

/** Out into the world weighs more than to a neighbour. */
function tagsOf({ direction, remoteIp }: Pair): readonly string[] {
  if (direction === 'in' || isInside(remoteIp)) return ['T1021', 'mitre_lateral_movement', 'risk=50'];
  return ['T1071', 'mitre_command_and_control', 'risk=60'];
}
