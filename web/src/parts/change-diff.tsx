/** A change as lines: what was before in red with a minus, what is after in green with a plus, where the event tells. */
import type { FindingView } from '@countersign/contract';
import { useSpeech } from '../words/speech.tsx';

const MOST_LINES = 400;

export interface DiffLine {
  readonly mark: ' ' | '+' | '-';
  readonly text: string;
}

/** Longest common subsequence over lines; values of events are small, larger ones are shown whole. */
export function diffLines(before: readonly string[], after: readonly string[]): readonly DiffLine[] {
  if (before.length * after.length > MOST_LINES * MOST_LINES) {
    return [
      ...before.map((text) => ({ mark: '-', text }) as const),
      ...after.map((text) => ({ mark: '+', text }) as const),
    ];
  }
  const lengths = Array.from({ length: before.length + 1 }, () => Array.from({ length: after.length + 1 }, () => 0));
  for (let row = before.length - 1; row >= 0; row -= 1) {
    for (let column = after.length - 1; column >= 0; column -= 1) {
      const same = before[row] === after[column];
      const down = lengths[row + 1]?.[column] ?? 0;
      const right = lengths[row]?.[column + 1] ?? 0;
      const line = lengths[row];
      if (line !== undefined) line[column] = same ? (lengths[row + 1]?.[column + 1] ?? 0) + 1 : Math.max(down, right);
    }
  }
  return walk(before, after, lengths);
}

function walk(
  before: readonly string[],
  after: readonly string[],
  lengths: readonly (readonly number[])[],
): DiffLine[] {
  const lines: DiffLine[] = [];
  let row = 0;
  let column = 0;
  while (row < before.length || column < after.length) {
    const old = before[row];
    const fresh = after[column];
    if (old !== undefined && old === fresh) {
      lines.push({ mark: ' ', text: old });
      row += 1;
      column += 1;
    } else if (
      fresh !== undefined &&
      (old === undefined || (lengths[row]?.[column + 1] ?? 0) >= (lengths[row + 1]?.[column] ?? 0))
    ) {
      lines.push({ mark: '+', text: fresh });
      column += 1;
    } else if (old !== undefined) {
      lines.push({ mark: '-', text: old });
      row += 1;
    }
  }
  return lines;
}

export function linesOf(value: unknown): readonly string[] {
  if (value === null || value === undefined) return [];
  return JSON.stringify(value, null, 2).split('\n').slice(0, MOST_LINES);
}

export function ChangeDiff({ finding }: { readonly finding: FindingView }) {
  const { words } = useSpeech();
  const { before, after, request } = finding.change;
  const shown =
    before !== null
      ? diffLines(linesOf(before), linesOf(after))
      : linesOf(request).map((text) => ({ mark: '+', text }) as const);
  if (shown.length === 0) return <p className="quiet">{words.common.none}</p>;
  return (
    <pre className="diff" tabIndex={0} aria-label={before !== null ? words.case.change : words.case.request}>
      {shown.map(({ mark, text }, index) => (
        <div key={index} className={mark === '+' ? 'added' : mark === '-' ? 'removed' : ''}>
          {mark} {text}
        </div>
      ))}
    </pre>
  );
}
