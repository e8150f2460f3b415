/** Holds over HTTP: responders place them on what a search finds, admins let them go, everybody sees that there are some. */
import { type ActivityHold, type ActivityHolds, NewActivityHold } from '@countersign/contract';
import { Type } from 'typebox';
import type { HttpServer } from '../../ground/http.ts';
import { httpFailures } from '../../ground/http-error.ts';
import type { Random } from '../../ground/random.ts';
import type { State } from '../../ground/state.ts';
import type { Access } from '../../ground/http.ts';
import type { FastifyRequest } from 'fastify';
import { Asked, searchOf } from '../asked.ts';
import { type Hold, listHolds, placeHold, releaseHold } from './holds.ts';

export interface HoldRoutesOptions {
  readonly state: State;
  readonly random: Random;
  readonly nowMs: () => number;
  /** Who may see, place and release them. */
  readonly may: { readonly see: Access; readonly place: Access; readonly release: Access };
  /** The id of whoever asks. */
  readonly askerOf: (request: FastifyRequest) => string;
}

const Id = Type.Object({ id: Type.String({ maxLength: 60 }) });
const LIMIT = { max: 30, timeWindow: 60_000 };

export function registerHoldRoutes(
  server: HttpServer,
  { state, random, nowMs, may, askerOf }: HoldRoutesOptions,
): void {
  server.get(
    '/api/activity/holds',
    { config: { access: may.see } },
    async (): Promise<ActivityHolds> => ({ holds: (await listHolds(state)).map(view) }),
  );
  server.post(
    '/api/activity/holds',
    {
      config: { access: may.place, rateLimit: LIMIT },
      schema: { body: NewActivityHold, querystring: Type.Object(Asked) },
    },
    async (request): Promise<ActivityHold> => {
      const { from, to } = request.query;
      if (from === undefined || to === undefined)
        throw httpFailures.invalidInput('from, to', 'both: a hold keeps what was done between two times');
      const search = searchOf(request.query, nowMs());
      if (search.toMs > nowMs())
        throw httpFailures.invalidInput('to', 'a time that has passed: what comes later is not held');
      const by = { person: askerOf(request), nowMs: nowMs(), random };
      return view(await placeHold(state, { reason: request.body.reason.trim(), search }, by));
    },
  );
  server.delete(
    '/api/activity/holds/:id',
    { config: { access: may.release, rateLimit: LIMIT }, schema: { params: Id } },
    async (request) => {
      const by = { person: askerOf(request), nowMs: nowMs() };
      if (!(await releaseHold(state, request.params.id, by))) throw httpFailures.notFound();
      return { released: true };
    },
  );
}

function view({
  id,
  reason,
  query,
  placed_by: placedBy,
  placed_ms: placedMs,
  state,
  row_count: rows,
  problem,
}: Hold): ActivityHold {
  return {
    id,
    reason,
    query,
    placedBy,
    placedAt: new Date(placedMs).toISOString(),
    state,
    rows: rows === null ? null : Number(rows),
    problem,
  };
}
