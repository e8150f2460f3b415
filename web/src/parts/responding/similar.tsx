/** Cases like this one, a line each: what they share, and what the answer was then. */
import type { SimilarCase } from '@countersign/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { api } from '../../data/api.ts';
import type { Words } from '../../words/en.ts';
import { fill, useSpeech } from '../../words/speech.tsx';
import { sentenceOf } from '../sentences.ts';
import { needsResponder, StateBadge } from '../state-badge.tsx';
import { Time } from '../time.tsx';

const REFRESH_MS = 60_000;

export function Similar({ caseId, nowMs }: { readonly caseId: string; readonly nowMs: number }) {
  const { words, list } = useSpeech();
  const found = useQuery({
    queryKey: ['similar', caseId],
    queryFn: () => api.similarCases(caseId),
    refetchInterval: REFRESH_MS,
  });
  // What is nice to know must not stand in the way of what must be known.
  if (found.data === undefined || found.data.cases.length === 0) return null;
  return (
    <section className="panel">
      <h2>{words.responding.similar}</h2>
      <ul className="list similar">
        {found.data.cases.map((one) => (
          <li key={one.id}>
            <div className="row between">
              <Link to={`/cases/${one.id}`}>{sentenceOf(one.headline, words)}</Link>
              <StateBadge state={one.state} />
            </div>
            <p className="small">{answerOf(one, words)}</p>
            <p className="small quiet">
              {fill(words.responding.sharedOf, {
                what: list(one.shared.map((part) => words.responding.shared[part])),
              })}
              {' · '}
              <Time iso={one.openedAt} nowMs={nowMs} />
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What was said, and what came of it. */
function answerOf({ answer, resolution, state, cause }: SimilarCase, words: Words): string {
  const said =
    answer === null
      ? cause === 'expired'
        ? [words.responding.unanswered]
        : []
      : [
          fill(answer.answer === 'yes' ? words.responding.saidYes : words.responding.saidNo, { name: answer.by.name }),
          ...(answer.reason === '' ? [] : [answer.reason]),
        ];
  const ended =
    resolution === null
      ? []
      : [
          fill(words.responding.resolvedBy, { name: resolution.by.name }),
          ...(resolution.note === '' ? [] : [resolution.note]),
        ];
  const open =
    state === 'asked' ? [words.responding.stillAsked] : needsResponder(state) ? [words.responding.stillPaged] : [];
  return [...said, ...ended, ...open].join(' · ');
}
