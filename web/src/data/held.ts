/**
 * Lists that never jump under the pointer: rows stay where they are, what is new waits until it is asked for, what has left is marked.
 *
 * The surprise: a list that is empty, or from which everything has left, takes what comes at once: nothing can be missed there.
 */
import type { CaseSummary } from '@countersign/contract';
import { useEffect, useState } from 'react';

export interface Held {
  readonly rows: readonly CaseSummary[];
  /** Ids of rows that are no longer in the list. */
  readonly gone: ReadonlySet<string>;
  /** How many new ones wait. */
  readonly waiting: number;
  readonly show: () => void;
}

/** @param about what is listed; another list begins anew. */
export function useHeld(fresh: readonly CaseSummary[] | undefined, about = ''): Held {
  const [held, hold] = useState<{ readonly about: string; readonly rows: readonly CaseSummary[] } | null>(null);
  useEffect(() => {
    if (fresh === undefined) return;
    hold((before) => {
      const byId = new Map(fresh.map((summary) => [summary.id, summary]));
      const isOver = before === null || before.about !== about || before.rows.every(({ id }) => !byId.has(id));
      return { about, rows: isOver ? fresh : before.rows.map((summary) => byId.get(summary.id) ?? summary) };
    });
  }, [fresh, about]);
  const rows = held?.rows ?? fresh ?? [];
  const shown = new Set(rows.map(({ id }) => id));
  const there = new Set((fresh ?? rows).map(({ id }) => id));
  return {
    rows,
    gone: new Set([...shown].filter((id) => !there.has(id))),
    waiting: [...there].filter((id) => !shown.has(id)).length,
    show: () => fresh !== undefined && hold({ about, rows: fresh }),
  };
}
