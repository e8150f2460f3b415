/** Colour, shape and word together: nobody has to tell red from green. */
import { useSpeech } from '../words/speech.tsx';
import type { CaseSummary } from '@countersign/contract';

export type Meaning = 'act' | 'ask' | 'note' | 'fine';

const SHAPES: Readonly<Record<Meaning, string>> = {
  act: 'M6 1 11 11 1 11Z',
  ask: 'M6 0 12 6 6 12 0 6Z',
  note: 'M6 1a5 5 0 1 0 0 10A5 5 0 1 0 6 1Z',
  fine: 'M1.2 6.4 4.6 10 11 2.2 9.4 1 4.5 7 2.6 5Z',
};

export const MEANINGS: Readonly<Record<CaseSummary['state'], Meaning>> = {
  asked: 'ask',
  confirmed: 'fine',
  paged: 'act',
  acknowledged: 'note',
  resolved: 'fine',
};

/** Somebody was called, and it is not settled. */
export function needsResponder(state: CaseSummary['state']): boolean {
  return state === 'paged' || state === 'acknowledged';
}

export function StateBadge({ state }: { readonly state: CaseSummary['state'] }) {
  const { words } = useSpeech();
  const meaning = MEANINGS[state];
  return (
    <span className={`badge ${meaning}`}>
      <Shape meaning={meaning} />
      {words.states[state]}
    </span>
  );
}

export function Shape({ meaning }: { readonly meaning: Meaning }) {
  return (
    <svg viewBox="0 0 12 12" aria-hidden="true">
      <path d={SHAPES[meaning]} fill="currentColor" />
    </svg>
  );
}
