/** How much was done when, stacked by kind. A bar can be pressed: the page then shows its time. */
import type { ActivityHistogram, ActivityKind } from '@countersign/contract';
import { useSpeech } from '../../words/speech.tsx';

const WIDTH = 1_000;
const HEIGHT = 90;
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

export function Histogram({
  view,
  choose,
}: {
  readonly view: ActivityHistogram;
  readonly choose: (fromMs: number, toMs: number) => void;
}) {
  const { words, number, absolute } = useSpeech();
  const fromMs = Date.parse(view.from);
  const spanMs = Date.parse(view.to) - fromMs;
  const stacks = new Map<string, { kind: ActivityKind; count: number }[]>();
  for (const { at, kind, count } of view.bars) stacks.set(at, [...(stacks.get(at) ?? []), { kind, count }]);
  const total = view.bars.reduce((sum, { count }) => sum + count, 0);
  const sums = [...stacks.values()].map((stack) => stack.reduce((sum, { count }) => sum + count, 0));
  const most = Math.max(1, ...sums);
  const width = Math.max(2, (view.stepMs / spanMs) * WIDTH - 1);
  return (
    <figure className="histogram">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={words.activity.histogram}
      >
        {[...stacks].map(([at, stack]) => {
          const x = Math.max(0, ((Date.parse(at) - fromMs) / spanMs) * WIDTH);
          let top = HEIGHT;
          return (
            // A picture of the table below, which says the same: the keyboard reaches that.
            <g key={at} onClick={() => choose(Date.parse(at), Date.parse(at) + view.stepMs)}>
              {stack.map(({ kind, count }) => {
                const height = Math.max(1, (count / most) * HEIGHT);
                top -= height;
                return <rect key={kind} x={x} y={Math.max(0, top)} width={width} height={height} fill={TONES[kind]} />;
              })}
              <title>{`${absolute(at)}: ${number(stack.reduce((sum, { count }) => sum + count, 0))}`}</title>
            </g>
          );
        })}
      </svg>
      <figcaption className="row between quiet small number">
        <span>{absolute(view.from)}</span>
        <span>{number(total)}</span>
        <span>{absolute(view.to)}</span>
      </figcaption>
    </figure>
  );
}
