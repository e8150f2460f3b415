/**
 * Lists that never jump under the pointer: rows stay where they are, what is new waits until it is asked for, what has left is marked.
 *
 * The surprise: a list that is empty, or from which everything has left, takes what comes at once: nothing can be missed there.
 */
import type { CaseSummary } from '@countersign/contract';
import { useEffect, useState } from 'react';

export interface Held {
  readonly rows: readonly CaseSummary[];
  /** Where the list goes on after its rows; null where it ends. */
  readonly next: string | null;
  /** Ids of rows that are no longer in the list. */
  readonly gone: ReadonlySet<string>;
  /** How many new ones wait. */
  readonly waiting: number;
  readonly show: () => void;
}

interface HeldOptions {
  readonly next?: string | null;
  /** What is new is urgent and does not wait: it takes the place of a row that has left, else the end. */
  readonly takesNew?: boolean;
}

type Kept = Pick<Held, 'rows' | 'next'>;

/** One component holds one list: another list is another component, by its key. */
export function useHeld(
  fresh: readonly CaseSummary[] | undefined,
  { next = null, takesNew = false }: HeldOptions = {},
): Held {
  const [held, hold] = useState<Kept | null>(null);
  useEffect(() => {
    if (fresh === undefined) return;
    hold((before) => {
      const isThere = new Set(fresh.map(({ id }) => id));
      if (before === null || before.rows.every(({ id }) => !isThere.has(id))) return { rows: fresh, next };
      return { rows: takesNew ? replaceGone(before.rows, fresh) : refresh(before.rows, fresh), next: before.next };
    });
  }, [fresh, next, takesNew]);
  const { rows, next: goesOn } = held ?? { rows: fresh ?? [], next };
  const shown = new Set(rows.map(({ id }) => id));
  const there = new Set((fresh ?? rows).map(({ id }) => id));
  return {
    rows,
    next: goesOn,
    gone: new Set([...shown].filter((id) => !there.has(id))),
    waiting: [...there].filter((id) => !shown.has(id)).length,
    show: () => fresh !== undefined && hold({ rows: fresh, next }),
  };
}

/** The same rows as they are now; what has left as it was last. */
function refresh(rows: readonly CaseSummary[], fresh: readonly CaseSummary[]): readonly CaseSummary[] {
  const byId = new Map(fresh.map((summary) => [summary.id, summary]));
  return rows.map((summary) => byId.get(summary.id) ?? summary);
}

function replaceGone(rows: readonly CaseSummary[], fresh: readonly CaseSummary[]): readonly CaseSummary[] {
  const isThere = new Set(fresh.map(({ id }) => id));
  const isShown = new Set(rows.map(({ id }) => id));
  const added = fresh.filter(({ id }) => !isShown.has(id));
  const kept = refresh(rows, fresh).map((summary) => (isThere.has(summary.id) ? summary : (added.shift() ?? summary)));
  return [...kept, ...added];
}
