/** A value that can be pressed: include it, exclude it, copy it. */
import type { ActivityField } from '@countersign/contract';
import { useRef } from 'react';
import type { ActivityFilter } from '../../data/activity-query.ts';
import { useSpeech } from '../../words/speech.tsx';
import { shorten } from '../machine-value.tsx';

export interface FilterValueProps {
  readonly field: ActivityField;
  readonly value: string;
  /** What is shown of it; the whole when left out. */
  readonly shown?: string;
  readonly add: (filter: ActivityFilter) => void;
}

export function FilterValue({ field, value, shown = shorten(value), add }: FilterValueProps) {
  const { words } = useSpeech();
  const menu = useRef<HTMLDetailsElement>(null);
  if (value === '') return null;
  const act = (deed: () => void) => () => {
    deed();
    if (menu.current !== null) menu.current.open = false;
  };
  return (
    <details className="filter-value" ref={menu}>
      <summary title={value} className="machine">
        {shown}
      </summary>
      <div className="menu">
        <button type="button" onClick={act(() => add({ field, value, include: true }))}>
          {words.activity.only}
        </button>
        <button type="button" onClick={act(() => add({ field, value, include: false }))}>
          {words.activity.without}
        </button>
        <button type="button" onClick={act(() => void navigator.clipboard.writeText(value).catch(() => undefined))}>
          {words.common.copy}
        </button>
      </div>
    </details>
  );
}
