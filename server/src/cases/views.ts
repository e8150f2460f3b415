/** Cases as the console reads them: lists, one case with its timeline, what needs a person now. */
import type { CaseDetail, CaseList, CaseSummary, CaseTimesView, NowView, TimelineEntry } from '@countersign/contract';
import { sql } from 'kysely';
import { viewFinding } from '../findings/enrich.ts';
import type { Finding } from '../findings/finding.ts';
import { findingsById } from '../findings/store.ts';
import { journalOfCase } from '../ground/journal.ts';
import { effectsOfCase } from '../ground/outbox.ts';
import type { State } from '../ground/state.ts';
import type { Case, CaseEffect } from './case.ts';
import { beginningWith, wordsAsked } from './search/words.ts';
import { parseCase } from './sql-store.ts';
import type { CaseTables } from './tables.ts';

export const PAGE_SIZE = 50;
const MOST_FINDINGS_SHOWN = 200;
const MOST_TIMELINE = 1_000;
const MOST_NOW = 100;
const MOST_ASKED_ABOUT = 20_000;

export interface Viewer {
  readonly id: string;
  readonly mayRespond: boolean;
}

type Names = ReadonlyMap<string, string>;

export async function listCases(
  state: State,
  query: { readonly states: readonly string[]; readonly after: string | null; readonly text?: string },
): Promise<CaseList> {
  const db = state.db.withTables<CaseTables>();
  let rows = db.selectFrom('case_record').select(['id', 'updated_ms', 'document']);
  if (query.states.length > 0) rows = rows.where('state', 'in', [...query.states]);
  const asked = wordsAsked(query.text ?? '');
  const fits = asked.length === 0 ? null : sql<boolean>`words @@ ${beginningWith(asked)}::tsquery`;
  if (fits !== null) rows = rows.where(fits);
  const after = parseCursor(query.after);
  if (after !== null) {
    rows = rows.where((where) =>
      where.or([
        where('updated_ms', '<', after.updatedMs),
        where.and([where('updated_ms', '=', after.updatedMs), where('id', '>', after.id)]),
      ]),
    );
  }
  const page = await rows
    .orderBy('updated_ms', 'desc')
    .orderBy('id')
    .limit(PAGE_SIZE + 1)
    .execute();
  const shown = page.slice(0, PAGE_SIZE);
  const last = shown.at(-1);
  const counts = await sql<{ state: string; count: number }>`
    select state, count(*)::int as count from case_record where ${fits ?? sql`true`} group by state`.execute(state.db);
  return {
    cases: await summarise(
      state,
      shown.map(({ document }) => parseCase(document)),
    ),
    next: page.length > PAGE_SIZE && last !== undefined ? `${last.updated_ms}~${last.id}` : null,
    counts: Object.fromEntries(counts.rows.map((row) => [row.state, row.count])),
  };
}

function parseCursor(text: string | null): { updatedMs: number; id: string } | null {
  const match = /^(\d{1,16})~([\w-]{1,64})$/.exec(text ?? '');
  return match === null ? null : { updatedMs: Number(match[1]), id: match[2] ?? '' };
}

/** Null when there is no such case. */
export async function viewCase(state: State, caseId: string, viewer: Viewer, names: Names): Promise<CaseDetail | null> {
  const db = state.db.withTables<CaseTables>();
  const row = await db.selectFrom('case_record').select('document').where('id', '=', caseId).executeTakeFirst();
  if (row === undefined) return null;
  const found = parseCase(row.document);
  const findings = await findingsById(state.db, found.findingIds.slice(0, MOST_FINDINGS_SHOWN));
  const headline = findings.find(({ id }) => id === found.headlineId) ?? findings[0];
  if (headline === undefined) throw new Error(`the case ${caseId} has no finding`);
  const entries = await journalOfCase(state, caseId, MOST_TIMELINE);
  const { answer } = found;
  return {
    summary: summaryOf(found, headline),
    findings: findings.map(viewFinding),
    answer:
      answer === null
        ? null
        : { answer: answer.answer, reason: answer.reason, by: answer.by, factor: answer.factor, at: iso(answer.atMs) },
    times: timesOf(found),
    acknowledgedBy: found.state === 'acknowledged' ? found.acknowledgedBy : null,
    assigned: 'assigned' in found ? [...found.assigned] : [],
    responders: 'responders' in found ? [...found.responders] : [],
    mergedInto: found.state === 'resolved' ? found.mergedInto : null,
    escalation: found.escalation,
    pages: await pagesOf(state, caseId),
    timeline: entries.map((entry): TimelineEntry => {
      const actor = entry.actor === null ? null : { id: entry.actor, name: names.get(entry.actor) ?? entry.actor };
      return {
        sequence: entry.sequence,
        time: iso(entry.timeMs),
        kind: entry.kind,
        actor,
        parameters: { ...entry.parameters },
      };
    }),
    actions: actionsOf(found, viewer),
  };
}

export function timesOf({ times }: Case): CaseTimesView {
  const maybe = (ms: number | null) => (ms === null ? null : iso(ms));
  return {
    event: iso(times.eventMs),
    received: iso(times.receivedMs),
    asked: maybe(times.askedMs),
    answered: maybe(times.answeredMs),
    paged: maybe(times.pagedMs),
    acknowledged: maybe(times.acknowledgedMs),
    contained: maybe(times.containedMs),
    resolved: maybe(times.resolvedMs),
  };
}

function actionsOf(found: Case, viewer: Viewer): CaseDetail['actions'] {
  const actions: CaseDetail['actions'] = [];
  if (found.state === 'asked' && found.person.id === viewer.id) actions.push('answer');
  if (!viewer.mayRespond) return actions;
  if (found.state === 'paged') actions.push('acknowledge');
  if (found.state === 'acknowledged') actions.push('unacknowledge');
  if (found.state === 'paged' || found.state === 'acknowledged') {
    actions.push('resolve', 'snooze', 'escalate', 'reassign', 'add-responders', 'merge');
  }
  if (found.state === 'resolved') actions.push('reopen');
  return [...actions, 'note', 'prioritise'];
}

async function pagesOf(state: State, caseId: string): Promise<CaseDetail['pages']> {
  const effects = await effectsOfCase(state.db, caseId, ['page']);
  return effects.flatMap(({ payload, outcome, failure, attempts, finishedMs }) => {
    const { effect } = payload as { effect: CaseEffect };
    if (effect.type !== 'page' || effect.action !== 'trigger') return [];
    const waiting = failure === null ? 'pending' : 'failing';
    const stateOf = outcome === null ? waiting : outcome === 'done' ? 'sent' : 'not-needed';
    return [
      {
        channel: effect.channel,
        person: effect.person,
        number: effect.pageNumber,
        state: stateOf,
        attempts,
        at: finishedMs === null ? null : iso(finishedMs),
        failure,
      } as const,
    ];
  });
}

/** What became of findings, by their ids; those without a case are not in it. */
export async function casesOfFindings(
  state: State,
  findingIds: readonly string[],
): Promise<ReadonlyMap<string, { readonly state: string; readonly cause: string | null }>> {
  if (findingIds.length === 0) return new Map();
  const { rows } = await sql<{ finding_id: string; document: string }>`
    select f.finding_id, c.document from case_finding f join case_record c on c.id = f.case_id
    where f.finding_id in (${sql.join(findingIds.slice(0, MOST_ASKED_ABOUT))})`.execute(state.db);
  return new Map(
    rows.map(({ finding_id: id, document }) => {
      const found = parseCase(document);
      return [id, { state: found.state, cause: 'cause' in found ? found.cause : null }];
    }),
  );
}

/** What waits for somebody: questions by their deadlines, pages by their risk. */
export async function viewNow(state: State, rest: Omit<NowView, 'waiting' | 'paged'>): Promise<NowView> {
  const db = state.db.withTables<CaseTables>();
  const of = async (name: string) => {
    const rows = await db
      .selectFrom('case_record')
      .select('document')
      .where('state', '=', name)
      .orderBy('updated_ms', 'desc')
      .limit(MOST_NOW)
      .execute();
    return summarise(
      state,
      rows.map(({ document }) => parseCase(document)),
    );
  };
  const waiting = await of('asked');
  const paged = await of('paged');
  return {
    waiting: waiting.toSorted((one, other) => (one.deadlineAt ?? '').localeCompare(other.deadlineAt ?? '')),
    paged: paged.toSorted((one, other) => other.risk - one.risk),
    ...rest,
  };
}

export async function summarise(state: State, cases: readonly Case[]): Promise<CaseSummary[]> {
  const headlines = await findingsById(
    state.db,
    cases.map(({ headlineId }) => headlineId),
  );
  const byId = new Map(headlines.map((finding) => [finding.id, finding]));
  return cases.flatMap((found) => {
    const headline = byId.get(found.headlineId);
    return headline === undefined ? [] : [summaryOf(found, headline)];
  });
}

function summaryOf(found: Case, headline: Finding): CaseSummary {
  const deadline = found.state === 'asked' || found.state === 'acknowledged' ? found.deadlineMs : null;
  return {
    id: found.id,
    state: found.state,
    version: found.version,
    risk: found.risk,
    reasons: [...found.reasons],
    headline: viewFinding(headline),
    findingCount: found.findingIds.length,
    person: found.person,
    pageCause: 'cause' in found ? found.cause : null,
    openedAt: iso(found.openedMs),
    updatedAt: iso(found.updatedMs),
    deadlineAt: deadline === null ? null : iso(deadline),
    priority: found.priority,
    drill: found.drill,
    team: found.team,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
