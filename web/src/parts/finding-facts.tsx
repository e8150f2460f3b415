/** The facts of one finding: who, where, when, on what, and what the rule printed. */
import type { FindingView } from '@countersign/contract';
import { Fragment, type ReactNode } from 'react';
import { fill, useSpeech } from '../words/speech.tsx';
import { FindingValue } from './finding-value.tsx';
import { MachineValue } from './machine-value.tsx';
import { shortName } from './sentences.ts';

const MOST_RESOURCES = 8;

export function FindingFacts({ finding, brief = false }: { readonly finding: FindingView; readonly brief?: boolean }) {
  const { words, absolute } = useSpeech();
  const { actor, account, region, resources, sourceIp, errorCode } = finding;
  // Where nothing else can be opened, as beside a question, a value is only copied.
  const value = (name: string, text: string, inActivity: string | null = text) =>
    brief ? <MachineValue value={text} /> : <FindingValue {...{ finding, name, inActivity }} value={text} />;
  const accountText =
    account === null
      ? words.common.none
      : `${account.name}${account.name === account.id ? '' : ` (${account.id})`} · ${account.label}`;
  const rows: readonly (readonly [string, ReactNode])[] = [
    [words.case.time, absolute(finding.time)],
    [
      words.case.actor,
      <span key="actor" className="row">
        {value(words.case.actor, actor.id, shortName(actor.id))}
        {actor.session !== null && value(words.case.actor, actor.session)}
      </span>,
    ],
    [words.case.account, accountText],
    ...(region === null ? [] : [[words.case.region, region] as const]),
    ...(sourceIp === null ? [] : [[words.case.from, value(words.case.from, sourceIp, null)] as const]),
    [
      words.case.resource,
      resources.length === 0
        ? words.common.none
        : resources
            .slice(0, MOST_RESOURCES)
            .map(({ type, id }) => <div key={`${type} ${id}`}>{value(words.case.resource, id)}</div>),
    ],
    [words.case.result, errorCode === null ? words.case.succeeded : fill(words.case.refused, { code: errorCode })],
  ];
  const more: readonly (readonly [string, ReactNode])[] = [
    [words.case.rule, `${finding.rule} · ${finding.priority}`],
    [words.case.techniques, finding.techniques.join(', ') || words.common.none],
    [words.case.output, finding.output],
  ];
  return (
    <dl className="facts">
      {[...rows, ...(brief ? [] : more)].map(([name, value]) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </Fragment>
      ))}
    </dl>
  );
}
