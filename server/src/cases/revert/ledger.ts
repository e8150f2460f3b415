/**
 * Where the steps of reverts are written down: with the case that they belong to, so that its page, its chat and its pager hear of them;
 * in the journal alone where there is none.
 *
 * The surprise: the case is locked before the revert, always. Two who wait for each other's row would wait for ever.
 */
import { appendJournal } from '../../ground/journal.ts';
import type { StateTransaction } from '../../ground/state.ts';
import type { CaseEntry, CaseInput } from '../case.ts';
import type { Json } from './state.ts';
import { type Revert, type RowStep, takeRevert, updateRevert } from './store.ts';
import type { RevertState } from './tables.ts';

/** A step: what becomes of the row, and what the journal says. */
export interface Entry extends RowStep {
  readonly kind: string;
  readonly actor?: string | null;
  readonly parameters?: Readonly<Record<string, Json>>;
}

type Stepped = Extract<CaseInput, { type: 'revert-stepped' }>;

export interface Ledger {
  /** Before anything of a revert is written. */
  lock(trx: StateTransaction, caseId: string | null): Promise<void>;
  /** Locks case and revert; null when it is not in a state that leads on. */
  take(trx: StateTransaction, revert: Revert | null, from: readonly RevertState[]): Promise<Revert | null>;
  /** Tells the case. */
  tell(trx: StateTransaction, caseId: string, stepped: Stepped): Promise<void>;
}

/** What the rooms of cases lend: locking one, and handing it an input. */
export interface LedgerParts {
  readonly lock: (trx: StateTransaction, caseId: string) => Promise<unknown>;
  readonly conduct: (trx: StateTransaction, caseId: string, input: Stepped) => Promise<unknown>;
}

/** @param parts null: reverts without cases. */
export function createLedger(parts: LedgerParts | null): Ledger {
  const lock: Ledger['lock'] = async (trx, caseId) => {
    if (parts !== null && caseId !== null) await parts.lock(trx, caseId);
  };
  return {
    lock,
    take: async (trx, revert, from) => {
      if (revert === null) return null;
      await lock(trx, revert.caseId);
      return takeRevert(trx, revert.id, from);
    },
    tell: async (trx, caseId, stepped) => {
      if (parts !== null) await parts.conduct(trx, caseId, stepped);
    },
  };
}

const FAILED: readonly RevertState[] = ['conflict', 'failed', 'held'];
const MOST_LINES = 10;
const LONGEST_VALUE = 200;

/** One step: the row, its entry in the journal and what follows from it, together. The revert must have been taken. */
export async function enter(
  ledger: Ledger,
  trx: StateTransaction,
  revert: Revert,
  { kind, actor = null, parameters, ...step }: Entry,
  nowMs: number,
): Promise<Revert> {
  const next = await updateRevert(trx, revert, step, nowMs);
  const entry: CaseEntry = {
    kind,
    actor,
    parameters: {
      revert: next.id,
      resource: next.resourceKey.split('|').slice(3).join('|'),
      digest: next.digest,
      ...(step.failure === undefined || step.failure === null ? {} : { failure: step.failure }),
      ...(kind === 'reverted' || kind === 'revert-undone' ? { changes: changesOf(next) } : {}),
      ...parameters,
    },
  };
  if (next.caseId === null) await appendJournal(trx, { ...entry, caseId: null, timeMs: nowMs });
  else {
    // An undoing that was refused or failed left everything as it was put back: a person is at it, and is told.
    const outcome = FAILED.includes(next.state) ? 'failed' : kind === 'reverted' ? 'contained' : 'begun';
    await ledger.tell(trx, next.caseId, { type: 'revert-stepped', entry, outcome });
  }
  return next;
}

/** `logging: true → false → true`, for chat and for whoever reads the journal in years. */
function changesOf({ plan }: Revert): string {
  const lines = plan?.lines ?? [];
  const told = lines.slice(0, MOST_LINES).map(({ field, before, after, reverted }) => {
    return `${field}: ${[before, after, reverted].map(shown).join(' → ')}`;
  });
  return [...told, ...(lines.length > MOST_LINES ? [`${lines.length - MOST_LINES} more`] : [])].join('; ');
}

function shown(value: Json): string {
  const text = value === null ? 'none' : typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}
