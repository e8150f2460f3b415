/** The numbers over HTTP, as JSON and as CSV. */
import { type Numbers, NumbersBy, type NumbersView } from '@countersign/contract';
import { Type } from 'typebox';
import type { HttpServer } from '../../ground/http.ts';
import { httpFailures } from '../../ground/http-error.ts';
import type { State } from '../../ground/state.ts';
import type { Guards } from '../../people/sign-in/guard.ts';
import { parseCase } from '../sql-store.ts';
import type { CaseTables } from '../tables.ts';
import { type NumberedCase, numbersOf, weekOf, weekWindow, type Window } from './numbers.ts';

export interface NumbersRoutesOptions {
  readonly state: State;
  readonly guards: Guards;
  readonly nowMs: () => number;
}

const Query = Type.Object({
  from: Type.Optional(Type.String({ maxLength: 40 })),
  to: Type.Optional(Type.String({ maxLength: 40 })),
  by: Type.Optional(NumbersBy),
  drills: Type.Optional(Type.Boolean()),
});
type Asked = { from?: string; to?: string; by?: NumbersBy; drills?: boolean };

const DEFAULT_MS = 28 * 86_400_000;
const LONGEST_MS = 400 * 86_400_000;
const MOST_CASES = 50_000;
const MOST_GROUPS = 500;
const NOBODY = '(none)';

export function registerNumbersRoutes(server: HttpServer, options: NumbersRoutesOptions): void {
  const config = { access: options.guards.person };
  const schema = { querystring: Query };
  server.get('/api/numbers', { config, schema }, async (request) => viewNumbers(options, request.query));
  server.get('/api/numbers.csv', { config, schema }, async (request, reply) => {
    const view = await viewNumbers(options, request.query);
    return reply
      .type('text/csv; charset=utf-8')
      .header('content-disposition', 'attachment; filename="countersign-numbers.csv"')
      .send(csvOf(view));
  });
}

async function viewNumbers({ state, nowMs }: NumbersRoutesOptions, asked: Asked): Promise<NumbersView> {
  const toMs = asked.to === undefined ? nowMs() : Date.parse(asked.to);
  const fromMs = asked.from === undefined ? toMs - DEFAULT_MS : Date.parse(asked.from);
  if (Number.isNaN(fromMs) || Number.isNaN(toMs))
    throw httpFailures.invalidInput('from, to', 'no times: write ISO 8601');
  if (toMs <= fromMs || toMs - fromMs > LONGEST_MS)
    throw httpFailures.invalidInput('to', 'after from, by 400 days at most');
  const { by = 'all', drills = false } = asked;
  const rows = state.db
    .withTables<CaseTables>()
    .selectFrom('case_record')
    .select('document')
    .where('t0_ms', '>=', fromMs)
    .where('t0_ms', '<', toMs);
  const found = await (drills ? rows : rows.where('drill', '=', false))
    .orderBy('t0_ms')
    .limit(MOST_CASES + 1)
    .execute();
  const cases = found.slice(0, MOST_CASES).map(({ document }) => numbered(document));
  const groups = new Map<string, NumberedCase[]>();
  for (const one of cases) {
    const name = nameOf(one, by);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [one]);
    else group.push(one);
  }
  if (by === 'all' && cases.length === 0) groups.set('all', []);
  return {
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    by,
    drills,
    groups: [...groups.keys()]
      .sort()
      .slice(0, MOST_GROUPS)
      .map((name) => {
        const group = groups.get(name) ?? [];
        const asked = { fromMs, toMs: Math.min(toMs, nowMs()) };
        return { name, numbers: numbersOf(group, windowOf(group, by, asked), asked.toMs) };
      }),
    cut: found.length > MOST_CASES || groups.size > MOST_GROUPS,
  };
}

function numbered(document: string): NumberedCase {
  const { times, state, team, account, rule, answer, ...found } = parseCase(document);
  return {
    ...times,
    ...{ state, team, account, rule },
    cause: 'cause' in found ? found.cause : null,
    answer: answer?.answer ?? null,
  };
}

/** A week is measured over itself, as far as it lies in what was asked for. */
function windowOf([first]: readonly NumberedCase[], by: NumbersBy, asked: Window): Window {
  if (by !== 'week' || first === undefined) return asked;
  const week = weekWindow(first.eventMs);
  return { fromMs: Math.max(week.fromMs, asked.fromMs), toMs: Math.min(week.toMs, asked.toMs) };
}

function nameOf(one: NumberedCase, by: NumbersBy): string {
  switch (by) {
    case 'all':
      return 'all';
    case 'week':
      return weekOf(one.eventMs);
    case 'team':
    case 'account':
    case 'rule':
      return one[by] ?? NOBODY;
  }
}

const COLUMNS: readonly (readonly [string, (numbers: Numbers) => number | null])[] = [
  ['cases', ({ cases }) => cases],
  ...(['detect', 'verify', 'acknowledge', 'contain', 'resolve'] as const).flatMap(
    (name) =>
      [
        [`${name}_n`, (numbers: Numbers) => numbers[name].n],
        [`${name}_median_s`, (numbers: Numbers) => numbers[name].median],
        [`${name}_p90_s`, (numbers: Numbers) => numbers[name].p90],
        [`${name}_mean_s`, (numbers: Numbers) => numbers[name].mean],
      ] as const,
  ),
  ['pages', ({ acknowledge }) => acknowledge.pages],
  ['never_acknowledged', ({ acknowledge }) => acknowledge.never],
  ['between_failures_s', ({ betweenFailures }) => betweenFailures],
  ['confirmed', ({ answers }) => answers.confirmed],
  ['denied', ({ answers }) => answers.denied],
  ['expired', ({ answers }) => answers.expired],
  ['paged_at_once', ({ answers }) => answers.pagedAtOnce],
];

function csvOf({ by, groups }: NumbersView): string {
  const lines = [
    [by, ...COLUMNS.map(([name]) => name)].join(','),
    ...groups.map(({ name, numbers }) => [cell(name), ...COLUMNS.map(([, read]) => read(numbers) ?? '')].join(',')),
  ];
  return `${lines.join('\r\n')}\r\n`;
}

/** Quoted; a name that a spreadsheet would take for a formula is kept from being one. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
