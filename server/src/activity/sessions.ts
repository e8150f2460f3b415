/**
 * Who stands behind a process: the sign-in that its session began with, or the exec or attach at the cluster that put it into its container.
 *
 * The surprise: inside the container nothing says who came. The host saw a process begin whose parent is outside, the cluster's audit log
 * an exec into that pod within the same seconds; the command is the same in both. Where two calls fit equally well, nobody is named.
 */
import type { EventStore, StoredEvent } from '../events/store.ts';
import type { ActivityRow, ActivityStore } from './store.ts';

export interface SessionBehind {
  readonly how: 'sign-in' | 'cluster';
  readonly who: string;
  readonly atMs: number;
  /** Where it came from, as far as that was told. */
  readonly from: string;
  /** `exec`, `attach`; `sshd ← 203.0.113.7:51234`. */
  readonly detail: string;
  /** The cluster's event; null for a sign-in. */
  readonly event: { readonly source: string; readonly id: string } | null;
}

export interface Pod {
  readonly namespace: string;
  readonly name: string;
}

export interface SessionRooms {
  readonly activity: Pick<ActivityStore, 'lives' | 'search'>;
  readonly events: Pick<EventStore, 'searchEvents' | 'findEvents'>;
  /** The pod that a container is of; null: of none, or nobody tells. */
  readonly podOf: (container: string) => Promise<Pod | null>;
}

/** How long a session, or the process before it, may have been there already. */
const LOOKS_BACK_MS = 24 * 3_600_000;
/** The call is logged before the process begins, by two clocks. */
const CALL_BEFORE_MS = 15_000;
const CALL_AFTER_MS = 5_000;
const MOST_CALLS = 100;
const MOST_GENERATIONS = 1_000;
const NS_PER_MS = 1_000_000n;
const INTO_A_POD = /^(?:create|get) pods\/(exec|attach)$/;

/** Null when nobody signed in for it, or it cannot be told who. */
export async function sessionBehind(
  rooms: SessionRooms,
  place: { readonly host: string; readonly pid: number; readonly atMs: number },
): Promise<SessionBehind | null> {
  const { host, pid, atMs } = place;
  const rows = await rooms.activity.lives({ host, fromMs: atMs - LOOKS_BACK_MS, toMs: atMs });
  const commands = rows.filter(({ kind }) => kind === 'command');
  const own = commands.findLast(({ process }) => process.pid === pid);
  if (own === undefined) return null;
  if (own.loginUser !== '') return signIn(rooms, own);
  return own.container === '' ? null : intoPod(rooms, entryOf(commands, own));
}

async function signIn({ activity }: SessionRooms, { host, loginUser, timeNs }: ActivityRow): Promise<SessionBehind> {
  const toMs = Number(timeNs / NS_PER_MS) + 1;
  const is = (field: 'kind' | 'host' | 'login_user', value: string) => ({ field, value, include: true });
  const filters = [is('kind', 'login'), is('host', host), is('login_user', loginUser)];
  const [begun] = await activity.search({ fromMs: toMs - LOOKS_BACK_MS, toMs, filters, text: '' }, { limit: 1 });
  const detail = begun?.detail ?? '';
  const from = detail.split(' ← ')[1] ?? '';
  const atMs = Number((begun?.timeNs ?? timeNs) / NS_PER_MS);
  return { how: 'sign-in', who: loginUser, atMs, from, detail, event: null };
}

/** All that the outermost process of the container above this one has run, oldest first. */
function entryOf(commands: readonly ActivityRow[], own: ActivityRow): readonly ActivityRow[] {
  const byKey = new Map<string, ActivityRow[]>();
  for (const row of commands) {
    const key = keyOf(row.process);
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, [row]);
    else known.push(row);
  }
  let entry = own;
  for (let generation = 0; generation < MOST_GENERATIONS; generation += 1) {
    const parent = byKey.get(keyOf(entry.parent))?.at(-1);
    if (parent === undefined || parent.container !== own.container) break;
    entry = parent;
  }
  return byKey.get(keyOf(entry.process)) ?? [entry];
}

function keyOf({ pid, startNs }: ActivityRow['process']): string {
  return `${pid}@${startNs}`;
}

async function intoPod({ events, podOf }: SessionRooms, entry: readonly ActivityRow[]): Promise<SessionBehind | null> {
  const [first] = entry;
  const pod = first === undefined ? null : await podOf(first.container);
  if (first === undefined || pod === null) return null;
  const beganMs = Number(first.timeNs / NS_PER_MS);
  const found = await events.searchEvents({
    source: 'k8s_audit',
    fromMs: beganMs - CALL_BEFORE_MS,
    toMs: beganMs + CALL_AFTER_MS,
    text: pod.name,
    limit: MOST_CALLS,
  });
  const path = `${pod.namespace}/${pod.name}`;
  const fitting = found.filter(
    ({ action, errorCode, resources }) =>
      INTO_A_POD.test(action) && errorCode === null && resources.some(({ id }) => id === path),
  );
  const calls = await events.findEvents(
    'k8s_audit',
    fitting.map(({ id }) => id),
  );
  const commands = new Set(entry.map(({ detail }) => detail));
  const same = calls.filter((call) => commands.has(commandOf(call)));
  const call = oneOf(same.length > 0 ? same : calls.filter(isAttach));
  if (call === null) return null;
  return {
    how: 'cluster',
    who: call.actorName || call.actorId,
    atMs: call.timeMs,
    from: call.sourceIp ?? '',
    detail: INTO_A_POD.exec(call.action)?.[1] ?? '',
    event: { source: call.source, id: call.id },
  };
}

/** Several stages of one request are one call; calls of several people are none. */
function oneOf(calls: readonly StoredEvent[]): StoredEvent | null {
  const people = new Set(calls.map(({ actorId }) => actorId));
  return people.size === 1 ? (calls.toSorted((one, other) => one.timeMs - other.timeMs)[0] ?? null) : null;
}

function isAttach({ action }: StoredEvent): boolean {
  return INTO_A_POD.exec(action)?.[1] === 'attach';
}

/** The words of `?command=sh&command=-c&command=ls`, as a command line. */
function commandOf({ raw }: StoredEvent): string {
  const { requestURI } = JSON.parse(raw) as { requestURI?: unknown };
  if (typeof requestURI !== 'string') return '';
  return new URLSearchParams(requestURI.split('?')[1] ?? '').getAll('command').join(' ');
}
