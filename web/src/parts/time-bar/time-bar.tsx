/** The time that is shown: a span that goes on as time does, or two moments that stay; below it how much was done when, to draw over. */
import './time-bar.css';
import type { ActivityGaps, ActivityHistogram } from '@countersign/contract';
import { type FormEvent, useState } from 'react';
import {
  type ActivityTime,
  nearestSpan,
  type Range,
  rangeBetween,
  rangeOf,
  SPANS,
  widened,
} from '../../data/activity-query.ts';
import { fill, useSpeech } from '../../words/speech.tsx';
import { Choice } from '../choice.tsx';
import { Gaps } from './gaps.tsx';
import { Histogram } from './histogram.tsx';

export interface TimeBarProps {
  readonly time: ActivityTime;
  readonly choose: (time: ActivityTime) => void;
  readonly histogram: ActivityHistogram | undefined;
  readonly gaps: ActivityGaps | undefined;
  /** What came meanwhile and waits. */
  readonly waiting: string | null;
  readonly show: () => void;
}

export function TimeBar({ time, choose, histogram, gaps, waiting, show }: TimeBarProps) {
  const { words } = useSpeech();
  return (
    <section className="panel time-bar" aria-label={words.activity.time}>
      <Moving {...{ time, choose, waiting, show }} />
      <Histogram view={histogram} gaps={gaps?.gaps ?? []} choose={choose} />
      {gaps !== undefined && gaps.gaps.length > 0 && <Gaps view={gaps} choose={choose} />}
    </section>
  );
}

function Moving({ time, choose, waiting, show }: Omit<TimeBarProps, 'histogram' | 'gaps'>) {
  const { words } = useSpeech();
  const isLive = 'minutes' in time;
  return (
    <div className="row">
      <Choice
        label={words.map.span}
        options={SPANS.map((span) => [span, words.map.spans[String(span) as keyof typeof words.map.spans]])}
        chosen={isLive ? time.minutes : 0}
        choose={(minutes) => choose({ minutes })}
      />
      {isLive ? (
        <>
          <button
            type="button"
            className="button"
            title={words.activity.pauseText}
            onClick={() => choose(rangeOf(time, Date.now()))}
          >
            {words.activity.pause}
          </button>
          {/* In the place of a word that is always there: nothing moves when something comes. */}
          <span className="live small" role="status">
            {waiting === null ? (
              words.activity.live
            ) : (
              <button type="button" className="plain" onClick={show}>
                {fill(words.cases.fresh, { count: waiting })}
              </button>
            )}
          </span>
        </>
      ) : (
        <>
          <button type="button" className="button" onClick={() => choose({ minutes: nearestSpan(time) })}>
            {words.activity.goOn}
          </button>
          <button type="button" className="button" onClick={() => choose(widened(time, Date.now()))}>
            {words.activity.widen}
          </button>
          <Moments key={`${time.fromMs} ${time.toMs}`} range={time} choose={choose} />
        </>
      )}
    </div>
  );
}

/** The two moments as text: what the pointer draws, the keyboard writes. */
function Moments({ range, choose }: { readonly range: Range; readonly choose: (range: Range) => void }) {
  const { words, utc } = useSpeech();
  const [from, setFrom] = useState(() => momentText(range.fromMs, utc));
  const [to, setTo] = useState(() => momentText(range.toMs, utc));
  const isChanged = from !== momentText(range.fromMs, utc) || to !== momentText(range.toMs, utc);
  const fromMs = momentMs(from, utc);
  const toMs = momentMs(to, utc);
  const isWrong = !(fromMs < toMs);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isWrong) choose(rangeBetween(fromMs, toMs));
  };
  return (
    <form className="row moments" onSubmit={submit}>
      {(
        [
          [words.activity.from, from, setFrom],
          [words.activity.to, to, setTo],
        ] as const
      ).map(([label, value, set]) => (
        <label key={label} className="until">
          <span>{label}</span>
          <input type="datetime-local" step={1} required value={value} onChange={(event) => set(event.target.value)} />
        </label>
      ))}
      {isChanged && (
        <button type="submit" className="button" disabled={isWrong}>
          {words.activity.showTime}
        </button>
      )}
      {isChanged && isWrong && (
        <span className="small" role="alert">
          {words.activity.wrongTime}
        </span>
      )}
    </form>
  );
}

const MINUTE_MS = 60_000;

/** As `datetime-local` writes it, in the zone in which times are shown; whole seconds. */
function momentText(ms: number, utc: boolean): string {
  const offsetMs = utc ? 0 : new Date(ms).getTimezoneOffset() * MINUTE_MS;
  return new Date(ms - offsetMs).toISOString().slice(0, 19);
}

function momentMs(text: string, utc: boolean): number {
  return Date.parse(utc ? `${text}Z` : text);
}
