/**
 * Exercises: a labelled alert of our own that goes the whole way, to real people on real channels, and whose times are told. Nothing is
 * ever reverted for one, and it is left out of the numbers.
 */
import { Type } from 'typebox';
import { alertBurstKey } from './cases/burst.ts';
import { parseCase } from './cases/sql-store.ts';
import type { CaseTables } from './cases/tables.ts';
import { timesOf } from './cases/views.ts';
import { Failure } from './ground/failure.ts';
import type { HttpServer } from './ground/http.ts';
import type { Random } from './ground/random.ts';
import type { State } from './ground/state.ts';
import { type Guards, signedInOf } from './people/sign-in/guard.ts';
import { DRILL_TAG } from './pipeline.ts';
import { OWN_INTEGRATION, raiseAlert } from './sources/alerts/raise.ts';

export interface DrillOptions {
  readonly state: State;
  readonly guards: Guards;
  readonly random: Random;
  readonly nowMs: () => number;
}

const NewDrill = Type.Object({ summary: Type.Optional(Type.String({ minLength: 3, maxLength: 300 })) });
const Params = Type.Object({ id: Type.String({ maxLength: 64, pattern: '^[\\w-]+$' }) });
const DEFAULT_SUMMARY = 'This is an exercise: please acknowledge and resolve it as you would at night';

export function registerDrillRoutes(server: HttpServer, { state, guards, random, nowMs }: DrillOptions): void {
  const config = { access: guards.role('responder') };
  server.post('/api/drills', { config, schema: { body: NewDrill } }, async (request) => {
    const at = { nowMs: nowMs(), random };
    const id = random.id(at.nowMs);
    const { name } = signedInOf(request).person;
    await state.transaction((trx) =>
      raiseAlert(
        trx,
        {
          action: 'trigger',
          dedupKey: `drill:${id}`,
          summary: `${request.body.summary ?? DEFAULT_SUMMARY} (begun by ${name})`,
          severity: 'critical',
          source: 'drill',
          class: 'Exercise',
          tags: [DRILL_TAG],
        },
        at,
      ),
    );
    return { id };
  });
  server.get('/api/drills/:id', { config, schema: { params: Params } }, async (request) => {
    const row = await state.db
      .withTables<CaseTables>()
      .selectFrom('case_record')
      .select('document')
      .where('burst_key', '=', alertBurstKey(OWN_INTEGRATION, `drill:${request.params.id}`))
      .executeTakeFirst();
    if (row === undefined) {
      throw new Failure('the exercise has not become a case yet', {
        code: 'not-found',
        httpStatus: 404,
        retryable: true,
      });
    }
    const found = parseCase(row.document);
    return { caseId: found.id, state: found.state, drill: found.drill, times: timesOf(found) };
  });
}
