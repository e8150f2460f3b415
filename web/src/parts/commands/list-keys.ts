/** j and k move through a list of cases, Enter opens the one that is chosen. */
import type { CaseSummary } from '@countersign/contract';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useSpeech } from '../../words/speech.tsx';
import { useCommands } from './commands.tsx';

/**
 * @param rows those that can still be chosen: what has left the list is not among them
 * Returns the id of the chosen case; null before anything was chosen, and when it has gone.
 */
export function useListKeys(rows: readonly CaseSummary[]): string | null {
  const { words } = useSpeech();
  const [chosen, choose] = useState<string | null>(null);
  const navigate = useNavigate();
  const at = rows.findIndex(({ id }) => id === chosen);
  const move = (to: number) => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, to))];
    if (row === undefined) return;
    choose(row.id);
    document.querySelector(`[data-case="${CSS.escape(row.id)}"]`)?.scrollIntoView({ block: 'nearest' });
  };
  const open = () => at >= 0 && chosen !== null && void navigate(`/cases/${chosen}`);
  useCommands([
    { key: 'j', name: words.commands.next, run: () => move(at + 1), isMove: true },
    { key: 'k', name: words.commands.previous, run: () => move(at - 1), isMove: true },
    { key: 'Enter', name: words.commands.open, run: open, isMove: true },
  ]);
  return at < 0 ? null : chosen;
}
