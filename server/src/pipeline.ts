/**
 * The one path, from inbox to cases. A batch is taken with a lease, its events are stored, its rules run, and then everything
 * that follows (findings, cases, journal, outbox, the end of the batch) is one transaction.
 *
 * The surprise: events are stored before that transaction and not in it, since they live in another database. Storing them
 * twice is harmless; a batch that was interrupted in between is taken again.
 */
import type { Account, Finding } from './findings/finding.ts';
import { MAXIMUM_BATCH, recordMatches } from './findings/store.ts';
import { type AlertAction, conductAlertAction } from './cases/alerts.ts';
import { burstKey } from './cases/burst.ts';
import { type ConductBatch, conductFindings } from './cases/conduct.ts';
import { heldUntil, maintenanceWindows } from './cases/page/maintenance.ts';
import type { Policy } from './cases/policy.ts';
import { type LoadPlanner, unitOf } from './cases/sql-store.ts';
import type { EventStore, NewEvent } from './events/store.ts';
import type { Clock } from './ground/clock.ts';
import { messageOf } from './ground/failure.ts';
import type { Log } from './ground/log.ts';
import type { Random } from './ground/random.ts';
import type { State, StateTransaction } from './ground/state.ts';
import type { People } from './people/people.ts';
import { type Directory, isKnownPerson, resolveActor, resolveOwner } from './people/person.ts';
import type { Runner, RuleMatch } from './rules/runner.ts';
import type { EventFacts, SourceRecord } from './sources/source.ts';
import { alertActionOf, alertSource, isOwnAlert } from './sources/alerts/alert.ts';
import { SOURCES } from './sources/catalogue.ts';
import { list, member, textOrNull } from './sources/json-value.ts';
import { finishBatch, keepBatch, returnBatch, takeBatches, type TakenBatch } from './sources/inbox.ts';

export interface PipelineOptions {
  readonly state: State;
  readonly events: Pick<EventStore, 'insertEvents'>;
  readonly runner: Runner;
  readonly people: People;
  readonly policy: Policy;
  readonly accounts: ReadonlyMap<string, Account>;
  readonly loadPlanner: LoadPlanner;
  readonly followers: readonly string[];
  /** Whose ladder is climbed for an account or an integration; null: the default one. */
  readonly escalationOf: (facts: EventFacts) => string | null;
  /** Told of every account that was heard, in the transaction that ends its batch. */
  readonly noteHeard: (trx: StateTransaction, heard: readonly Heard[], nowMs: number) => Promise<void>;
  /** The echo of our own call is stored, and nothing follows; somebody else's with our role is told of. */
  readonly judgeOwn: (record: SourceRecord) => Promise<'other' | 'own' | 'stolen'>;
  /** Told of every change of a trail: what infrastructure as code does, and what is exempted, becomes trusted. */
  readonly noteAccepted: (trx: StateTransaction, judged: Judged, nowMs: number) => Promise<void>;
  readonly noteStolen: (trx: StateTransaction, facts: readonly EventFacts[], at: Moment) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Unique per worker and start. */
  readonly worker: string;
}

/** Records of a trail that somebody else made, and what the rules newly found in them. */
export interface Judged {
  readonly records: readonly SourceRecord[];
  readonly findings: readonly Finding[];
}

export interface Moment {
  readonly nowMs: number;
  readonly random: Random;
}

export interface Heard {
  readonly account: string;
  readonly eventMs: number;
}

const LEASE_MS = 60_000;
const BATCHES_AT_ONCE = 4;
const IDLE_MS = 250;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;

/** Works until `signal` aborts. What fails is given back and tried again, later each time. */
export async function runPipeline(options: PipelineOptions, signal: AbortSignal): Promise<void> {
  const { state, clock, log, worker } = options;
  while (!signal.aborted) {
    let taken: readonly TakenBatch[] = [];
    try {
      taken = await takeBatches(state, { limit: BATCHES_AT_ONCE, leaseMs: LEASE_MS, nowMs: clock.nowMs(), worker });
      for (const batch of taken) await processOrReturn(batch, options);
    } catch (error) {
      log.error('the inbox could not be worked on; trying again', { error });
      await clock.sleep(LONGEST_RETRY_MS / 10, signal);
    }
    if (taken.length === 0) await clock.sleep(IDLE_MS, signal);
  }
}

async function processOrReturn(batch: TakenBatch, options: PipelineOptions): Promise<void> {
  const { state, clock, log } = options;
  try {
    await processBatch(batch, options);
  } catch (error) {
    const waitMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(batch.attempt - 1, 10));
    log.warn('a batch could not be processed and is tried again', {
      batch: batch.id,
      attempt: batch.attempt,
      waitMs,
      error,
    });
    await returnBatch(state, batch, { freeAtMs: clock.nowMs() + waitMs, failure: messageOf(error) });
  }
}

/** Rolls the transaction back without being a failure: another worker has the batch. */
class LeaseLost extends Error {}

export async function processBatch(batch: TakenBatch, options: PipelineOptions): Promise<void> {
  const { state, events, clock } = options;
  const verdicts = await judgeRecords(batch, options);
  const matches = run(batch, options.runner).map((found, index) => (verdicts[index] === 'own' ? [] : found));
  const stored = eventsOf(batch);
  const stolen = stored.filter((_, index) => verdicts[index] === 'stolen').map(({ facts }) => facts);
  await events.insertEvents(stored, clock.nowMs());
  if (!(await keepBatch(state, batch, clock.nowMs() + LEASE_MS))) return;
  try {
    await state.transaction(async (trx) => {
      const batchOptions = await loadBatchOptions(trx, batch, options);
      const findings: Finding[] = [];
      for (const piece of piecesOf(batch, matches)) {
        if (piece.type === 'matches') findings.push(...(await conduct(trx, piece.matches, batchOptions, options)));
        else await conductAlertAction(unitOf(trx, options.loadPlanner), piece.alert, batchOptions.conduct);
      }
      await options.noteHeard(trx, heardIn(stored), clock.nowMs());
      if (stolen.length > 0) await options.noteStolen(trx, stolen, { nowMs: clock.nowMs(), random: options.random });
      const records = batch.records.filter((_, index) => verdicts[index] === 'other').map(({ record }) => record);
      await options.noteAccepted(trx, { records, findings }, clock.nowMs());
      if (!(await finishBatch(trx, batch, clock.nowMs()))) throw new LeaseLost();
    });
  } catch (error) {
    if (!(error instanceof LeaseLost)) throw error;
  }
}

function sourceOf(batch: TakenBatch) {
  const source = SOURCES.find(({ name }) => name === batch.source);
  if (source === undefined) throw new Error(`the inbox holds a batch of the unknown source ${batch.source}`);
  return source;
}

/** The matches of each record, in the order of the records. */
function run(batch: TakenBatch, runner: Runner): readonly (readonly RuleMatch[])[] {
  const source = sourceOf(batch);
  return batch.records.map(({ record }) => runner.run(source, record));
}

/** One after the other: what one call explains, it explains once. */
async function judgeRecords(
  batch: TakenBatch,
  { judgeOwn }: PipelineOptions,
): Promise<readonly ('other' | 'own' | 'stolen')[]> {
  if (batch.source !== 'aws_cloudtrail') return [];
  const verdicts: ('other' | 'own' | 'stolen')[] = [];
  for (const { record } of batch.records) verdicts.push(await judgeOwn(record));
  return verdicts;
}

function eventsOf(batch: TakenBatch): readonly NewEvent[] {
  const source = sourceOf(batch);
  return batch.records.map(({ record }) => ({ facts: source.describe(record), record }));
}

type Piece =
  | { readonly type: 'matches'; readonly matches: readonly RuleMatch[] }
  | { readonly type: 'action'; readonly alert: AlertAction };

/** Alerts are gone through one by one: "resolved" must find what the record before it opened. */
function* piecesOf(batch: TakenBatch, matches: readonly (readonly RuleMatch[])[]): Iterable<Piece> {
  if (batch.source !== alertSource.name) {
    const all = matches.flat();
    for (let start = 0; start < all.length; start += MAXIMUM_BATCH) {
      yield { type: 'matches', matches: all.slice(start, start + MAXIMUM_BATCH) };
    }
    return;
  }
  for (const [index, { record }] of batch.records.entries()) {
    const own = matches[index] ?? [];
    if (own.length > 0) yield { type: 'matches', matches: own.slice(0, MAXIMUM_BATCH) };
    const alert = alertActionOf(record);
    if (alert.action !== 'trigger') yield { type: 'action', alert };
  }
}

/** The newest event of each account. */
function heardIn(events: readonly NewEvent[]): readonly Heard[] {
  const newest = new Map<string, number>();
  for (const { facts } of events) {
    // A host is heard by its sensor's process: what it tells here is only what some rule matched.
    if (facts.source === 'alert' || facts.source === 'syscall' || facts.account === null) continue;
    newest.set(facts.account, Math.max(facts.timeMs, newest.get(facts.account) ?? 0));
  }
  return [...newest].map(([account, eventMs]) => ({ account, eventMs }));
}

interface BatchOptions {
  readonly directory: Directory;
  readonly conduct: ConductBatch;
}

async function conduct(
  trx: StateTransaction,
  matches: readonly RuleMatch[],
  { directory, conduct: batchOptions }: BatchOptions,
  options: PipelineOptions,
): Promise<readonly Finding[]> {
  const anybody = directory.people.some(({ configured }) => configured);
  const findings = await recordMatches(trx, matches, {
    accounts: options.accounts,
    isKnownPerson: (facts) => (anybody ? isKnownPerson(facts, directory) : null),
    burstKey,
    nowMs: batchOptions.nowMs,
  });
  const bursts = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = burstKey(finding);
    const burst = bursts.get(key);
    if (burst === undefined) bursts.set(key, [finding]);
    else burst.push(finding);
  }
  // In one order everywhere, so that two servers cannot wait for each other's bursts.
  for (const key of [...bursts.keys()].sort()) {
    await conductFindings(unitOf(trx, options.loadPlanner), key, bursts.get(key) ?? [], batchOptions);
  }
  return findings;
}

async function loadBatchOptions(
  trx: StateTransaction,
  batch: TakenBatch,
  options: PipelineOptions,
): Promise<BatchOptions> {
  const nowMs = options.clock.nowMs();
  const directory = await options.people.directory(trx);
  const windows = await maintenanceWindows(trx, nowMs);
  const conductOptions: ConductBatch = {
    nowMs,
    receivedMs: batch.receivedMs,
    policy: options.policy,
    followers: options.followers,
    newId: () => options.random.id(options.clock.nowMs()),
    isPerson: ({ facts }) => isKnownPerson(facts, directory) === true,
    whoToAsk: ({ facts }, ask) => {
      const found = ask === 'actor' ? resolveActor(facts, directory) : resolveOwner(facts.account, directory);
      if (found.type === 'nobody') return { person: null, why: found.reason };
      const { id, name } = found.person;
      const did = ask === 'actor' ? found : resolveActor(facts, directory);
      // An owner who did it themselves is asked about what they did.
      return { person: { id, name }, why: null, asOwner: did.type !== 'person' || did.person.id !== id };
    },
    teamOf: ({ facts, account }) => ({
      team: account?.owner ?? directory.defaultOwner,
      escalation: calledFor(facts).escalation ?? options.escalationOf(facts),
    }),
    assignedOf: ({ facts }) => {
      const { people } = calledFor(facts);
      return directory.people.flatMap(({ id, name }) => (people.includes(id) ? [{ id, name }] : []));
    },
    heldUntil: (finding, risk) => heldUntil(finding, risk, { windows, nowMs }),
    // Only our own exercises are exercises: a tag that comes from outside hides nothing.
    isDrill: ({ tags, facts }) => isOwnAlert(facts) && tags.includes(DRILL_TAG),
  };
  return { directory, conduct: conductOptions };
}

/** Whom a person called for in chat; only our own alerts can say so. */
function calledFor(facts: EventFacts): { readonly people: readonly string[]; readonly escalation: string | null } {
  const details = isOwnAlert(facts) ? facts.change.request : null;
  const people = list(member(details, 'people')).flatMap((id) => textOrNull(id) ?? []);
  return { people, escalation: textOrNull(member(details, 'escalation')) };
}

/** The tag of an alert of our own that is an exercise. */
export const DRILL_TAG = 'countersign_drill';
