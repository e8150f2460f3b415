/** Trusted states over HTTP: taking them of an account, how far that is, and what is trusted. For admins, and programs with a token of one. */
import { Type } from 'typebox';
import type { HttpServer } from '../../../ground/http.ts';
import type { State, StateTransaction } from '../../../ground/state.ts';
import { type Guards, signedInOf } from '../../../people/sign-in/guard.ts';
import { listBaselines, showBaselines } from './list.ts';
import { readingsOf } from './readings.ts';

const Name = Type.String({ minLength: 1, maxLength: 2_048 });
/** Of AWS, or a namespace of a cluster. */
const Region = Type.String({ maxLength: 63, pattern: '^[a-z0-9-]+$' });
const Wish = Type.Object(
  {
    account: Name,
    regions: Type.Array(Region, { maxItems: 100 }),
    types: Type.Array(Name, { maxItems: 1_000 }),
    replaces: Type.Boolean(),
  },
  { additionalProperties: false },
);
const Which = Type.Object({ account: Name, since: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }) });
const Filter = Type.Object({ account: Type.Optional(Name), type: Type.Optional(Name) });

export interface BaselineRoutesOptions {
  readonly state: State;
  readonly guards: Guards;
  readonly nowMs: () => number;
  /** @returns what puts it into the queue of the readers. @throws Failure when it cannot be read. */
  readonly enrol: (
    wish: { account: string; regions: string[]; types: string[]; replaces: boolean },
    at: { readonly by: string; readonly nowMs: number },
  ) => Promise<(trx: StateTransaction) => Promise<void>>;
}

const LIMIT = { max: 20, timeWindow: 60_000 };
const LOOKS = { max: 240, timeWindow: 60_000 };

export function registerBaselineRoutes(
  server: HttpServer,
  { state, guards, nowMs, enrol }: BaselineRoutesOptions,
): void {
  const access = guards.role('admin');
  server.post(
    '/api/baselines/enrolments',
    { config: { access, rateLimit: LIMIT }, schema: { body: Wish } },
    async (request) => {
      const at = { by: signedInOf(request).person.id, nowMs: nowMs() };
      await state.transaction(await enrol(request.body, at));
      return { since: at.nowMs };
    },
  );
  server.get(
    '/api/baselines/enrolments',
    { config: { access, rateLimit: LOOKS }, schema: { querystring: Which } },
    async (request) => {
      const { account, since } = request.query;
      return { readings: await readingsOf(state, { account, sinceMs: since }) };
    },
  );
  server.get(
    '/api/baselines',
    { config: { access, rateLimit: LIMIT }, schema: { querystring: Filter } },
    async (request) => ({
      baselines: await listBaselines(state, request.query),
    }),
  );
  server.get(
    '/api/baselines/one',
    { config: { access, rateLimit: LIMIT }, schema: { querystring: Type.Object({ resource: Name }) } },
    async (request) => ({ baselines: await showBaselines(state, request.query.resource) }),
  );
}
