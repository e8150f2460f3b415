/** Cases like one: by what they share with it. What the answer was then is what a tired person wants to know now. */
import type { CaseSummary, SimilarCase } from '@countersign/contract';
import { type RawBuilder, sql } from 'kysely';
import type { Finding } from '../../findings/finding.ts';
import { findingsById } from '../../findings/store.ts';
import { newestEntry } from '../../ground/journal.ts';
import type { State } from '../../ground/state.ts';
import type { Case } from '../case.ts';
import { parseCase } from '../sql-store.ts';
import { summarise } from '../views.ts';
import { oneOf, wholeWord } from './words.ts';

const MOST_SHOWN = 5;
const MOST_FINDINGS = 20;
/** Actors, and as many resources. */
const MOST_NAMES = 20;
/** The newest that share anything; older ones are not weighed. */
const MOST_WEIGHED = 500;

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
  const cases = rows.map(({ document }) => parseCase(document));
  const summaries = new Map((await summarise(state, cases)).map((summary) => [summary.id, summary]));
  const similar: SimilarCase[] = [];
  for (const [index, one] of cases.entries()) {
    const [summary, shares] = [summaries.get(one.id), rows[index]];
    if (summary !== undefined && shares !== undefined)
      similar.push(viewSimilar(one, summary, { shares, resolution: await resolutionOf(state, one) }));
  }
  return similar;
}

async function weighed(state: State, found: Case, findings: readonly Finding[]): Promise<readonly Row[]> {
  const sameActor = hasOneOf(findings.map(({ facts }) => facts.actor.id));
  const sameResource = hasOneOf(findings.flatMap(({ facts }) => facts.resources.map(({ id }) => id)));
  const { rows } = await sql<Row>`
    with candidate as (
      select document, rule, account, words, updated_ms, id from case_record
      where id <> ${found.id} and drill = false
        and (rule = ${found.rule} or ${sameActor} or ${sameResource})
      order by updated_ms desc, id limit ${MOST_WEIGHED}
    ), judged as (
      select document, updated_ms, id,
        coalesce(rule = ${found.rule}, false) as same_rule,
        coalesce(account = ${found.account}, false) as same_account,
        coalesce(${sameActor}, false) as same_actor,
        coalesce(${sameResource}, false) as same_resource
      from candidate
    )
    select document, same_rule, same_actor, same_resource, same_account from judged
    order by same_resource::int * 4 + same_actor::int * 3 + same_rule::int * 3 + same_account::int desc,
      updated_ms desc, id
    limit ${MOST_SHOWN}`.execute(state.db);
  return rows;
}

/** Whether a case has one of the names among its words. */
function hasOneOf(names: readonly string[]): RawBuilder<boolean> {
  const words = [...new Set(names.map(wholeWord).filter((word) => word !== ''))].slice(0, MOST_NAMES);
  return words.length === 0 ? sql<boolean>`false` : sql<boolean>`words @@ ${oneOf(words)}::tsquery`;
}

function viewSimilar(
  found: Case,
  { headline, openedAt, pageCause }: CaseSummary,
  { shares, resolution }: { readonly shares: Row; readonly resolution: SimilarCase['resolution'] },
): SimilarCase {
  const shared: SimilarCase['shared'] = [
    ...(shares.same_resource ? (['resource'] as const) : []),
    ...(shares.same_actor ? (['actor'] as const) : []),
    ...(shares.same_rule ? (['rule'] as const) : []),
    ...(shares.same_account ? (['account'] as const) : []),
  ];
  const { id, state, answer } = found;
  const answered = answer === null ? null : { answer: answer.answer, reason: answer.reason, by: answer.by };
  return { id, state, headline, openedAt, cause: pageCause, shared, answer: answered, resolution };
}

/** Who ended it, and what they had found. */
async function resolutionOf(state: State, found: Case): Promise<SimilarCase['resolution']> {
  if (found.state !== 'resolved') return null;
  const note = (await newestEntry(state, found.id, 'case-resolved'))?.parameters['note'];
  return { by: found.resolvedBy, note: typeof note === 'string' ? note : '' };
}
