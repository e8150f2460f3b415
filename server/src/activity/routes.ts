/**
 * The activity over HTTP: rows, histogram, gaps, values of a field, the process tree, and the same rows as a file.
 *
 * The surprise: what is asked stands in the address as `with=user:root&without=name:cron&q=…`, so that a link shows what its sender saw.
 */
import {
  ActivityField,
  type ActivityGaps,
  type ActivityHistogram,
  type ActivityRowView,
  type ActivityValues,
  type ActivityView,
  type ProcessSessionView,
  type TreeRow,
  type TreeView,
} from '@countersign/contract';
import { Readable } from 'node:stream';
import { Type } from 'typebox';
import type { Access, HttpServer } from '../ground/http.ts';
import { httpFailures } from '../ground/http-error.ts';
import type { State } from '../ground/state.ts';
import { Asked, type AskedFor, searchOf, timeOf } from './asked.ts';
import { gapsOf } from './gaps.ts';
import { type TreeNode, treeAt } from './process-tree.ts';
import { type ActivitySearch, type Place, placeAfter } from './search.ts';
import { type SessionRooms, sessionBehind } from './sessions.ts';
import type { ActivityRow, ActivityStore } from './store.ts';

export interface ActivityRoutesOptions {
  readonly state: State;
  readonly activity: ActivityStore;
  readonly events: SessionRooms['events'];
  readonly podOf: SessionRooms['podOf'];
  /** Anybody who is signed in. */
  readonly access: Access;
  readonly nowMs: () => number;
}

const RowsQuery = Type.Object({
  ...Asked,
  before: Type.Optional(Type.String({ pattern: '^[0-9]{1,19}(-[0-9]{1,7})?$' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
});
const SearchQuery = Type.Object(Asked);
const ValuesQuery = Type.Object({ ...Asked, field: ActivityField });
const SessionQuery = Type.Object({
  host: Type.String({ maxLength: 300 }),
  pid: Type.Integer({ minimum: 0, maximum: 4_294_967_295 }),
  at: Type.String({ maxLength: 40 }),
});
const TreeQuery = Type.Object({ host: Type.String({ maxLength: 300 }), at: Type.String({ maxLength: 40 }) });

const DEFAULT_LIMIT = 100;
const BARS = 120;
const MOST_VALUES = 20;
const MOST_TREE_ROWS = 5_000;
const FILE_PAGE = 10_000;
const MOST_IN_A_FILE = 2_000_000;
/** The last moment that 64 bits hold. */
const LAST_NS = 2n ** 63n - 1n;
/** How long before the moment processes are looked for that still ran then. */
const TREE_LOOKS_BACK_MS = 24 * 3_600_000;

export function registerActivityRoutes(server: HttpServer, options: ActivityRoutesOptions): void {
  const { state, activity, access, nowMs } = options;
  const config = { access };
  server.get(
    '/api/activity',
    { config, schema: { querystring: RowsQuery } },
    async ({ query }): Promise<ActivityView> => {
      const search = searchOf(query, nowMs());
      const limit = query.limit ?? DEFAULT_LIMIT;
      const page = { limit, ...(query.before === undefined ? {} : { from: placeOf(query.before) }) };
      const rows = await activity.search(search, page);
      const next = placeAfter(rows, page);
      return {
        ...rangeView(search),
        rows: rows.map(viewRow),
        next: next === null ? null : `${next.timeNs}-${next.skip}`,
      };
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
    '/api/activity/gaps',
    { config, schema: { querystring: SearchQuery } },
    async ({ query }): Promise<ActivityGaps> => {
      const search = searchOf(query, nowMs());
      const { gaps, cut } = await gapsOf(state, search);
      const viewed = gaps.map(({ fromMs, toMs, ...gap }) => ({ ...gap, from: iso(fromMs), to: iso(toMs) }));
      return { ...rangeView(search), gaps: viewed, cut };
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
  registerProcesses(server, options);
  registerFiles(server, options);
}

/** Processes at a moment, and whose session one is of. */
function registerProcesses(server: HttpServer, options: ActivityRoutesOptions): void {
  const { activity, access } = options;
  const config = { access };
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
  server.get(
    '/api/activity/session',
    { config, schema: { querystring: SessionQuery } },
    async ({ query }): Promise<ProcessSessionView> => {
      const session = await sessionBehind(options, { ...query, atMs: timeOf(query.at, 'at') });
      if (session === null) return { session: null };
      const { atMs, ...rest } = session;
      return { session: { ...rest, at: iso(atMs) } };
    },
  );
}

function registerFiles(
  server: HttpServer,
  { activity, access, nowMs }: Pick<ActivityRoutesOptions, 'activity' | 'access' | 'nowMs'>,
): void {
  const options = { config: { access }, schema: { querystring: SearchQuery } };
  const pagesOf = (query: AskedFor) => pages(activity, searchOf(query, nowMs()));
  server.get('/api/activity.json', options, async ({ query }, reply) =>
    reply
      .type('application/x-ndjson; charset=utf-8')
      .header('content-disposition', 'attachment; filename="countersign-activity.jsonl"')
      .send(Readable.from(textOf(pagesOf(query), (row) => `${JSON.stringify(row)}\n`))),
  );
  server.get('/api/activity.csv', options, async ({ query }, reply) =>
    reply
      .type('text/csv; charset=utf-8')
      .header('content-disposition', 'attachment; filename="countersign-activity.csv"')
      .send(Readable.from(textOf(pagesOf(query), csvLine, `${CSV_COLUMNS.join(',')}\r\n`))),
  );
}

/** Page by page, so that a file of any size needs little room. */
async function* pages(activity: ActivityStore, search: ActivitySearch): AsyncGenerator<readonly ActivityRow[]> {
  let from: Place | undefined;
  for (let count = 0; count < MOST_IN_A_FILE; count += FILE_PAGE) {
    const page = { limit: FILE_PAGE, ...(from === undefined ? {} : { from }) };
    const rows = await activity.search(search, page);
    yield rows;
    from = placeAfter(rows, page) ?? undefined;
    if (from === undefined) return;
  }
  // The download breaks off: a file that is not whole must not look whole.
  throw httpFailures.invalidInput('from', `a time with at most ${MOST_IN_A_FILE} rows`);
}

async function* textOf(
  found: AsyncIterable<readonly ActivityRow[]>,
  line: (row: ActivityRowView) => string,
  head = '',
): AsyncGenerator<string> {
  yield head;
  for await (const rows of found) yield rows.map((row) => line(viewRow(row))).join('');
}

/** As `next` told it; a time alone is the moment before it. */
function placeOf(before: string): Place {
  const [time = '', skip] = before.split('-');
  const timeNs = BigInt(time);
  const place = skip === undefined ? { timeNs: timeNs - 1n, skip: 0 } : { timeNs, skip: Number(skip) };
  return place.timeNs > LAST_NS ? { ...place, timeNs: LAST_NS } : place;
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

function csvLine(row: ActivityRowView): string {
  return `${CSV_COLUMNS.map((column) => cell(row[column])).join(',')}\r\n`;
}

/** Quoted where needed; what a spreadsheet would take for a formula is made text. */
function cell(value: string | number): string {
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
