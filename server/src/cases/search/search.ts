/** What the console's search finds: cases by their words, and the people, rules and resources that fit. */
import type { SearchView } from '@countersign/contract';
import { sql } from 'kysely';
import { findingsById } from '../../findings/store.ts';
import type { State } from '../../ground/state.ts';
import type { KnownPerson } from '../../people/person.ts';
import type { Case } from '../case.ts';
import { parseCase } from '../sql-store.ts';
import { summarise } from '../views.ts';
import { answers, beginningWith, wordsAsked } from './words.ts';

/** Of each kind. */
const MOST_SHOWN = 8;
/** Cases whose resources are looked through. */
const MOST_LOOKED_AT = 40;
const MOST_FINDINGS = 5;

export interface SearchRooms {
  readonly state: State;
  readonly people: () => Promise<readonly KnownPerson[]>;
  readonly ruleNames: readonly string[];
}

/** @param showsPeople who is here is for responders. */
export async function search(
  { state, people, ruleNames }: SearchRooms,
  { text, showsPeople }: { readonly text: string; readonly showsPeople: boolean },
): Promise<SearchView> {
  const asked = wordsAsked(text);
  if (asked.length === 0) return { cases: [], people: [], rules: [], resources: [] };
  const cases = await casesWith(state, asked);
  const known = showsPeople ? await people() : [];
  return {
    cases: (await summarise(state, cases.slice(0, MOST_SHOWN))).map(
      ({ id, state: name, risk, headline, openedAt }) => ({
        id,
        state: name,
        risk,
        headline,
        openedAt,
      }),
    ),
    people: known
      .filter(({ name, email }) => answers(asked, [name, email]))
      .slice(0, MOST_SHOWN)
      .map(({ id, name }) => ({ id, name })),
    rules: ruleNames.filter((name) => answers(asked, [name])).slice(0, MOST_SHOWN),
    resources: await resourcesOf(state, cases, asked),
  };
}

/** The newest first. */
async function casesWith(state: State, asked: readonly string[]): Promise<readonly Case[]> {
  const { rows } = await sql<{ document: string }>`
    select document from case_record where words @@ ${beginningWith(asked)}::tsquery
    order by updated_ms desc, id limit ${MOST_LOOKED_AT}`.execute(state.db);
  return rows.map(({ document }) => parseCase(document));
}

async function resourcesOf(
  state: State,
  cases: readonly Case[],
  asked: readonly string[],
): Promise<SearchView['resources']> {
  const ids = cases.flatMap(({ headlineId, findingIds }) => [headlineId, ...findingIds.slice(0, MOST_FINDINGS)]);
  const findings = await findingsById(state.db, [...new Set(ids)]);
  const fitting = new Map<string, SearchView['resources'][number]>();
  for (const { facts, account } of findings.toReversed())
    for (const { type, id } of facts.resources)
      if (answers(asked, [id])) fitting.set(id, { type, id, account: account?.name ?? facts.account });
  return [...fitting.values()].slice(0, MOST_SHOWN);
}
