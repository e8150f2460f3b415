/** In whose hands a case is: who acknowledged it, who was handed it, who was called in, which case goes on for it. */
import type { CaseDetail } from '@countersign/contract';
import { Link } from 'react-router';
import { fill, useSpeech } from '../../words/speech.tsx';

export function Hands({ detail }: { readonly detail: CaseDetail }) {
  const { words, language } = useSpeech();
  const { acknowledgedBy, assigned, responders, mergedInto, summary, escalation } = detail;
  const isOpen = summary.state === 'paged' || summary.state === 'acknowledged';
  const names = (people: readonly { readonly name: string }[]) =>
    new Intl.ListFormat(language, { type: 'conjunction', style: 'narrow' }).format(people.map(({ name }) => name));
  const facts = [
    ...(summary.state === 'paged' ? [words.responding.nobody] : []),
    ...(acknowledgedBy === null ? [] : [fill(words.responding.acknowledgedBy, { name: acknowledgedBy.name })]),
    ...(assigned.length === 0 ? [] : [fill(words.responding.assigned, { names: names(assigned) })]),
    ...(responders.length === 0 ? [] : [fill(words.responding.responders, { names: names(responders) })]),
    ...(isOpen && escalation !== null ? [fill(words.responding.ladder, { name: escalation })] : []),
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
