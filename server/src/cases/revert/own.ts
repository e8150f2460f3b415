/**
 * Our own calls, noted before they leave, by which their events are recognised when they come back.
 *
 * The surprise: a call explains one request and no other. Who has our role and repeats our call with another content, while ours is
 * still fresh, is not explained by it.
 */
import type { State, StateTransaction } from '../../ground/state.ts';
import type { Call } from '../../vendors/aws/calls.ts';
import { plainName, type ResourceRef, type TrailEvent } from './catalogue.ts';
import { meaningOf } from './policy-document.ts';
import { digestOfJson, policyDocument, toJson } from './state.ts';
import type { Revert } from './store.ts';
import type { RevertTables } from './tables.ts';

export type OwnVerdict =
  /** Not by our role. A session name proves nothing. */
  | 'other'
  /** By our role, and we did it. */
  | 'own'
  /** By our role, and we did not: somebody uses it. */
  | 'stolen';

/** Between our note and the moment that the event states: clocks differ, and a call is tried again. */
const OWN_WITHIN_MS = 5 * 60_000;
const MOST_NOTES = 1_000;
const LONGEST_SUBJECT = 512;
const MOST_LEAVES = 10_000;

/** Before a call leaves. */
export async function noteCall(
  trx: StateTransaction,
  { revert, call, resource, nowMs }: { revert: Revert; call: Call; resource: ResourceRef; nowMs: number },
): Promise<void> {
  const db = trx.withTables<RevertTables>();
  const rows = db.selectFrom('revert_call').select('number').where('revert_id', '=', revert.id);
  const last = await rows.orderBy('number', 'desc').limit(1).executeTakeFirst();
  const note = {
    revert_id: revert.id,
    number: (last?.number ?? -1) + 1,
    account: revert.account,
    event: eventOf(call),
    called_ms: nowMs,
    subjects: JSON.stringify(subjectsOf(call, resource)),
  };
  await db.insertInto('revert_call').values(note).execute();
}

/** Whether anything has left for this revert. */
export async function hasCalled({ db }: State, { id }: Revert): Promise<boolean> {
  const calls = db.withTables<RevertTables>().selectFrom('revert_call').select('number').where('revert_id', '=', id);
  return (await calls.limit(1).executeTakeFirst()) !== undefined;
}

/** @param issuerArn of the role whose session acted; null for anybody else. */
export async function judgeOwn(
  state: State,
  { ownRoles, event, issuerArn }: { ownRoles: readonly string[]; event: TrailEvent; issuerArn: string | null },
): Promise<OwnVerdict> {
  if (issuerArn === null || !ownRoles.includes(issuerArn)) return 'other';
  const db = state.db.withTables<RevertTables>();
  const notes = await db
    .selectFrom('revert_call')
    .selectAll()
    .where('account', '=', event.account)
    .where('event', '=', `${event.service}:${plainName(event.name)}`)
    .where('called_ms', '>=', event.timeMs - OWN_WITHIN_MS)
    .where('called_ms', '<=', event.timeMs + OWN_WITHIN_MS)
    .orderBy('called_ms')
    .limit(MOST_NOTES)
    .execute();
  const digest = digestOfJson(toJson(withoutTrial(event.request)));
  const said = leavesOf(event.request);
  const about = notes.filter(({ subjects }) =>
    (JSON.parse(subjects) as string[]).every((subject) => said.has(subject)),
  );
  if (about.some(({ request_digest }) => request_digest === digest)) return 'own';
  for (const { revert_id, number } of about.filter(({ request_digest }) => request_digest === null)) {
    const row = db.updateTable('revert_call').set({ request_digest: digest }).where('revert_id', '=', revert_id);
    const free = row.where('number', '=', number).where('request_digest', 'is', null);
    if ((await free.returning('number').executeTakeFirst()) !== undefined) return 'own';
  }
  return 'stolen';
}

/** Whether AWS was only asked whether it may be done (`trial.ts`). */
export function isTrial({ request }: TrailEvent): boolean {
  return Object.entries(request).some(([key, value]) => TRIAL.test(key) && String(value) === 'true');
}

/** A trial run and the call itself are one request, and share its note. */
function withoutTrial(request: TrailEvent['request']): TrailEvent['request'] {
  return Object.fromEntries(Object.entries(request).filter(([key]) => !TRIAL.test(key)));
}

/** Of the request itself alone: what stands deeper may be named by whoever calls. */
const TRIAL = /^dryRun$/i;

/** Under which name CloudTrail tells of a call. */
function eventOf({ service, operation }: Call): string {
  return `${SOURCES[service] ?? service}:${NAMES[`${service}:${operation}`] ?? operation}`;
}

const SOURCES: Readonly<Record<string, string>> = {
  's3-control': 's3',
  'cloudwatch-logs': 'logs',
  cloudwatch: 'monitoring',
  eventbridge: 'events',
  'config-service': 'config',
  'route-53': 'route53',
  'route-53-domains': 'route53domains',
  'secrets-manager': 'secretsmanager',
  'sso-admin': 'sso',
};
const NAMES: Readonly<Record<string, string>> = {
  's3:PutBucketLifecycleConfiguration': 'PutBucketLifecycle',
  's3:PutPublicAccessBlock': 'PutBucketPublicAccessBlock',
  's3:DeletePublicAccessBlock': 'DeleteBucketPublicAccessBlock',
  's3-control:PutPublicAccessBlock': 'PutAccountPublicAccessBlock',
  's3-control:DeletePublicAccessBlock': 'DeleteAccountPublicAccessBlock',
};

/** The texts by which a call names its resource, and what it says of it where the event says the same. */
function subjectsOf({ service, input }: Call, { id }: ResourceRef): readonly string[] {
  const parts = new Set([id, ...id.split(/[|/]/)].filter((part) => part !== ''));
  const texts = Object.values(input).filter((value) => typeof value === 'string');
  const names = texts.filter(
    (text) => text.length <= LONGEST_SUBJECT && (parts.has(text) || text.endsWith(`/${id}`) || text.endsWith(`:${id}`)),
  );
  return VERBATIM.includes(service) ? [...names, ...texts.flatMap(documentIn)] : names;
}

/** Their events hold policies as they were sent: a call explains only a request with its own. */
const VERBATIM = ['iam', 'kms', 's3'];

function documentIn(value: unknown): readonly string[] {
  const document = policyDocument(value);
  const isPolicy = typeof document === 'object' && document !== null && 'Statement' in document;
  return isPolicy ? [`document ${digestOfJson(meaningOf(document))}`] : [];
}

function leavesOf(value: unknown): ReadonlySet<string> {
  const leaves = new Set<string>();
  const open: unknown[] = [value];
  for (let next = open.pop(); next !== undefined && leaves.size < MOST_LEAVES; next = open.pop()) {
    for (const document of documentIn(next)) leaves.add(document);
    if (typeof next === 'string') leaves.add(next);
    else if (typeof next === 'object' && next !== null) open.push(...Object.values(next).filter((one) => one !== null));
  }
  return leaves;
}
