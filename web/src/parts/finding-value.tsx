/** A value of a finding that can be pressed: other cases about it, what was done with it around then, copy it. */
import type { FindingView } from '@countersign/contract';
import { useNavigate } from 'react-router';
import { activityAbout } from '../data/activity-query.ts';
import { useSpeech } from '../words/speech.tsx';
import { ValueMenu } from './value-menu.tsx';

export interface FindingValueProps {
  readonly finding: FindingView;
  /** What it is of the finding: "Actor". */
  readonly name: string;
  readonly value: string;
  /** How the activity writes it; null: it writes nothing of the kind. */
  readonly inActivity?: string | null;
}

export function FindingValue({ finding, name, value, inActivity = value }: FindingValueProps) {
  const { words } = useSpeech();
  const navigate = useNavigate();
  const go = (path: string) => () => void navigate(path);
  return (
    <ValueMenu
      value={value}
      label={`${name}: ${value}`}
      deeds={[
        [words.case.casesAbout, go(`/cases?${new URLSearchParams({ q: value })}`)],
        ...(inActivity === null ? [] : [[words.activity.aboutThen, go(activityAbout(finding, inActivity))] as const]),
      ]}
    />
  );
}
