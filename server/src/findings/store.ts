/**
 * Findings in the state database. `recordMatches` is the only way in: it gives each match its past and its risk, and a
 * match delivered again changes nothing.
 *
 * The surprise: a finding keeps the risk it had when it was new. What happens later changes the case, never the finding.
 */
import { sql } from 'kysely';
import type { State, StateTransaction } from '../ground/state.ts';
import type { EventFacts } from '../sources/source.ts';
import { accountOf, findingId, type Match, makeFinding } from './enrich.ts';
import type { Account, Finding } from './finding.ts';
import { exemptionFor } from './exemptions/exemption.ts';
import { activeExemptions, noteHidden } from './exemptions/store.ts';
import { accountKey } from './history.ts';
import { loadHistory, saveHistory } from './history-store.ts';
import { storable } from '../ground/storable.ts';
import type { FindingsTables } from './tables.ts';

const MINUTE_MS = 60_000;
/** Tells our advisory locks on accounts from all others. */
const ACCOUNT_LOCK = 0x66696e64;

/** Anything that reads: the database or a transaction. */
export type StateReader = Pick<State['db'], 'withTables'>;

export interface RecordOptions {
  readonly accounts: ReadonlyMap<string, Account>;
  /** Whether the actor is one of the people; null while nobody is configured. */
  readonly isKnownPerson: (facts: EventFacts) => boolean | null;
  /** The key under which `findingsOfBurst` finds it again. */
  readonly burstKey: (finding: Finding) => string;
  readonly nowMs: number;
}

/** At most this many matches are recorded at once; callers cut larger batches. */
export const MAXIMUM_BATCH = 500;
/** No question about findings is answered with more than this. */
export const MAXIMUM_LIST = 5_000;

/**
 * Makes findings of matches, in time order so that "first time" is true of the first, and stores those that are new.
 *
 * @returns the new findings only; a match seen before is not among them.
 */
export async function recordMatches(
  trx: StateTransaction,
  matches: readonly Match[],
  options: RecordOptions,
): Promise<readonly Finding[]> {
  if (matches.length > MAXIMUM_BATCH) {
    throw new Error(`${matches.length} matches at once; at most ${MAXIMUM_BATCH} are recorded together`);
  }
  await lockAccounts(trx, matches);
  const fresh = await withoutKnown(trx, matches);
  if (fresh.length === 0) {
    return [];
  }
  const sorted = fresh.toSorted((one, other) => one.facts.timeMs - other.facts.timeMs);
  const history = await loadHistory(
    trx,
    sorted.map(({ facts }) => facts),
  );
  const exemptions = await activeExemptions(trx, options.nowMs);
  const findings = sorted.map((match) => {
    const made = makeFinding(match, {
      account: accountOf(match.facts, options.accounts),
      personKnown: options.isKnownPerson(match.facts),
      past: history.recall(match.facts),
    });
    history.note(match.facts);
    const exemption = exemptionFor(made, exemptions, options.nowMs);
    return exemption === null ? made : { ...made, exemptedBy: exemption.id };
  });
  const db = trx.withTables<FindingsTables>();
  const inserted = await db
    .insertInto('finding')
    .values(findings.map((finding) => rowOf(finding, options)))
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning('id')
    .execute();
  await saveHistory(trx, history);
  const ids = new Set(inserted.map(({ id }) => id));
  const stored = findings.filter(({ id }) => ids.has(id));
  await noteHidden(
    trx,
    stored.flatMap(({ exemptedBy }) => exemptedBy ?? []),
    options.nowMs,
  );
  return stored;
}

/** The findings of one burst between two times (both included), oldest first. */
export async function findingsOfBurst(
  reader: StateReader,
  burstKey: string,
  window: { readonly fromMs: number; readonly toMs: number; readonly limit?: number },
): Promise<readonly Finding[]> {
  const rows = await reader
    .withTables<FindingsTables>()
    .selectFrom('finding')
    .select('document')
    .where('burst_key', '=', burstKey)
    .where('time_ms', '>=', window.fromMs)
    .where('time_ms', '<=', window.toMs)
    .orderBy('time_ms')
    .orderBy('id')
    .limit(Math.min(window.limit ?? MAXIMUM_LIST, MAXIMUM_LIST))
    .execute();
  return rows.map(({ document }) => parseFinding(document));
}

/** Those of `ids` that exist, oldest first. */
export async function findingsById(reader: StateReader, ids: readonly string[]): Promise<readonly Finding[]> {
  if (ids.length === 0) {
    return [];
  }
  const rows = await reader
    .withTables<FindingsTables>()
    .selectFrom('finding')
    .select('document')
    .where('id', 'in', ids.slice(0, MAXIMUM_LIST))
    .orderBy('time_ms')
    .orderBy('id')
    .execute();
  return rows.map(({ document }) => parseFinding(document));
}

/** The newest findings, newest first; `before` continues a list. */
export async function newestFindings(
  reader: StateReader,
  options: { readonly limit: number; readonly before?: { readonly timeMs: number; readonly id: string } },
): Promise<readonly Finding[]> {
  const { before } = options;
  const all = reader.withTables<FindingsTables>().selectFrom('finding').select('document');
  const older =
    before === undefined
      ? all
      : all.where((where) =>
          where.or([
            where('time_ms', '<', before.timeMs),
            where.and([where('time_ms', '=', before.timeMs), where('id', '>', before.id)]),
          ]),
        );
  const rows = await older
    .orderBy('time_ms', 'desc')
    .orderBy('id')
    .limit(Math.min(options.limit, MAXIMUM_LIST))
    .execute();
  return rows.map(({ document }) => parseFinding(document));
}

/** Findings recorded in each of the last `minutes` minutes, oldest first. */
export async function countFindingsPerMinute(reader: StateReader, nowMs: number, minutes: number): Promise<number[]> {
  const startMs = nowMs - minutes * MINUTE_MS;
  const rows = await reader
    .withTables<FindingsTables>()
    .selectFrom('finding')
    .select(({ fn }) => [
      sql<number>`((created_ms - ${startMs}::bigint) / ${MINUTE_MS}::bigint)::integer`.as('minute'),
      fn.countAll<number>().as('count'),
    ])
    .where('created_ms', '>=', startMs)
    .where('created_ms', '<', nowMs)
    .groupBy('minute')
    .execute();
  const counts = Array.from({ length: minutes }, () => 0);
  for (const { minute, count } of rows) {
    counts[minute] = count;
  }
  return counts;
}

/**
 * Servers that record the same account take turns: so "first time" is true across them, and none waits in a circle for
 * another's rows. Numbers are locked in order for the same reason.
 */
async function lockAccounts(trx: StateTransaction, matches: readonly Match[]): Promise<void> {
  const accounts = [...new Set(matches.map(({ facts }) => accountKey(facts)))];
  await sql`
    select pg_advisory_xact_lock(${ACCOUNT_LOCK}, number)
    from (select distinct hashtext(account) as number from unnest(${accounts}::text[]) as account order by number) as numbers
  `.execute(trx);
}

async function withoutKnown(trx: StateTransaction, matches: readonly Match[]): Promise<readonly Match[]> {
  const byId = new Map(matches.map((match) => [findingId(match.facts.source, match.facts.id, match.rule), match]));
  if (byId.size === 0) {
    return [];
  }
  const known = await trx
    .withTables<FindingsTables>()
    .selectFrom('finding')
    .select('id')
    .where('id', 'in', [...byId.keys()])
    .execute();
  for (const { id } of known) {
    byId.delete(id);
  }
  return [...byId.values()];
}

function rowOf(finding: Finding, { burstKey, nowMs }: RecordOptions): FindingsTables['finding'] {
  return {
    id: finding.id,
    rule: storable(finding.rule),
    source: finding.facts.source,
    account: finding.facts.account === null ? null : storable(finding.facts.account),
    burst_key: burstKey(finding),
    risk: finding.risk,
    time_ms: finding.facts.timeMs,
    created_ms: nowMs,
    document: JSON.stringify(finding, plainNumbers),
  };
}

/** Large integers of a field are text in JSON; only output fields can hold them. */
function plainNumbers(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') {
    return value;
  }
  return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
}

/** Written by `rowOf` alone, so that it is what it was. */
function parseFinding(document: string): Finding {
  // A finding from before exemptions has none.
  return { exemptedBy: null, ...(JSON.parse(document) as Omit<Finding, 'exemptedBy'>) };
}
