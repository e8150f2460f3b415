/** The gaps of the evidence in words: what the marks of the histogram say, host by host. */
import type { ActivityGaps } from '@countersign/contract';
import { type Range, rangeBetween } from '../../data/time-range.ts';
import { fill, useSpeech } from '../../words/speech.tsx';
import { Shape } from '../state-badge.tsx';

export function Gaps({ view, choose }: { readonly view: ActivityGaps; readonly choose: (range: Range) => void }) {
  const { words, absolute, number } = useSpeech();
  const classes = words.activity.gapClasses as Readonly<Record<string, string>>;
  return (
    <details className="gaps">
      <summary>
        <span className="badge ask">
          <Shape meaning="ask" />
          {fill(view.cut ? words.activity.gapsCut : words.activity.gaps, { count: number(view.gaps.length) })}
        </span>
      </summary>
      <p className="small quiet">{words.activity.gapsText}</p>
      <ul className="list">
        {view.gaps.map((gap) => (
          <li key={`${gap.host} ${gap.class} ${gap.from} ${gap.to}`} className="row between intake small">
            <span>
              <code>{gap.host}</code>{' '}
              {gap.lost === 0
                ? words.activity.gapBlind
                : fill(words.activity.gapLost, { count: number(gap.lost), what: classes[gap.class] ?? gap.class })}
            </span>
            <button
              type="button"
              className="plain number"
              onClick={() => choose(rangeBetween(Date.parse(gap.from), Date.parse(gap.to)))}
            >
              {absolute(gap.from)} – {absolute(gap.to)}
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}
