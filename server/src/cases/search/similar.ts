/** Cases like one: by what they share with it. What the answer was then is what a tired person wants to know now. */
import type { SimilarCase } from '@countersign/contract';
import { sql } from 'kysely';
import type { Finding } from '../../findings/finding.ts';
import { findingsById } from '../../findings/store.ts';
import { journalOfCase } from '../../ground/journal.ts';
import type { State } from '../../ground/state.ts';
import type { Case } from '../case.ts';
import { parseCase } from '../sql-store.ts';
import { summarise } from '../views.ts';
import { oneOf, wholeWord } from './words.ts';

const MOST_SHOWN = 5;
const MOST_FINDINGS = 20;
const MOST_RESOURCES = 20;
/** The newest that share anything; older ones are not weighed. */
const MOST_WEIGHED = 500;
const MOST_ENTRIES = 1_000;
/** A word that no case has: a query must not be empty. */
const NOBODY = 'nothing-at-all';

interface Row {
  readonly document: string;
  readonly same_rule: boolean;
  readonly same_actor: boolean;
  readonly same_resource: boolean;
  readonly same_account: boolean;
}

/** Null when there is no such case; those that share most first, then the newest. */
export async function similarCases(state: State, caseId: string): Promise<readonly SimilarCase[] | null> {
  const { rows: own } = await sql<{ document: string }>`
    select document from case_record where id = ${caseId}`.execute(state.db);
  const [row] = own;
  if (row === undefined) return null;
  const found = parseCase(row.document);
  const findings = await findingsById(state.db, found.findingIds.slice(0, MOST_FINDINGS));
  const rows = await weighed(state, found, findings);
  return Promise.all(rows.map((one) => viewSimilar(state, one))).then((all) => all.flat());
}

async function weighed(state: State, found: Case, findings: readonly Finding[]): Promise<readonly Row[]> {
  const actors = new Set(findings.map(({ facts }) => wholeWord(facts.actor.id)).filter((word) => word !== ''));
  const ids = findings.flatMap(({ facts }) => facts.resources.map(({ id }) => wholeWord(id)));
  const resources = new Set(ids.filter((word) => word !== '').slice(0, MOST_RESOURCES));
  const actorQuery = oneOf(actors.size === 0 ? [NOBODY] : [...actors]);
  const resourceQuery = oneOf(resources.size === 0 ? [NOBODY] : [...resources]);
  const { rows } = await sql<Row>`
    with candidate as (
      select document, rule, account, words, updated_ms, id from case_record
      where id <> ${found.id} and drill = false
        and (rule = ${found.rule} or words @@ ${actorQuery}::tsquery or words @@ ${resourceQuery}::tsquery)
      order by updated_ms desc limit ${MOST_WEIGHED}
    ), judged as (
      select document, updated_ms, id,
        coalesce(rule = ${found.rule}, false) as same_rule,
        coalesce(account = ${found.account}, false) as same_account,
        coalesce(words @@ ${actorQuery}::tsquery, false) as same_actor,
        coalesce(words @@ ${resourceQuery}::tsquery, false) as same_resource
      from candidate
    )
    select document, same_rule, same_actor, same_resource, same_account from judged
    order by same_resource::int * 4 + same_actor::int * 3 + same_rule::int * 3 + same_account::int desc,
      updated_ms desc, id
    limit ${MOST_SHOWN}`.execute(state.db);
  return rows;
}

async function viewSimilar(state: State, row: Row): Promise<SimilarCase[]> {
  const found = parseCase(row.document);
  const [summary] = await summarise(state, [found]);
  if (summary === undefined) return [];
  const shared: SimilarCase['shared'] = [
    ...(row.same_resource ? (['resource'] as const) : []),
    ...(row.same_actor ? (['actor'] as const) : []),
    ...(row.same_rule ? (['rule'] as const) : []),
    ...(row.same_account ? (['account'] as const) : []),
  ];
  const { answer } = found;
  return [
    {
      id: found.id,
      state: found.state,
      headline: summary.headline,
      openedAt: summary.openedAt,
      cause: summary.pageCause,
      shared,
      answer: answer === null ? null : { answer: answer.answer, reason: answer.reason, by: answer.by },
      resolution: found.state === 'resolved' ? await resolutionOf(state, found) : null,
    },
  ];
}

/** Who ended it, and what they had found. */
async function resolutionOf(state: State, { id, resolvedBy }: Extract<Case, { state: 'resolved' }>) {
  const entries = await journalOfCase(state, id, MOST_ENTRIES);
  const last = entries.findLast(({ kind }) => kind === 'case-resolved');
  const note = last?.parameters['note'];
  return { by: resolvedBy, note: typeof note === 'string' ? note : '' };
}
