/** In whose hands a case is: who acknowledged it, who was handed it, who was called in, which case goes on for it. */
import type { CaseDetail } from '@countersign/contract';
import { Link } from 'react-router';
import { needsResponder } from '../state-badge.tsx';
import { fill, useSpeech } from '../../words/speech.tsx';

export function Hands({ detail }: { readonly detail: CaseDetail }) {
  const { words, list } = useSpeech();
  const { acknowledgedBy, assigned, responders, mergedInto, summary, escalation } = detail;
  const names = (people: readonly { readonly name: string }[]) => list(people.map(({ name }) => name));
  const facts = [
    ...(summary.state === 'paged' ? [words.responding.nobody] : []),
    ...(acknowledgedBy === null ? [] : [fill(words.responding.acknowledgedBy, { name: acknowledgedBy.name })]),
    ...(assigned.length === 0 ? [] : [fill(words.responding.assigned, { names: names(assigned) })]),
    ...(responders.length === 0 ? [] : [fill(words.responding.responders, { names: names(responders) })]),
    ...(needsResponder(summary.state) && escalation !== null
      ? [fill(words.responding.ladder, { name: escalation })]
      : []),
  ];
  if (facts.length === 0 && mergedInto === null) return null;
  return (
    <p className="row small">
      {facts.map((fact) => (
        <span key={fact}>{fact}</span>
      ))}
      {mergedInto !== null && <Link to={`/cases/${mergedInto}`}>{words.responding.mergedInto}</Link>}
    </p>
  );
}
