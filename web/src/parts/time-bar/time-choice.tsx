/** The time that a page shows: a span up to now, which is live, or two moments that stay. */
import './time-bar.css';
import { type FormEvent, useState } from 'react';
import {
  nearestSpan,
  type Range,
  rangeBetween,
  rangeOf,
  type ShownTime,
  SPANS,
  widened,
} from '../../data/time-range.ts';
import { fill, useSpeech } from '../../words/speech.tsx';
import { Choice } from '../choice.tsx';

export interface TimeChoiceProps {
  readonly time: ShownTime;
  readonly choose: (time: ShownTime) => void;
  /** How much came meanwhile and waits to be shown. */
  readonly waiting?: string | null;
  readonly show?: () => void;
}

export function TimeChoice({ time, choose, waiting = null, show }: TimeChoiceProps) {
  const { words } = useSpeech();
  const isLive = 'minutes' in time;
  return (
    <div className="row">
      <Choice
        label={words.time.span}
        options={SPANS.map((span) => [span, words.time.spans[String(span) as keyof typeof words.time.spans]])}
        chosen={isLive ? time.minutes : 0}
        choose={(minutes) => choose({ minutes })}
      />
      {isLive ? (
        <>
          <button
            type="button"
            className="button"
            title={words.time.pauseText}
            onClick={() => choose(rangeOf(time, Date.now()))}
          >
            {words.time.pause}
          </button>
          {/* In the place of a word that is always there: nothing moves when something comes. */}
          <span className="live small" role="status">
            {waiting === null ? (
              words.time.live
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
            {words.time.goOn}
          </button>
          <button type="button" className="button" onClick={() => choose(widened(time, Date.now()))}>
            {words.time.widen}
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
          [words.time.from, from, setFrom],
          [words.time.to, to, setTo],
        ] as const
      ).map(([label, value, set]) => (
        <label key={label} className="until">
          <span>{label}</span>
          <input type="datetime-local" step={1} required value={value} onChange={(event) => set(event.target.value)} />
        </label>
      ))}
      {isChanged && (
        <button type="submit" className="button" disabled={isWrong}>
          {words.time.show}
        </button>
      )}
      {isChanged && isWrong && (
        <span className="small" role="alert">
          {words.time.wrong}
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
