/**
 * What the cases room needs of a store. Two implementations: SQL, which the server runs on, and one in memory, with which the
 * simulation crashes thousands of nights.
 *
 * The contract: everything one `transact` body does is committed together or not at all, and two bodies that touch the same
 * burst or case run one after the other.
 */
import type { Finding } from '../findings/finding.ts';
import type { Case, CaseEffect, CaseEntry } from './case.ts';
import type { Planner } from './page/planner.ts';

/** An effect with the name it has in the outbox. */
export interface DueEffect {
  readonly caseId: string;
  readonly effect: CaseEffect;
  /** Stable; what makes doing it twice harmless. */
  readonly key: string;
  /** When it fell due: not always as it was decided, for what was put off may be brought forward. */
  readonly dueMs: number;
  /** 1 on the first try. */
  readonly attempt: number;
  /** The store's own handle. */
  readonly handle: unknown;
}

/** A page that is still to go out, as others of the same case see it. */
export interface WaitingPage {
  readonly key: string;
  readonly effect: Extract<CaseEffect, { type: 'page' }>;
  /** A worker holds it until then; null: nobody does. */
  readonly takenUntilMs: number | null;
}

export interface CaseUnit {
  /** Waits until nobody else works on the burst. Call before looking for its case. */
  lockBurst(burstKey: string): Promise<void>;
  /** The case that still takes findings of the burst near this time, locked. */
  openCaseOfBurst(burstKey: string, fromMs: number, toMs: number): Promise<Case | null>;
  /**
   * Whom a page would reach at this time. `escalation` names the ladder whose turn is taken (a page that may be the case's
   * first), null takes none.
   */
  loadPlanner(options: { readonly nowMs: number; readonly turnOf: string | null }): Promise<Planner>;
  /** Locked until the end of the transaction. */
  loadCase(caseId: string): Promise<Case | null>;
  /** The findings of the burst between two times that no case has yet. */
  looseFindings(burstKey: string, fromMs: number, toMs: number): Promise<readonly Finding[]>;
  findingsOfCase(caseId: string): Promise<readonly Finding[]>;
  /** Writes the case, its new findings, its entries in the journal and its effects in the outbox. */
  save(change: CaseChange): Promise<void>;
  /** The effect has been performed, or is not wanted any more. False: another worker has taken it meanwhile. */
  finish(effect: DueEffect, nowMs: number, outcome?: 'done' | 'cancelled'): Promise<boolean>;
  /** Pages of the case that are still to go out, in the order in which they were decided. */
  waitingPages(caseId: string): Promise<readonly WaitingPage[]>;
  /** The effect failed; to be tried again. */
  retry(effect: DueEffect, options: { readonly dueMs: number; readonly failure: string | null }): Promise<boolean>;
}

export interface CaseChange {
  readonly case: Case;
  /** Null for a new case. */
  readonly previous: Case | null;
  readonly entries: readonly CaseEntry[];
  readonly effects: readonly { readonly effect: CaseEffect; readonly dueMs: number }[];
  readonly nowMs: number;
}

export interface CaseStore {
  transact<T>(body: (unit: CaseUnit) => Promise<T>): Promise<T>;
  /** Takes due effects with a lease; a worker that dies loses them when it runs out. */
  takeDue(options: {
    readonly nowMs: number;
    readonly leaseMs: number;
    readonly limit: number;
    readonly worker: string;
  }): Promise<readonly DueEffect[]>;
  /** When the next effect is due; null when nothing waits. */
  nextDueMs(): Promise<number | null>;
}

/** The key of an effect: the same decision always makes the same key. */
export function effectKey(caseId: string, version: number, effect: CaseEffect): string {
  const about = `case:${caseId}:${effect.type}`;
  switch (effect.type) {
    case 'ask':
      return `${about}:${version}`;
    case 'page':
      return `${about}:${effect.action}:${effect.pageNumber}:${effect.channel}:${effect.person?.id ?? ''}:${version}`;
    case 'page-repeat':
      return `${about}:${effect.pageNumber}:${version}`;
    case 'challenge-deadline':
      return `${about}:${effect.dueMs}`;
    case 'acknowledgement-deadline':
      return `${about}:${effect.dueMs}:${version}`;
    case 'follow':
      return `${about}:${effect.follower}:${version}`;
    case 'prove':
      return `${about}:${effect.proofId}`;
  }
}
