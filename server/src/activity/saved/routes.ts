/**
 * Searches of the activity that people keep under a name.
 *
 * The surprise: anybody who is signed in may open anybody's, for its address is what is shared; only its owner lists, changes or removes it.
 */
import { NewSavedSearch, type SavedSearch, type SavedSearches } from '@countersign/contract';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Failure } from '../../ground/failure.ts';
import type { Access, HttpServer } from '../../ground/http.ts';
import { httpFailures } from '../../ground/http-error.ts';
import type { Random } from '../../ground/random.ts';
import type { State } from '../../ground/state.ts';
import { filtersOf, timeOf } from '../asked.ts';
import type { SavedSearchTables } from './tables.ts';

export interface SavedSearchOptions {
  readonly state: State;
  /** Anybody who is signed in. */
  readonly access: Access;
  /** The id of whoever asks. */
  readonly askerOf: (request: FastifyRequest) => string;
  readonly random: Random;
  readonly nowMs: () => number;
}

const Params = Type.Object({ id: Type.String({ maxLength: 64 }) });
const LIMIT = { max: 60, timeWindow: 60_000 };
const MOST_OF_A_PERSON = 100;
const MOST_FILTERS = 30;
/** What the console's address may hold. */
const PARTS = ['with', 'without', 'q', 'minutes', 'from', 'to'];

export function registerSavedSearchRoutes(server: HttpServer, options: SavedSearchOptions): void {
  const { state, access, askerOf, random, nowMs } = options;
  const db = state.db.withTables<SavedSearchTables>();

  server.get('/api/activity/searches', { config: { access } }, async (request): Promise<SavedSearches> => {
    const asker = askerOf(request);
    const rows = await db
      .selectFrom('saved_search')
      .selectAll()
      .where('person_id', '=', asker)
      .orderBy('name')
      .limit(MOST_OF_A_PERSON)
      .execute();
    return { searches: rows.map((row) => view(row, asker)) };
  });
  server.get(
    '/api/activity/searches/:id',
    { config: { access }, schema: { params: Params } },
    async (request): Promise<SavedSearch> => {
      const row = await db
        .selectFrom('saved_search')
        .selectAll()
        .where('id', '=', request.params.id)
        .executeTakeFirst();
      if (row === undefined) throw gone();
      return view(row, askerOf(request));
    },
  );
  server.post(
    '/api/activity/searches',
    { config: { access, rateLimit: LIMIT }, schema: { body: NewSavedSearch } },
    async (request): Promise<SavedSearch> => {
      const asker = askerOf(request);
      const wanted = { name: request.body.name.trim(), query: checked(request.body.query) };
      const at = nowMs();
      const saved = await save(state, { ...wanted, id: random.id(at), person_id: asker, saved_ms: at });
      if (saved === null) throw tooMany();
      return view(saved, asker);
    },
  );
  server.delete(
    '/api/activity/searches/:id',
    { config: { access, rateLimit: LIMIT }, schema: { params: Params } },
    async (request) => {
      const { numDeletedRows } = await db
        .deleteFrom('saved_search')
        .where('id', '=', request.params.id)
        .where('person_id', '=', askerOf(request))
        .executeTakeFirst();
      if (numDeletedRows === 0n) throw gone();
      return { removed: true };
    },
  );
}

type SavedRow = SavedSearchTables['saved_search'];

/** The same name again keeps its id, and with it its address; null: there are too many. */
function save(state: State, row: SavedRow): Promise<SavedRow | null> {
  return state.transaction(async (trx) => {
    const db = trx.withTables<SavedSearchTables>();
    const { person_id: owner, name, query, saved_ms } = row;
    const replaced = await db
      .updateTable('saved_search')
      .set({ query, saved_ms })
      .where('person_id', '=', owner)
      .where('name', '=', name)
      .returningAll()
      .executeTakeFirst();
    if (replaced !== undefined) return replaced;
    const { count } = await db
      .selectFrom('saved_search')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('person_id', '=', owner)
      .executeTakeFirstOrThrow();
    if (Number(count) >= MOST_OF_A_PERSON) return null;
    return db.insertInto('saved_search').values(row).returningAll().executeTakeFirstOrThrow();
  });
}

/** Whatever is kept can be asked: refused is what the activity would refuse, and what is no part of a search is left out. */
function checked(query: string): string {
  const parts = new URLSearchParams(query);
  const lists = [parts.getAll('with'), parts.getAll('without')] as const;
  for (const [index, list] of lists.entries()) {
    if (list.length > MOST_FILTERS) throw httpFailures.invalidInput('query', `at most ${MOST_FILTERS} filters`);
    filtersOf(list, index === 0);
  }
  for (const name of ['from', 'to']) {
    const time = parts.get(name);
    if (time !== null) timeOf(time, `query, ${name}`);
  }
  const kept = [...parts].filter(([name]) => PARTS.includes(name));
  return new URLSearchParams(kept).toString();
}

function view({ id, name, query, saved_ms: savedMs, person_id: owner }: SavedRow, asker: string): SavedSearch {
  return { id, name, query, savedAt: new Date(savedMs).toISOString(), mine: owner === asker };
}

function gone(): Failure {
  return new Failure('there is no such saved search', { code: 'search-not-found', httpStatus: 404, retryable: false });
}

function tooMany(): Failure {
  const message = `${MOST_OF_A_PERSON} saved searches are kept for each person; remove one first`;
  return new Failure(message, { code: 'too-many-searches', httpStatus: 409, retryable: false });
}
