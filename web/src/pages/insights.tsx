/** Insights: how fast questions are answered and pages acknowledged, over which time, by whom or what; and the same as CSV. */
import type { Distribution, Numbers, NumbersBy, NumbersView } from '@countersign/contract';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { api } from '../data/api.ts';
import { Choice } from '../parts/choice.tsx';
import { Fault, Skeleton } from '../parts/loading.tsx';
import { type Speech, fill, useSpeech } from '../words/speech.tsx';

const DAY_MS = 86_400_000;
const SPANS = [7, 28, 90, 365];
const GROUPINGS: readonly NumbersBy[] = ['all', 'team', 'account', 'rule', 'week'];
const MEASURES = ['detect', 'verify', 'acknowledge', 'contain', 'resolve'] as const;

export function InsightsPage() {
  const { words } = useSpeech();
  const [search, setSearch] = useSearchParams();
  const [nowMs] = useState(() => Date.now());
  const days = SPANS.find((span) => String(span) === search.get('days')) ?? 28;
  const by = GROUPINGS.find((grouping) => grouping === search.get('by')) ?? 'all';
  const query = { from: new Date(nowMs - days * DAY_MS).toISOString(), to: new Date(nowMs).toISOString(), by };
  const found = useQuery({ queryKey: ['numbers', query], queryFn: () => api.numbers(query) });
  const choose = (next: { readonly days?: number; readonly by?: NumbersBy }) =>
    setSearch({ days: String(next.days ?? days), by: next.by ?? by });
  return (
    <>
      <div className="row between">
        <h1>{words.insights.title}</h1>
        <a className="button" href={`/api/numbers.csv?${new URLSearchParams(query)}`}>
          {words.insights.csv}
        </a>
      </div>
      <div className="row">
        <Choice
          label={words.insights.span}
          options={SPANS.map((span) => [span, fill(words.insights.days, { count: span })])}
          chosen={days}
          choose={(span) => choose({ days: span })}
        />
        <Choice
          label={words.insights.by}
          options={GROUPINGS.map((grouping) => [grouping, words.insights.groupings[grouping]])}
          chosen={by}
          choose={(grouping) => choose({ by: grouping })}
        />
      </div>
      {found.isPending && <Skeleton lines={6} />}
      {found.isError && <Fault error={found.error} retry={() => void found.refetch()} />}
      {found.data !== undefined && <Sheet view={found.data} />}
      <Formulas />
    </>
  );
}

function Sheet({ view }: { readonly view: NumbersView }) {
  const { words } = useSpeech();
  const [only] = view.groups;
  if (view.groups.length === 0 || (view.by === 'all' && only?.numbers.cases === 0))
    return (
      <section className="panel empty">
        <p>{words.insights.empty}</p>
        <p className="quiet small">{words.insights.emptyMore}</p>
      </section>
    );
  return (
    <>
      {view.cut && <p className="lost">{words.insights.cut}</p>}
      {view.by === 'all' && only !== undefined ? <Overview numbers={only.numbers} /> : <Groups view={view} />}
    </>
  );
}

function Overview({ numbers }: { readonly numbers: Numbers }) {
  const speech = useSpeech();
  const { words, number } = speech;
  const { answers, acknowledge } = numbers;
  return (
    <>
      <div className="tiles">
        {MEASURES.map((measure) => (
          <Tile key={measure} title={words.insights.measures[measure]} distribution={numbers[measure]} />
        ))}
        <section className="panel">
          <h2>{words.insights.betweenFailures}</h2>
          <p className="figure">{span(numbers.betweenFailures, speech)}</p>
        </section>
      </div>
      <div className="columns">
        <section className="panel">
          <h2>{words.insights.answers}</h2>
          <table className="reason-table">
            <tbody>
              {(['confirmed', 'denied', 'expired', 'pagedAtOnce'] as const).map((kind) => (
                <tr key={kind}>
                  <td>{words.insights.answerKinds[kind]}</td>
                  <td>{number(answers[kind])}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
        <section className="panel">
          <h2>{words.insights.pages}</h2>
          <table className="reason-table">
            <tbody>
              <tr>
                <td>{words.insights.paged}</td>
                <td>{number(acknowledge.pages)}</td>
              </tr>
              <tr>
                <td>{words.insights.never}</td>
                <td>{number(acknowledge.never)}</td>
              </tr>
              <tr>
                <td>{words.insights.cases}</td>
                <td>{number(numbers.cases)}</td>
              </tr>
            </tbody>
          </table>
        </section>
      </div>
    </>
  );
}

function Tile({ title, distribution }: { readonly title: string; readonly distribution: Distribution }) {
  const speech = useSpeech();
  const { words, number } = speech;
  return (
    <section className="panel">
      <h2>{title}</h2>
      <p className="figure">{span(distribution.median, speech)}</p>
      <p className="small quiet">
        {words.insights.p90} {span(distribution.p90, speech)} · n {number(distribution.n)}
      </p>
    </section>
  );
}

function Groups({ view }: { readonly view: NumbersView }) {
  const speech = useSpeech();
  const { words, number } = speech;
  return (
    <section className="panel sheet" tabIndex={0} aria-label={words.insights.title}>
      <table className="data">
        <thead>
          <tr>
            <th scope="col">{words.insights.groupings[view.by]}</th>
            <th scope="col">{words.insights.cases}</th>
            <th scope="col">{words.insights.answerKinds.confirmed}</th>
            <th scope="col">{words.insights.answerKinds.denied}</th>
            <th scope="col">{words.insights.answerKinds.expired}</th>
            <th scope="col">{words.insights.never}</th>
            {MEASURES.map((measure) => (
              <th key={measure} scope="col">
                {words.insights.measures[measure]}
                <div className="small quiet">{words.insights.medianP90}</div>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {view.groups.map(({ name, numbers }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{number(numbers.cases)}</td>
              <td>{number(numbers.answers.confirmed)}</td>
              <td>{number(numbers.answers.denied)}</td>
              <td>{number(numbers.answers.expired)}</td>
              <td>{number(numbers.acknowledge.never)}</td>
              {MEASURES.map((measure) => (
                <td key={measure}>
                  {span(numbers[measure].median, speech)}
                  <div className="small quiet">{span(numbers[measure].p90, speech)}</div>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Formulas() {
  const { words } = useSpeech();
  return (
    <details>
      <summary>{words.insights.formulas}</summary>
      <dl className="facts small">
        {words.insights.formulaLines.map(([name, text]) => (
          <div key={name} className="pair">
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

const UNITS: readonly (readonly ['day' | 'hour' | 'minute' | 'second', number])[] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
];

/** A length of time in its two largest units, in the person's language; a dash when there is none. */
function span(seconds: number | null, { language }: Speech): string {
  if (seconds === null) return '–';
  if (seconds < 1)
    return new Intl.NumberFormat(language, { style: 'unit', unit: 'millisecond' }).format(Math.round(seconds * 1_000));
  const first = UNITS.findIndex(([, size]) => seconds >= size);
  const text = (value: number, unit: string) =>
    new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'narrow' }).format(value);
  const [unit, size] = UNITS[first] ?? ['second', 1];
  const whole = Math.floor(seconds / size);
  const next = UNITS[first + 1];
  const rest = next === undefined ? 0 : Math.floor((seconds - whole * size) / next[1]);
  return next === undefined || rest === 0 ? text(whole, unit) : `${text(whole, unit)} ${text(rest, next[0])}`;
}
