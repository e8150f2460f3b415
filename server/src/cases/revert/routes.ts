/** Reverts over HTTP: what was planned and done for a case, the approval of a second person, and undoing. */
import { RevertProof, type RevertList, type RevertView } from '@countersign/contract';
import { Type } from 'typebox';
import type { Finding } from '../../findings/finding.ts';
import { Failure } from '../../ground/failure.ts';
import type { HttpServer } from '../../ground/http.ts';
import { httpFailures } from '../../ground/http-error.ts';
import { type Guards, signedInOf } from '../../people/sign-in/guard.ts';
import type { SecondFactor } from '../../people/sign-in/second-factor.ts';
import type { Cases } from '../cases.ts';
import type { Reverts } from './engine.ts';
import { findRevert, type Revert, revertsOfCase } from './store.ts';

export interface RevertRoutesOptions {
  readonly cases: Cases;
  readonly guards: Guards;
  readonly secondFactor: SecondFactor;
  /** Ids of the people who did it, as far as they are known. */
  readonly madeBy: (findings: readonly Finding[]) => Promise<readonly string[]>;
  /** Null: reverts are not configured. */
  readonly reverts: Reverts | null;
}

const LIMIT = { max: 20, timeWindow: 60_000 };
const Id = Type.Object({ id: Type.String({ maxLength: 64 }) });

export function registerRevertRoutes(server: HttpServer, options: RevertRoutesOptions): void {
  const { cases, guards, reverts } = options;
  const { state } = cases;
  const human = { access: guards.human('responder'), rateLimit: LIMIT };
  server.get(
    '/api/cases/:id/reverts',
    { config: { access: guards.person }, schema: { params: Id } },
    async (request): Promise<RevertList> => ({
      reverts: (await revertsOfCase(state.db, request.params.id)).map(viewRevert),
    }),
  );
  if (reverts === null) return;
  server.post(
    '/api/reverts/:id/approve',
    { config: human, schema: { params: Id, body: RevertProof } },
    async (request) => {
      const { person } = signedInOf(request);
      const { digest, code } = request.body;
      const revert = await findRevert(state.db, request.params.id);
      if (revert === null) throw httpFailures.notFound();
      await refuseSelf(options, revert, person.id);
      // Before the code is used up.
      if (revert.digest !== digest) throw planDiffers();
      await prove(options, person.id, code);
      const approved = await reverts.approve(revert.id, { digest, by: person.id });
      if (approved === null) throw planDiffers();
      return viewRevert((await reverts.run(approved.id)) ?? approved);
    },
  );
  server.post(
    '/api/reverts/:id/undo',
    { config: human, schema: { params: Id, body: RevertProof } },
    async (request) => {
      const { person } = signedInOf(request);
      await prove(options, person.id, request.body.code);
      const undone = await reverts.undo(request.params.id, person.id);
      if (undone === null) throw refusal('not-reverted', 409, 'this was not put back, or somebody is at it');
      return viewRevert(undone);
    },
  );
}

/** Whoever made the change cannot be the second person. */
async function refuseSelf({ cases, madeBy }: RevertRoutesOptions, { caseId }: Revert, personId: string): Promise<void> {
  if (caseId === null) return;
  const { current, findings } = await cases.state.transaction(async (trx) => ({
    current: await cases.unit(trx).loadCase(caseId),
    findings: await cases.unit(trx).findingsOfCase(caseId),
  }));
  const first = [current?.person?.id, ...(await madeBy(findings))];
  if (first.includes(personId))
    throw refusal('second-person', 403, 'whoever made the change or was asked about it cannot approve its revert');
}

async function prove({ cases, secondFactor }: RevertRoutesOptions, personId: string, code: string): Promise<void> {
  const nowMs = cases.nowMs();
  const holds = await cases.state.transaction((trx) => secondFactor.verifyTotp(trx, personId, { code, nowMs }));
  if (!holds) throw refusal('wrong-code', 403, 'the code is wrong or was used');
}

function viewRevert({ id, row, state, mode, digest, failure, plan, resourceKey, event }: Revert): RevertView {
  return {
    id,
    row,
    state,
    mode,
    digest,
    failure,
    resource: resourceKey.split('|').at(-1) ?? resourceKey,
    action: event.name,
    lines:
      plan === null ? [] : plan.lines.map(({ field, before, after, reverted }) => ({ field, before, after, reverted })),
    calls: plan === null ? [] : plan.calls.map(({ service, operation, input }) => ({ service, operation, input })),
    remains: plan?.remains ?? null,
  };
}

function planDiffers(): Failure {
  return refusal('plan-differs', 409, 'the plan is no longer the one that was shown');
}

function refusal(code: string, httpStatus: number, message: string): Failure {
  return new Failure(message, { code, httpStatus, retryable: false });
}
