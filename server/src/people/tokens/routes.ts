/** Making, listing and revoking tokens; the shapes are in `contract/src/tokens.ts`. */
import { NewToken, type TokenCreated, type TokenList } from '@countersign/contract';
import { Type } from 'typebox';
import { Failure } from '../../ground/failure.ts';
import type { HttpServer } from '../../ground/http.ts';
import { httpFailures } from '../../ground/http-error.ts';
import type { Random } from '../../ground/random.ts';
import type { State } from '../../ground/state.ts';
import { type Guards, signedInOf } from '../sign-in/guard.ts';
import type { SecondFactor } from '../sign-in/second-factor.ts';
import type { PeopleTables } from '../tables.ts';
import type { TokenTables } from './tables.ts';
import { lesserRole, makeToken, revokeToken } from './tokens.ts';

export interface TokenRoutesOptions {
  readonly state: State;
  readonly guards: Guards;
  readonly random: Random;
  readonly nowMs: () => number;
  readonly secondFactor: SecondFactor;
}

const LIMIT = { max: 20, timeWindow: 60_000 };
const Id = Type.Object({ id: Type.String({ maxLength: 64 }) });
const MOST_LISTED = 500;
const MOST_LIVING = 50;

export function registerTokenRoutes(server: HttpServer, options: TokenRoutesOptions): void {
  const { state, guards, random, nowMs, secondFactor } = options;
  const config = { access: guards.human('member'), rateLimit: LIMIT };

  server.get('/api/tokens', { config: { access: guards.human('member') } }, async (request): Promise<TokenList> => {
    const { id, role } = signedInOf(request).person;
    return { tokens: await listTokens(state, role === 'admin' ? null : id) };
  });
  server.post('/api/tokens', { config, schema: { body: NewToken } }, async (request): Promise<TokenCreated> => {
    const { person } = signedInOf(request);
    const { code, ...wanted } = request.body;
    if (lesserRole(wanted.role, person.role) !== wanted.role)
      throw httpFailures.invalidInput('role', `a token of yours can at most be ${person.role}`);
    if (wanted.purpose === 'scim' && person.role !== 'admin') throw httpFailures.forbidden();
    const made = await state.transaction(async (trx) => {
      const at = { person, nowMs: nowMs(), random };
      if (!(await secondFactor.verifyTotp(trx, person.id, { code, nowMs: at.nowMs }))) return 'wrong-code';
      return (await countLiving(trx, person.id, at.nowMs)) >= MOST_LIVING ? 'too-many' : makeToken(trx, wanted, at);
    });
    if (made === 'wrong-code') throw refusal(made, 403, 'the code is wrong or was used');
    if (made === 'too-many') throw refusal(made, 409, `you have ${MOST_LIVING} tokens; revoke one first`);
    return { id: made.id, token: made.token, expiresAt: new Date(made.expiresMs).toISOString() };
  });
  // Taking a key away must be quick: it needs no code, and an admin can do it for anybody.
  server.delete('/api/tokens/:id', { config, schema: { params: Id } }, async (request) => {
    const { id, role } = signedInOf(request).person;
    const at = { by: id, ofPerson: role === 'admin' ? null : id, nowMs: nowMs() };
    if (!(await state.transaction((trx) => revokeToken(trx, request.params.id, at)))) throw httpFailures.notFound();
    return { revoked: true };
  });
}

async function countLiving(reader: Pick<State['db'], 'withTables'>, personId: string, nowMs: number): Promise<number> {
  const rows = await reader
    .withTables<TokenTables>()
    .selectFrom('api_token')
    .select('id')
    .where('person_id', '=', personId)
    .where('revoked_ms', 'is', null)
    .where('expires_ms', '>', nowMs)
    .limit(MOST_LIVING)
    .execute();
  return rows.length;
}

async function listTokens(state: State, personId: string | null): Promise<TokenList['tokens']> {
  let query = state.db
    .withTables<TokenTables & PeopleTables>()
    .selectFrom('api_token')
    .innerJoin('person', 'person.id', 'api_token.person_id')
    .selectAll('api_token')
    .select('person.name as person_name')
    .orderBy('api_token.created_ms', 'desc')
    .limit(MOST_LISTED);
  if (personId !== null) query = query.where('person_id', '=', personId);
  const iso = (ms: number) => new Date(ms).toISOString();
  const maybe = (ms: number | null) => (ms === null ? null : iso(ms));
  return (await query.execute()).map((row) => ({
    id: row.id,
    name: row.name,
    purpose: row.purpose,
    role: row.role,
    person: { id: row.person_id, name: row.person_name },
    createdAt: iso(row.created_ms),
    expiresAt: iso(row.expires_ms),
    usedAt: maybe(row.used_ms),
    revokedAt: maybe(row.revoked_ms),
  }));
}

function refusal(code: string, httpStatus: number, message: string): Failure {
  return new Failure(message, { code, httpStatus, retryable: false });
}
