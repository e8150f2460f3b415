/** A few lines over time, as large as the place it has. Where nothing was measured a line is broken, not drawn on. */
import { type PointerEvent, useState } from 'react';
import { useSpeech } from '../../words/speech.tsx';

export interface ChartLine {
  readonly name: 'used' | 'most' | 'request' | 'limit';
  readonly label: string;
  /** One for each time; null: not known. */
  readonly values: readonly (number | null)[];
}

export interface LineChartProps {
  readonly label: string;
  readonly times: readonly number[];
  /** Longer between two times than this: something is missing. */
  readonly gapMs: number;
  readonly lines: readonly ChartLine[];
  readonly amount: (value: number | null) => string;
}

const WIDTH = 1_000;
const HEIGHT = 160;
/** The highest line does not touch the frame. */
const HEADROOM = 1.05;

export function LineChart({ label, times, gapMs, lines, amount }: LineChartProps) {
  const { brief } = useSpeech();
  const [pointed, setPointed] = useState<number | null>(null);
  const known = lines.filter(({ values }) => values.some((value) => value !== null));
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  const top = Math.max(...known.flatMap(({ values }) => values.map((value) => value ?? 0))) * HEADROOM || 1;
  const x = (time: number) => (last === first ? WIDTH / 2 : ((time - first) / (last - first)) * WIDTH);
  const y = (value: number) => HEIGHT - (value / top) * HEIGHT;
  const point = (event: PointerEvent<SVGSVGElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const time = first + ((event.clientX - box.left) / box.width) * (last - first);
    setPointed(nearestPlace(times, time));
  };
  const shown = pointed ?? times.length - 1;
  const time = times[shown];
  return (
    <figure className="line-chart">
      <div className="axis small quiet number">
        <span>{amount(top / HEADROOM)}</span>
        <span aria-hidden="true">{time === undefined ? '' : brief(new Date(time).toISOString())}</span>
      </div>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
        onPointerMove={point}
        onPointerLeave={() => setPointed(null)}
      >
        {known.map(({ name, values }) => (
          <path key={name} className={`line-${name}`} d={pathOf(times, values, { gapMs, x, y })} />
        ))}
        {pointed !== null && time !== undefined && (
          <line className="pointer" x1={x(time)} x2={x(time)} y1={0} y2={HEIGHT} />
        )}
      </svg>
      <div className="axis small quiet number">
        <span>{brief(new Date(first).toISOString())}</span>
        <span>{brief(new Date(last).toISOString())}</span>
      </div>
      <ul className="legend small">
        {known.map(({ name, label: text, values }) => (
          <li key={name}>
            <svg viewBox="0 0 22 8" aria-hidden="true">
              <path className={`line-${name}`} d="M0 4H22" />
            </svg>
            {text} <span className="number">{amount(values[shown] ?? null)}</span>
          </li>
        ))}
      </ul>
    </figure>
  );
}

interface Scale {
  readonly gapMs: number;
  readonly x: (time: number) => number;
  readonly y: (value: number) => number;
}

function pathOf(times: readonly number[], values: readonly (number | null)[], { gapMs, x, y }: Scale): string {
  let path = '';
  let before: number | null = null;
  times.forEach((time, place) => {
    const value = values[place] ?? null;
    if (value === null) {
      before = null;
      return;
    }
    const isJoined = before !== null && time - before <= gapMs;
    const at = `${x(time).toFixed(1)} ${y(value).toFixed(1)}`;
    // One by itself is a dot.
    path += isJoined ? `L${at}` : `M${at}h0.1`;
    before = time;
  });
  return path;
}

function nearestPlace(times: readonly number[], time: number): number | null {
  let best: number | null = null;
  times.forEach((one, place) => {
    if (best === null || Math.abs(one - time) < Math.abs((times[best] ?? 0) - time)) best = place;
  });
  return best;
}
