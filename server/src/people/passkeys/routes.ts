/** A person's own passkeys: enrol, list, remove; the shapes are in `contract/src/passkeys.ts`. */
import { PasskeyFinish, type PasskeyListing, PasskeyRemoval } from '@countersign/contract';
import { Type } from 'typebox';
import { Failure } from '../../ground/failure.ts';
import type { HttpServer } from '../../ground/http.ts';
import { httpFailures } from '../../ground/http-error.ts';
import { appendJournal } from '../../ground/journal.ts';
import type { State } from '../../ground/state.ts';
import { type Guards, signedInOf } from '../sign-in/guard.ts';
import type { SecondFactor } from '../sign-in/second-factor.ts';
import { keysOf, type Passkeys } from './passkeys.ts';
import type { PasskeyTables } from './tables.ts';

export interface PasskeyRoutesOptions {
  readonly state: State;
  readonly guards: Guards;
  readonly passkeys: Passkeys;
  readonly secondFactor: SecondFactor;
  readonly nowMs: () => number;
}

const Id = Type.Object({ id: Type.String({ maxLength: 1_024 }) });
const LIMIT = { max: 20, timeWindow: 60_000 };

export function registerPasskeyRoutes(server: HttpServer, options: PasskeyRoutesOptions): void {
  const { state, guards, passkeys, secondFactor, nowMs } = options;
  const access = guards.human('member');
  const config = { access, rateLimit: LIMIT };
  const iso = (ms: number) => new Date(ms).toISOString();

  server.get('/api/passkeys', { config: { access } }, async (request) => {
    const keys = await state.transaction((trx) => keysOf(trx, signedInOf(request).person.id));
    return {
      passkeys: keys.map(({ credential_id: id, name, created_ms, used_ms }): PasskeyListing => {
        return { id, name, createdAt: iso(created_ms), usedAt: used_ms === null ? null : iso(used_ms) };
      }),
    };
  });
  server.post('/api/passkeys/start', { config }, async (request) => ({
    options: await state.transaction((trx) => passkeys.beginEnrolment(trx, signedInOf(request).person, nowMs())),
  }));
  server.post('/api/passkeys/finish', { config, schema: { body: PasskeyFinish } }, async (request) => {
    const { person } = signedInOf(request);
    const { name, response } = request.body;
    const done = await state.transaction((trx) =>
      passkeys.finishEnrolment(trx, person, { name, response, nowMs: nowMs() }),
    );
    if (!done) throw httpFailures.invalidInput('response', 'this key could not be checked; start again');
    return { enrolled: true };
  });
  server.post('/api/passkeys/:id/remove', { config, schema: { params: Id, body: PasskeyRemoval } }, async (request) => {
    const { person } = signedInOf(request);
    const removed = await state.transaction(async (trx) => {
      const proof = { code: request.body.code, nowMs: nowMs() };
      if (!(await secondFactor.verifyTotp(trx, person.id, proof))) return null;
      const row = await trx
        .withTables<PasskeyTables>()
        .deleteFrom('passkey')
        .where('credential_id', '=', request.params.id)
        .where('person_id', '=', person.id)
        .returning('name')
        .executeTakeFirst();
      if (row === undefined) return false;
      const parameters = { name: row.name, credential: request.params.id };
      await appendJournal(trx, {
        kind: 'passkey-removed',
        caseId: null,
        actor: person.id,
        parameters,
        timeMs: nowMs(),
      });
      return true;
    });
    if (removed === null) {
      throw new Failure('the code is wrong or was used', { code: 'wrong-code', httpStatus: 403, retryable: false });
    }
    if (!removed) throw httpFailures.notFound();
    return { removed: true };
  });
}
