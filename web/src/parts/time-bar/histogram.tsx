/**
 * How much was done when, stacked by kind, and where evidence has gaps. Drawing over it shows the time that was drawn over; a bar that is
 * pressed shows its own.
 */
import type { ActivityHistogram, ActivityKind, HostGap } from '@countersign/contract';
import { type PointerEvent, useEffect, useState } from 'react';
import { type Range, rangeBetween } from '../../data/time-range.ts';
import { useSpeech } from '../../words/speech.tsx';

const WIDTH = 1_000;
const HEIGHT = 90;
/** Whoever moves less only pressed. */
const LEAST_PIXELS = 5;
/** A gap of a second in a week is seen as well. */
const LEAST_MARK = 4;
const MARK = 6;
/** From meaning to meaning: commands are ink, files and connections quieter, what changes rights stands out. */
const TONES: Readonly<Record<ActivityKind, string>> = {
  command: 'var(--ink-2)',
  exit: 'var(--line-strong)',
  'file-written': 'var(--accent)',
  'file-read': 'var(--line-strong)',
  'file-removed': 'var(--accent)',
  'file-mode': 'var(--accent)',
  connection: 'var(--fine)',
  listen: 'var(--fine)',
  login: 'var(--ask)',
  privilege: 'var(--ask)',
  module: 'var(--act)',
  signal: 'var(--line-strong)',
  'cloud-call': 'var(--ink-3)',
  'cluster-call': 'var(--ink-3)',
};

export interface HistogramProps {
  /** Undefined: on its way. */
  readonly view: ActivityHistogram | undefined;
  readonly gaps: readonly HostGap[];
  readonly choose: (range: Range) => void;
}

export function Histogram({ view, gaps, choose }: HistogramProps) {
  const { words, number } = useSpeech();
  const brush = useBrush(view, choose);
  const total = view?.bars.reduce((sum, { count }) => sum + count, 0) ?? 0;
  return (
    <figure className="histogram">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={words.activity.histogram}
        {...brush.handlers}
      >
        <defs>
          <pattern id="gap" width="8" height="8" patternUnits="userSpaceOnUse">
            <path d="M0 8 8 0" stroke="var(--ask)" strokeWidth="2" />
          </pattern>
        </defs>
        {view !== undefined && <Marks view={view} gaps={gaps} />}
        {view !== undefined && <Bars view={view} />}
        {brush.drawn !== null && <rect className="brush" height={HEIGHT} {...placed(view, brush.drawn)} />}
      </svg>
      <figcaption className="row between quiet small number">
        <Edge at={view?.from} />
        <span>{number(total)}</span>
        <Edge at={view?.to} />
      </figcaption>
    </figure>
  );
}

function Edge({ at }: { readonly at: string | undefined }) {
  const { brief, absolute } = useSpeech();
  if (at === undefined) return <span>–</span>;
  return (
    <time dateTime={at} title={absolute(at)}>
      {brief(at)}
    </time>
  );
}

function Bars({ view }: { readonly view: ActivityHistogram }) {
  const { words, number, absolute } = useSpeech();
  const stacks = groupByTime(view);
  const sumOf = (stack: ActivityHistogram['bars']) => stack.reduce((sum, { count }) => sum + count, 0);
  const most = Math.max(1, ...[...stacks.values()].map(sumOf));
  return [...stacks].map(([at, stack]) => {
    const { x, width } = placed(view, { fromMs: Date.parse(at), toMs: Date.parse(at) + view.stepMs });
    let top = HEIGHT;
    return (
      // A picture of the table below, which says the same: the keyboard reaches that.
      <g key={at}>
        {stack.map(({ kind, count }) => {
          const height = Math.max(1, (count / most) * HEIGHT);
          top -= height;
          return (
            <rect
              key={kind}
              x={x}
              y={Math.max(0, top)}
              width={Math.max(2, width - 1)}
              height={height}
              fill={TONES[kind]}
            />
          );
        })}
        <title>
          {[`${absolute(at)}: ${number(sumOf(stack))}`]
            .concat(stack.map(({ kind, count }) => `${words.activity.kinds[kind]} ${number(count)}`))
            .join('\n')}
        </title>
      </g>
    );
  });
}

function Marks({ view, gaps }: Pick<HistogramProps, 'gaps'> & { readonly view: ActivityHistogram }) {
  const { words, absolute } = useSpeech();
  return gaps.map((gap) => {
    const { x, width } = placed(view, { fromMs: Date.parse(gap.from), toMs: Date.parse(gap.to) });
    return (
      <g key={`${gap.host} ${gap.class} ${gap.from} ${gap.to}`} className="gap">
        <rect x={x} width={width} height={HEIGHT} fill="url(#gap)" />
        <rect x={x} width={Math.max(LEAST_MARK, width)} height={MARK} fill="var(--ask)" />
        <title>{`${words.activity.gap}: ${gap.host} · ${absolute(gap.from)} – ${absolute(gap.to)}`}</title>
      </g>
    );
  });
}

function groupByTime({ bars }: ActivityHistogram): ReadonlyMap<string, ActivityHistogram['bars']> {
  const stacks = new Map<string, ActivityHistogram['bars']>();
  for (const bar of bars) stacks.set(bar.at, [...(stacks.get(bar.at) ?? []), bar]);
  return stacks;
}

/** Where a time stands in the picture. */
function placed(
  view: ActivityHistogram | undefined,
  { fromMs, toMs }: Range,
): { readonly x: number; readonly width: number } {
  if (view === undefined) return { x: 0, width: 0 };
  const { fromMs: startMs, toMs: endMs } = rangeOfView(view);
  const at = (ms: number) => Math.min(WIDTH, Math.max(0, ((ms - startMs) / (endMs - startMs)) * WIDTH));
  return { x: at(fromMs), width: at(toMs) - at(fromMs) };
}

function rangeOfView({ from, to }: ActivityHistogram): Range {
  return { fromMs: Date.parse(from), toMs: Date.parse(to) };
}

interface Brush {
  /** The picture goes on while somebody draws: what was under the pointer when it began counts. */
  readonly view: ActivityHistogram;
  readonly startX: number;
  readonly startMs: number;
  readonly endMs: number;
}

function useBrush(view: ActivityHistogram | undefined, choose: (range: Range) => void) {
  const [brush, setBrush] = useState<Brush | null>(null);
  const isDrawing = brush !== null;
  useEffect(() => {
    if (!isDrawing) return undefined;
    const giveUp = (event: KeyboardEvent) => event.key === 'Escape' && setBrush(null);
    window.addEventListener('keydown', giveUp);
    return () => window.removeEventListener('keydown', giveUp);
  }, [isDrawing]);
  const handlers = {
    onPointerDown: (event: PointerEvent<SVGSVGElement>) => {
      if (view === undefined || event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      const atMs = timeAt(event, view);
      setBrush({ view, startX: event.clientX, startMs: atMs, endMs: atMs });
    },
    onPointerMove: (event: PointerEvent<SVGSVGElement>) =>
      brush !== null && setBrush({ ...brush, endMs: timeAt(event, brush.view) }),
    onPointerUp: (event: PointerEvent<SVGSVGElement>) => {
      if (brush === null) return;
      setBrush(null);
      const isPress = Math.abs(event.clientX - brush.startX) < LEAST_PIXELS;
      choose(isPress ? stepAt(brush.view, brush.startMs) : rangeBetween(brush.startMs, timeAt(event, brush.view)));
    },
    onPointerCancel: () => setBrush(null),
  };
  return { handlers, drawn: brush === null ? null : rangeBetween(brush.startMs, brush.endMs) };
}

function timeAt(event: PointerEvent<SVGSVGElement>, view: ActivityHistogram): number {
  const { left, width } = event.currentTarget.getBoundingClientRect();
  const { fromMs, toMs } = rangeOfView(view);
  const share = Math.min(1, Math.max(0, (event.clientX - left) / Math.max(1, width)));
  return fromMs + share * (toMs - fromMs);
}

/** The bar that covers a moment. */
function stepAt({ stepMs }: ActivityHistogram, ms: number): Range {
  const fromMs = Math.floor(ms / stepMs) * stepMs;
  return rangeBetween(fromMs, fromMs + stepMs);
}
