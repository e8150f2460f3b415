/** A value of the activity that can be pressed: show only that, everything but that, copy it. */
import type { ActivityField } from '@countersign/contract';
import type { ActivityFilter } from '../../data/activity-query.ts';
import { fill, useSpeech } from '../../words/speech.tsx';
import { shorten } from '../machine-value.tsx';
import { ValueMenu } from '../value-menu.tsx';

export interface FilterValueProps {
  readonly field: ActivityField;
  readonly value: string;
  /** What is shown of it; the whole when left out. */
  readonly shown?: string;
  readonly add: (filter: ActivityFilter) => void;
}

export function FilterValue({ field, value, shown = shorten(value), add }: FilterValueProps) {
  const { words } = useSpeech();
  return (
    <ValueMenu
      {...{ value, shown }}
      isWord={field === 'kind'}
      label={fill(words.activity.valueOf, { field: words.activity.fields[field], value: shorten(value) })}
      deeds={[
        [words.activity.only, () => add({ field, value, include: true })],
        [words.activity.without, () => add({ field, value, include: false })],
      ]}
    />
  );
}
