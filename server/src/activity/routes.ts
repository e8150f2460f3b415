/**
 * The activity over HTTP: rows, histogram, values of a field, the process tree, and the same rows as a file.
 *
 * The surprise: what is asked stands in the address as `with=user:root&without=name:cron&q=…`, so that a link shows what its sender saw.
 */
import {
  type ActivityHistogram,
  ActivityField,
  type ActivityRowView,
  type ActivityValues,
  type ActivityView,
  type TreeRow,
  type TreeView,
} from '@countersign/contract';
import { Type } from 'typebox';
import type { Access, HttpServer } from '../ground/http.ts';
import { httpFailures } from '../ground/http-error.ts';
import { ACTIVITY_FIELDS, type ActivityField as Field } from './activity.ts';
import { type TreeNode, treeAt } from './process-tree.ts';
import type { ActivityFilter, ActivitySearch } from './search.ts';
import { type ActivityRow, type ActivityStore, MOST_FOUND } from './store.ts';

export interface ActivityRoutesOptions {
  readonly activity: ActivityStore;
  /** Anybody who is signed in. */
  readonly access: Access;
  readonly nowMs: () => number;
}

const MOST_FILTERS = 30;
const Filter = Type.Union([
  Type.String({ maxLength: 600 }),
  Type.Array(Type.String({ maxLength: 600 }), { maxItems: MOST_FILTERS }),
]);
const Asked = {
  from: Type.Optional(Type.String({ maxLength: 40 })),
  to: Type.Optional(Type.String({ maxLength: 40 })),
  with: Type.Optional(Filter),
  without: Type.Optional(Filter),
  q: Type.Optional(Type.String({ maxLength: 500 })),
};
const RowsQuery = Type.Object({
  ...Asked,
  before: Type.Optional(Type.String({ pattern: '^[0-9]{1,20}$' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
});
const SearchQuery = Type.Object(Asked);
const ValuesQuery = Type.Object({ ...Asked, field: ActivityField });
const TreeQuery = Type.Object({ host: Type.String({ maxLength: 300 }), at: Type.String({ maxLength: 40 }) });

const DEFAULT_MS = 3_600_000;
const LONGEST_MS = 400 * 86_400_000;
const DEFAULT_LIMIT = 100;
const BARS = 120;
const MOST_VALUES = 20;
const MOST_TREE_ROWS = 5_000;
/** How long before the moment processes are looked for that still ran then. */
const TREE_LOOKS_BACK_MS = 24 * 3_600_000;

type AskedFor = {
  readonly from?: string;
  readonly to?: string;
  readonly with?: string | string[];
  readonly without?: string | string[];
  readonly q?: string;
};

export function registerActivityRoutes(server: HttpServer, { activity, access, nowMs }: ActivityRoutesOptions): void {
  const config = { access };
  server.get(
    '/api/activity',
    { config, schema: { querystring: RowsQuery } },
    async ({ query }): Promise<ActivityView> => {
      const search = searchOf(query, nowMs());
      const limit = query.limit ?? DEFAULT_LIMIT;
      const before = query.before === undefined ? {} : { beforeNs: BigInt(query.before) };
      const rows = await activity.search(search, { limit, ...before });
      const last = rows.at(-1);
      const next = rows.length < limit || last === undefined ? null : String(last.timeNs);
      return { ...rangeView(search), rows: rows.map(viewRow), next };
    },
  );
  server.get(
    '/api/activity/histogram',
    { config, schema: { querystring: SearchQuery } },
    async ({ query }): Promise<ActivityHistogram> => {
      const search = searchOf(query, nowMs());
      const stepMs = Math.max(1, Math.ceil((search.toMs - search.fromMs) / BARS));
      const bars = await activity.histogram(search, stepMs);
      return {
        ...rangeView(search),
        stepMs,
        bars: bars.map(({ fromMs, kind, count }) => ({ at: iso(fromMs), kind, count })),
      };
    },
  );
  server.get(
    '/api/activity/values',
    { config, schema: { querystring: ValuesQuery } },
    async ({ query }): Promise<ActivityValues> => {
      const values = await activity.values(searchOf(query, nowMs()), query.field, MOST_VALUES);
      return { field: query.field, values: [...values] };
    },
  );
  server.get(
    '/api/activity/tree',
    { config, schema: { querystring: TreeQuery } },
    async ({ query }): Promise<TreeView> => {
      const atMs = timeOf(query.at, 'at');
      const place = { host: query.host, fromMs: atMs - TREE_LOOKS_BACK_MS, toMs: atMs + TREE_LOOKS_BACK_MS };
      const rows = flatten(treeAt(await activity.lives(place), BigInt(Math.trunc(atMs)) * 1_000_000n));
      return {
        host: query.host,
        at: iso(atMs),
        rows: rows.slice(0, MOST_TREE_ROWS),
        cut: rows.length > MOST_TREE_ROWS,
      };
    },
  );
  registerFiles(server, { activity, access, nowMs });
}

function registerFiles(server: HttpServer, { activity, access, nowMs }: ActivityRoutesOptions): void {
  const options = { config: { access }, schema: { querystring: SearchQuery } };
  const rowsOf = async (query: AskedFor) =>
    (await activity.search(searchOf(query, nowMs()), { limit: MOST_FOUND })).map(viewRow);
  server.get('/api/activity.json', options, async ({ query }, reply) =>
    reply
      .type('application/x-ndjson; charset=utf-8')
      .header('content-disposition', 'attachment; filename="countersign-activity.jsonl"')
      .send((await rowsOf(query)).map((row) => `${JSON.stringify(row)}\n`).join('')),
  );
  server.get('/api/activity.csv', options, async ({ query }, reply) =>
    reply
      .type('text/csv; charset=utf-8')
      .header('content-disposition', 'attachment; filename="countersign-activity.csv"')
      .send(csvOf(await rowsOf(query))),
  );
}

function searchOf(query: AskedFor, nowMs: number): ActivitySearch {
  const toMs = query.to === undefined ? nowMs : timeOf(query.to, 'to');
  const fromMs = query.from === undefined ? toMs - DEFAULT_MS : timeOf(query.from, 'from');
  if (toMs <= fromMs || toMs - fromMs > LONGEST_MS)
    throw httpFailures.invalidInput('to', 'after from, by 400 days at most');
  const filters = [...filtersOf(query.with, true), ...filtersOf(query.without, false)];
  return { fromMs, toMs, filters, text: query.q?.trim() ?? '' };
}

function filtersOf(given: string | string[] | undefined, include: boolean): ActivityFilter[] {
  const list = given === undefined ? [] : Array.isArray(given) ? given : [given];
  return list.map((text) => {
    const colon = text.indexOf(':');
    const field = text.slice(0, Math.max(colon, 0));
    if (!isField(field))
      throw httpFailures.invalidInput(
        include ? 'with' : 'without',
        `write field:value; the fields are ${ACTIVITY_FIELDS.join(', ')}`,
      );
    return { field, value: text.slice(colon + 1), include };
  });
}

function isField(name: string): name is Field {
  return (ACTIVITY_FIELDS as readonly string[]).includes(name);
}

function timeOf(text: string, where: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw httpFailures.invalidInput(where, 'no time: write ISO 8601');
  return ms;
}

function rangeView({ fromMs, toMs }: ActivitySearch) {
  return { from: iso(fromMs), to: iso(toMs) };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function isoOfNs(ns: bigint): string {
  return iso(Number(ns / 1_000_000n));
}

function viewRow({ timeNs, process, parent: _parent, ...row }: ActivityRow): ActivityRowView {
  return { ...row, timeNs: String(timeNs), at: isoOfNs(timeNs), pid: process.pid };
}

/** In the order of a reader: each process before the ones that it started. */
function flatten(roots: readonly TreeNode[]): TreeRow[] {
  const rows: TreeRow[] = [];
  const open = roots.toReversed().map((node) => ({ node, depth: 0 }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, depth } = next;
    rows.push({
      depth,
      pid: node.pid,
      name: node.name,
      commandLine: node.commandLine,
      container: node.container,
      user: node.user,
      startedAt: isoOfNs(node.startNs),
      endedAt: node.endNs === null ? null : isoOfNs(node.endNs),
      alive: node.isAlive,
      before: [...node.before],
    });
    open.push(...node.children.toReversed().map((child) => ({ node: child, depth: depth + 1 })));
  }
  return rows;
}

const CSV_COLUMNS = [
  'at',
  'kind',
  'host',
  'container',
  'application',
  'pid',
  'name',
  'exe',
  'loginUser',
  'user',
  'detail',
  'result',
  'count',
  'bytes',
] as const satisfies readonly (keyof ActivityRowView)[];

function csvOf(rows: readonly ActivityRowView[]): string {
  const lines = rows.map((row) => CSV_COLUMNS.map((column) => cell(row[column])).join(','));
  return [CSV_COLUMNS.join(','), ...lines, ''].join('\r\n');
}

/** Quoted where needed; what a spreadsheet would take for a formula is made text. */
function cell(value: string | number): string {
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
