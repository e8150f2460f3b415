/** A life as a timeline: each entry is one entry of the journal. */
import type { TimelineEntry } from '@countersign/contract';
import { fill, type Speech, useSpeech } from '../words/speech.tsx';
import type { Meaning } from './state-badge.tsx';
import { Time } from './time.tsx';

const MEANINGS: Readonly<Record<string, Meaning>> = {
  'challenge-asked': 'ask',
  'challenge-confirmed': 'fine',
  'challenge-denied': 'act',
  'fraud-reported': 'act',
  escalated: 'act',
  paged: 'act',
  'paged-again': 'act',
  'case-resolved': 'fine',
};

export function Timeline({ entries, nowMs }: { readonly entries: readonly TimelineEntry[]; readonly nowMs: number }) {
  const { words, list } = useSpeech();
  const sentences = words.timeline as Readonly<Record<string, string>>;
  return (
    <section className="panel">
      <h2>{words.case.timeline}</h2>
      <ol className="timeline">
        {entries.map((entry) => (
          <li key={entry.sequence} className={MEANINGS[entry.kind] ?? ''}>
            <div>
              <div>
                {fill(sentences[entry.kind] ?? words.timeline.other, {
                  kind: entry.kind,
                  ...listed(entry.parameters, list, words.common.none),
                })}
              </div>
              <div className="small quiet">
                <Time iso={entry.time} nowMs={nowMs} />
                {entry.actor !== null && ` · ${entry.actor.name}`} · #{entry.sequence}
              </div>
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** Lists as text, and whom a page reached: people by their names, channels where no person stands behind them. */
function listed(
  parameters: TimelineEntry['parameters'],
  list: Speech['list'],
  none: string,
): Readonly<Record<string, unknown>> {
  const textsOf = (value: unknown) => (Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []);
  const reached: readonly string[] = [
    ...new Set(['to', 'people', 'channels'].flatMap((name) => textsOf(parameters[name]))),
  ];
  const entries = Object.entries(parameters).map(([name, value]) =>
    Array.isArray(value) ? [name, list(textsOf(value)) || none] : [name, value],
  );
  return { ...Object.fromEntries(entries), reached: list(reached) || none };
}
