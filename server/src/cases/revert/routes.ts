/** Reverts over HTTP: what was planned and done for a case, the approval of a second person, looking again, and undoing. */
import {
  Containment,
  type ContainmentChoices,
  RevertProof,
  type RevertList,
  type RevertView,
} from '@countersign/contract';
import { Type } from 'typebox';
import { Failure } from '../../ground/failure.ts';
import type { HttpServer } from '../../ground/http.ts';
import { httpFailures } from '../../ground/http-error.ts';
import { type Guards, signedInOf } from '../../people/sign-in/guard.ts';
import type { Cases } from '../cases.ts';
import type { Deciding, Refusal } from './deciding.ts';
import type { Reverts } from './engine.ts';
import { type Revert, revertsOfCase } from './store.ts';
import { type WishOptions, wishOf } from './containment/wish.ts';
import { containmentsOf, type Reach } from './containment/choices.ts';

export interface RevertRoutesOptions {
  readonly cases: Cases;
  readonly guards: Guards;
  /** Null: reverts are not configured. */
  readonly reverting: {
    readonly reverts: Reverts;
    readonly deciding: Deciding;
    readonly machine: WishOptions['machine'];
    /** Where we can act now. */
    readonly reach: () => Promise<Reach>;
  } | null;
}

const LIMIT = { max: 20, timeWindow: 60_000 };
const Id = Type.Object({ id: Type.String({ maxLength: 64 }) });

export function registerRevertRoutes(server: HttpServer, options: RevertRoutesOptions): void {
  const { cases, guards, reverting } = options;
  const { state } = cases;
  const human = { access: guards.human('responder'), rateLimit: LIMIT };
  server.get(
    '/api/cases/:id/reverts',
    { config: { access: guards.person }, schema: { params: Id } },
    async (request): Promise<RevertList> => ({
      reverts: (await revertsOfCase(state.db, request.params.id)).map(viewRevert),
    }),
  );
  server.get(
    '/api/cases/:id/containments',
    { config: { access: guards.role('responder') }, schema: { params: Id } },
    async (request): Promise<ContainmentChoices> => {
      if (reverting === null) return { choices: [] };
      const findings = await state.transaction((trx) => cases.unit(trx).findingsOfCase(request.params.id));
      return { choices: [...containmentsOf(findings, await reverting.reach())] };
    },
  );
  if (reverting === null) return;
  const { reverts, deciding } = reverting;
  server.post(
    '/api/reverts/:id/approve',
    { config: human, schema: { params: Id, body: RevertProof } },
    async (request) => {
      const { person } = signedInOf(request);
      const result = await deciding.approve(request.params.id, { person, ...request.body });
      return result.type === 'done' ? viewRevert(result.revert) : refuse(result.why);
    },
  );
  server.post(
    '/api/reverts/:id/undo',
    { config: human, schema: { params: Id, body: RevertProof } },
    async (request) => {
      const { person } = signedInOf(request);
      const result = await deciding.undo(request.params.id, { person, ...request.body });
      return result.type === 'done' ? viewRevert(result.revert) : refuse(result.why);
    },
  );
  registerContainment(server, options);
  // Only looks: what comes of it waits for a second person.
  server.post('/api/reverts/:id/again', { config: human, schema: { params: Id } }, async (request) => {
    const revert = await reverts.planAgain(request.params.id, signedInOf(request).person.id);
    return revert === null ? refuse('not-waiting') : viewRevert(revert);
  });
}

function registerContainment(server: HttpServer, { cases, guards, reverting }: RevertRoutesOptions): void {
  const human = { access: guards.human('responder'), rateLimit: LIMIT };
  // Only a plan: a second person lets it happen.
  server.post(
    '/api/cases/:id/containments',
    { config: human, schema: { params: Id, body: Containment } },
    async (request): Promise<RevertList> => {
      const { id: caseId } = request.params;
      const { person } = signedInOf(request);
      const known = await cases.state.transaction((trx) => cases.unit(trx).loadCase(caseId));
      if (known === null || reverting === null) throw httpFailures.notFound();
      const wish = { caseId, by: person.id, nowMs: cases.nowMs(), machine: reverting.machine };
      const event = await wishOf(request.body, wish);
      const planned = await reverting.reverts.plan(event, { caseId, mode: 'approve' });
      return { reverts: planned.map(viewRevert) };
    },
  );
}

const REFUSALS: Readonly<Record<Exclude<Refusal, 'not-found'>, readonly [status: number, message: string]>> = {
  'second-person': [403, 'whoever made the change or was asked about it cannot decide about its revert'],
  'wrong-code': [403, 'the code is wrong or was used'],
  'plan-differs': [409, 'the plan is no longer the one that was shown'],
  'not-reverted': [409, 'this was not put back, or somebody is at it'],
  'not-waiting': [409, 'there is nothing to look at again'],
};

function refuse(why: Refusal): never {
  if (why === 'not-found') throw httpFailures.notFound();
  const [httpStatus, message] = REFUSALS[why];
  throw new Failure(message, { code: why, httpStatus, retryable: false });
}

function viewRevert({ id, row, state, mode, digest, failure, plan, resourceKey, event }: Revert): RevertView {
  const trusted = plan?.trusted ?? null;
  return {
    id,
    row,
    state,
    mode,
    digest,
    failure,
    resource: resourceKey.split('|').slice(3).join('|'),
    action: event.name,
    lines:
      plan === null ? [] : plan.lines.map(({ field, before, after, reverted }) => ({ field, before, after, reverted })),
    calls: plan === null ? [] : plan.calls.map(({ service, operation, input }) => ({ service, operation, input })),
    remains: plan?.remains ?? null,
    trusted:
      trusted === null
        ? null
        : { trust: trusted.trust, because: trusted.because, since: new Date(trusted.takenMs).toISOString() },
  };
}
