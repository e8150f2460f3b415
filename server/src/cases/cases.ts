/**
 * The door to cases for everything that is not the worker: routes, chat, webhooks. One input, one transaction, one answer.
 */
import type { State, StateTransaction } from '../ground/state.ts';
import type { Case, CaseInput, Outcome, PersonRef } from './case.ts';
import { conductInput, conductMerge } from './conduct.ts';
import { type LoadPlanner, unitOf } from './sql-store.ts';
import type { CaseUnit } from './store.ts';

export interface Changed {
  readonly case: Case;
  readonly outcome: Outcome;
}

export interface Merging {
  readonly from: string;
  readonly into: string;
}

export interface Cases {
  readonly state: State;
  readonly nowMs: () => number;
  readonly followers: readonly string[];
  unit(trx: StateTransaction): CaseUnit;
  /** Null when there is no such case. */
  conduct(caseId: string, input: CaseInput): Promise<Changed | null>;
  conductIn(trx: StateTransaction, caseId: string, input: CaseInput): Promise<Changed | null>;
  merge(ids: Merging, by: PersonRef): Promise<Changed | null>;
  mergeIn(trx: StateTransaction, ids: Merging, by: PersonRef): Promise<Changed | null>;
}

export interface CasesOptions {
  readonly state: State;
  readonly nowMs: () => number;
  readonly loadPlanner: LoadPlanner;
  /** Names of the followers. */
  readonly followers: readonly string[];
}

export function createCases({ state, nowMs, loadPlanner, followers }: CasesOptions): Cases {
  const unit = (trx: StateTransaction) => unitOf(trx, loadPlanner);
  const conductIn = (trx: StateTransaction, caseId: string, input: CaseInput) =>
    conductInput(unit(trx), caseId, input, { followers, nowMs: nowMs() });
  const mergeIn = (trx: StateTransaction, ids: Merging, by: PersonRef) =>
    conductMerge(unit(trx), ids, by, { followers, nowMs: nowMs() });
  return {
    state,
    nowMs,
    followers,
    unit,
    conductIn,
    conduct: (caseId, input) => state.transaction((trx) => conductIn(trx, caseId, input)),
    mergeIn,
    merge: (ids, by) => state.transaction((trx) => mergeIn(trx, ids, by)),
  };
}
