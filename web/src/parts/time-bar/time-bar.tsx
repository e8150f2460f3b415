/** The bar of time: what is shown, and how much was done when, to draw over. */
import type { ActivityGaps, ActivityHistogram } from '@countersign/contract';
import { useSpeech } from '../../words/speech.tsx';
import { Gaps } from './gaps.tsx';
import { Histogram } from './histogram.tsx';
import { TimeChoice, type TimeChoiceProps } from './time-choice.tsx';

export interface TimeBarProps extends TimeChoiceProps {
  readonly histogram: ActivityHistogram | undefined;
  readonly gaps: ActivityGaps | undefined;
}

export function TimeBar({ histogram, gaps, ...choice }: TimeBarProps) {
  const { words } = useSpeech();
  const { choose } = choice;
  return (
    <section className="panel time-bar" aria-label={words.time.bar}>
      <TimeChoice {...choice} />
      <Histogram view={histogram} gaps={gaps?.gaps ?? []} choose={choose} />
      {gaps !== undefined && gaps.gaps.length > 0 && <Gaps view={gaps} choose={choose} />}
    </section>
  );
}
