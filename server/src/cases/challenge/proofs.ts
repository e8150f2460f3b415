/**
 * Second factors that take their time, as rows that survive a crash at any instruction.
 *
 * ```
 *  startProof ──▶ started ── begun with the vendor ──▶ waiting ── allow ──▶ proven  (answers the case, same transaction)
 *                    │                                    └── deny · fraud · time ──▶ failed
 *                    └── unavailable · bypassed · unreachable ──▶ failed
 * ```
 *
 * A proof belongs to one person, one case and the digest of exactly the changes that were shown. When those change, whatever
 * the phone says afterwards proves nothing. Dying after a push was sent and before it was noted sends another one.
 */
import { createHash } from 'node:crypto';
import type { Factor as FactorKind } from '@countersign/contract';
import type { Random } from '../../ground/random.ts';
import type { StateTransaction } from '../../ground/state.ts';
import { storable } from '../../ground/storable.ts';
import { changesIn } from '../burst.ts';
import type { Case, CaseInput } from '../case.ts';
import type { Cases } from '../cases.ts';
import { putCaseEffect } from '../sql-store.ts';
import type { CaseTables } from '../tables.ts';
import type { Factors, NoProof, Prover, PushStatus, Shown } from './factor.ts';

export interface ProofsOptions {
  readonly cases: Cases;
  readonly factors: Factors;
  readonly random: Random;
  /** Null when there is no such person any more. */
  readonly proverOf: (trx: StateTransaction, personId: string) => Promise<Prover | null>;
}

export interface Proofs {
  /** Begins a proof of exactly the changes of `digest`; at most one of a case waits at a time. */
  start(trx: StateTransaction, input: StartProof): Promise<{ readonly id: string; readonly state: string | null }>;
  /** One step: what the worker calls. Null: it is over; a number: go on in that many ms. */
  prove(proofId: string): Promise<number | null>;
  /** A browser came back from the vendor's page. */
  finishPrompt(state: string, code: string): Promise<{ readonly caseId: string; readonly personId: string } | null>;
  latest(trx: StateTransaction, caseId: string): Promise<ProofRow | null>;
  /** For proofs that a page of the vendor ends: no worker looks after them. */
  fail(proofId: string, why: NoProof): Promise<void>;
}

export interface StartProof {
  readonly asked: Extract<Case, { state: 'asked' }>;
  readonly digest: string;
  readonly reason: string;
  readonly factor: Extract<FactorKind, 'duo-push' | 'duo-prompt'>;
}

type Ending = Exclude<PushStatus, { type: 'waiting' }>;
export type ProofRow = CaseTables['proof'];

/** A push expires with the vendor after a minute; a page of the vendor's after five. */
const PUSH_MS = 90_000;
const PROMPT_MS = 5 * 60_000;
const RETURN_MS = 60_000;
const STATE_BYTES = 32;

export function createProofs(options: ProofsOptions): Proofs {
  return {
    start: (trx, input) => start(trx, input, options),
    prove: (proofId) => prove(proofId, options),
    finishPrompt: (state, code) => finishPrompt(state, code, options),
    latest,
    fail: async (proofId, why) => {
      const proof = await options.cases.state.transaction((trx) => read(trx, proofId));
      if (proof !== null) await end(proof, { type: 'no-proof', why }, options);
    },
  };
}

async function start(trx: StateTransaction, input: StartProof, { cases, random }: ProofsOptions) {
  const { asked, digest, reason, factor } = input;
  const db = trx.withTables<CaseTables>();
  const nowMs = cases.nowMs();
  const running = await db
    .selectFrom('proof')
    .select('id')
    .where('case_id', '=', asked.id)
    .where('factor', '=', factor)
    .where('digest', '=', digest)
    .where('state', 'in', ['started', 'waiting'])
    .where('expires_ms', '>', nowMs)
    .executeTakeFirst();
  // A second click of the same button is the same question; a new page of the vendor's is a new one.
  if (running !== undefined && factor === 'duo-push') return { id: running.id, state: null };
  await db
    .updateTable('proof')
    .set({ state: 'failed', why: 'replaced', ended_ms: nowMs })
    .where('case_id', '=', asked.id)
    .where('state', 'in', ['started', 'waiting'])
    .execute();
  const id = random.id(nowMs);
  const state = factor === 'duo-prompt' ? random.bytes(STATE_BYTES).toString('base64url') : null;
  await db
    .insertInto('proof')
    .values({
      id,
      case_id: asked.id,
      person_id: asked.person.id,
      factor,
      digest,
      reason: storable(reason),
      state: 'started',
      state_hash: state === null ? null : hashOf(state),
      created_ms: nowMs,
      expires_ms: nowMs + (factor === 'duo-push' ? PUSH_MS : PROMPT_MS),
    })
    .execute();
  await cases.conductIn(trx, asked.id, { type: 'proof-started', by: asked.person, factor, reason });
  if (factor === 'duo-push') {
    const effect = { type: 'prove', proofId: id, dueMs: nowMs } as const;
    await putCaseEffect(trx, asked, { effect, dueMs: nowMs }, nowMs);
  }
  return { id, state };
}

async function prove(proofId: string, options: ProofsOptions): Promise<number | null> {
  const { cases, factors } = options;
  const found = await cases.state.transaction(async (trx) => {
    const proof = await read(trx, proofId);
    if (proof === null || proof.ended_ms !== null) return null;
    const current = await cases.unit(trx).loadCase(proof.case_id);
    const findings = await cases.unit(trx).findingsOfCase(proof.case_id);
    const prover = await options.proverOf(trx, proof.person_id);
    return { proof, current, findings, prover };
  });
  if (found === null) return null;
  const { proof, current, findings, prover } = found;
  const push = factors.push;
  if (push === null || prover === null) return end(proof, { type: 'no-proof', why: 'unavailable' }, options);
  if (current?.state !== 'asked' || current.digest !== proof.digest) {
    return end(proof, { type: 'no-proof', why: 'changes-differ' }, options);
  }
  if (cases.nowMs() >= proof.expires_ms) return end(proof, { type: 'no-proof', why: 'timed-out' }, options);
  if (proof.transaction_id === null) {
    const headline = findings.find(({ id }) => id === current.headlineId) ?? findings[0];
    if (headline === undefined) throw new Error(`the case ${current.id} has no finding`);
    const shown: Shown = { headline, changes: changesIn(findings), deadlineMs: current.deadlineMs };
    const begun = await push.begin(prover, shown);
    if (begun.type === 'later') return begun.afterMs;
    if (begun.type === 'no-proof') return end(proof, begun, options);
    await cases.state.transaction((trx) =>
      trx
        .withTables<CaseTables>()
        .updateTable('proof')
        .set({ state: 'waiting', transaction_id: begun.transactionId })
        .where('id', '=', proof.id)
        .where('ended_ms', 'is', null)
        .execute(),
    );
    return 0;
  }
  const status = await push.status(proof.transaction_id);
  return status.type === 'waiting' ? status.afterMs : end(proof, status, options);
}

async function finishPrompt(state: string, code: string, options: ProofsOptions) {
  const { cases, factors } = options;
  const found = await cases.state.transaction(async (trx) => {
    const proof = await trx
      .withTables<CaseTables>()
      .selectFrom('proof')
      .selectAll()
      .where('state_hash', '=', hashOf(state))
      .executeTakeFirst();
    return proof === undefined ? null : { proof, prover: await options.proverOf(trx, proof.person_id) };
  });
  if (found === null) return null;
  const { proof, prover } = found;
  const back = { caseId: proof.case_id, personId: proof.person_id };
  // An address in a browser's history opens nothing later.
  if (cases.nowMs() >= proof.expires_ms + RETURN_MS) return null;
  if (proof.ended_ms !== null || factors.prompt === null || prover === null) return back;
  if (cases.nowMs() >= proof.expires_ms) await end(proof, { type: 'no-proof', why: 'timed-out' }, options);
  else await end(proof, await factors.prompt.finish(prover, code), options);
  return back;
}

/** The end of a proof and what it does to the case are one transaction; a proof ends once. */
async function end(proof: ProofRow, ending: Ending, { cases }: ProofsOptions): Promise<null> {
  await cases.state.transaction(async (trx) => {
    // The case before the proof, as everywhere else: two who wait for each other's row would wait for ever.
    const current = await cases.unit(trx).loadCase(proof.case_id);
    const differs = ending.type === 'proven' && current?.state === 'asked' && current.digest !== proof.digest;
    const status: Ending = differs ? { type: 'no-proof', why: 'changes-differ' } : ending;
    const why = status.type === 'no-proof' ? status.why : status.type === 'fraud' ? 'fraud' : null;
    const ended = await trx
      .withTables<CaseTables>()
      .updateTable('proof')
      .set({ state: status.type === 'proven' ? 'proven' : 'failed', why, ended_ms: cases.nowMs() })
      .where('id', '=', proof.id)
      .where('ended_ms', 'is', null)
      .returning('id')
      .executeTakeFirst();
    if (ended === undefined || current === null) return;
    await cases.conductIn(trx, proof.case_id, inputOf(proof, status, current));
  });
  return null;
}

function inputOf(proof: ProofRow, status: Ending, current: Case): CaseInput {
  const by = {
    id: proof.person_id,
    name: current.person?.id === proof.person_id ? current.person.name : proof.person_id,
  };
  const factor = proof.factor as FactorKind;
  switch (status.type) {
    case 'proven':
      return { type: 'answered-yes', by, reason: proof.reason, proof: { factor, digest: proof.digest } };
    case 'fraud':
      return { type: 'fraud-reported', by, factor };
    case 'no-proof':
      return status.why === 'refused'
        ? { type: 'code-refused', by, factor }
        : { type: 'proof-failed', by, factor, why: status.why };
  }
}

async function read(trx: StateTransaction, proofId: string): Promise<ProofRow | null> {
  const db = trx.withTables<CaseTables>();
  return (await db.selectFrom('proof').selectAll().where('id', '=', proofId).executeTakeFirst()) ?? null;
}

async function latest(trx: StateTransaction, caseId: string): Promise<ProofRow | null> {
  const db = trx.withTables<CaseTables>();
  const rows = db.selectFrom('proof').selectAll().where('case_id', '=', caseId);
  return (await rows.orderBy('created_ms', 'desc').orderBy('id', 'desc').limit(1).executeTakeFirst()) ?? null;
}

function hashOf(state: string): string {
  return createHash('sha256').update(state).digest('hex');
}
