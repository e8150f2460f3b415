/** One case in a list: risk with its heaviest reasons, what happened, how it stands. */
import type { CaseSummary } from '@countersign/contract';
import { Link } from 'react-router';
import type { Held } from '../data/held.ts';
import { fill, useSpeech } from '../words/speech.tsx';
import { countdown, heaviest, reasonText, sentenceOf } from './sentences.ts';
import { StateBadge } from './state-badge.tsx';
import { Time } from './time.tsx';

export function CaseLine({
  summary,
  nowMs,
  current = false,
  gone = false,
}: {
  readonly summary: CaseSummary;
  readonly nowMs: number;
  readonly current?: boolean;
  /** It was in the list when it was shown, and is no longer. */
  readonly gone?: boolean;
}) {
  const { words } = useSpeech();
  return (
    <Link className="line" to={`/cases/${summary.id}`} data-current={current} data-case={summary.id} data-gone={gone}>
      <span className="risk" aria-label={`${words.case.risk} ${summary.risk}`}>
        {summary.risk}
      </span>
      <span>
        <span className="what">{sentenceOf(summary.headline, words)}</span>
        <span className="reasons">
          {heaviest(summary.reasons, 3).map((reason, index) => (
            <span key={index}>{reasonText(reason, words)}</span>
          ))}
          {summary.findingCount > 1 && <span>{fill(words.cases.changes, { count: summary.findingCount })}</span>}
        </span>
      </span>
      <span className="side">
        {gone ? <span className="badge">{words.cases.gone}</span> : <StateBadge state={summary.state} />}
        {summary.drill && <span className="badge ask">{words.case.drill}</span>}
        <Deadline summary={summary} nowMs={nowMs} />
        <span className="small quiet">
          <Time iso={summary.updatedAt} nowMs={nowMs} />
        </span>
      </span>
    </Link>
  );
}

/** What came meanwhile waits here, above the list and not in it. */
export function Fresh({ held }: { readonly held: Held }) {
  const { words } = useSpeech();
  if (held.waiting === 0) return null;
  return (
    <button type="button" className="fresh" onClick={held.show}>
      {fill(words.cases.fresh, { count: held.waiting })}
    </button>
  );
}

export function Deadline({ summary, nowMs }: { readonly summary: CaseSummary; readonly nowMs: number }) {
  const { words } = useSpeech();
  if (summary.deadlineAt === null) return null;
  const left = countdown(summary.deadlineAt, nowMs);
  const sentence = summary.state === 'asked' ? words.case.deadline : words.case.deadlineAck;
  return <span className="small number">{left === null ? words.case.overdue : fill(sentence, { time: left })}</span>;
}
