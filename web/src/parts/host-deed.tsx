/** What was done on a host: the command and where it came from, in rows that a tired person reads; not a request of an API. */
import type { FindingView } from '@countersign/contract';
import { Fragment, type ReactNode } from 'react';
import { Link } from 'react-router';
import { aroundFinding } from '../data/activity-query.ts';
import { useSpeech } from '../words/speech.tsx';
import { FindingValue } from './finding-value.tsx';

const ROWS = ['program', 'directory', 'file', 'peer', 'call', 'arguments'] as const;
/** Who, in words that nobody copies. */
const WHO = ['user', 'login'] as const;

export function HostDeed({ finding }: { readonly finding: FindingView }) {
  const { words } = useSpeech();
  const about = finding.change.request;
  const facts = typeof about === 'object' && about !== null ? (about as Readonly<Record<string, unknown>>) : {};
  const text = (name: string) => (typeof facts[name] === 'string' ? facts[name] : null);
  const command = text('command');
  const ancestors = Array.isArray(facts['startedBy'])
    ? facts['startedBy'].filter((one) => typeof one === 'string')
    : [];
  const isContained = text('container') !== null && text('container') !== 'host';
  const names = isContained ? [text('containerName') ?? text('container'), text('image')] : [];
  const container = names.filter((part) => part !== null);
  const pod = [text('namespace'), text('pod')].filter((part) => part !== null);
  const rows: readonly (readonly [string, ReactNode])[] = [
    ...(ancestors.length === 0 ? [] : [[words.hosts.deed.startedBy, ancestors.join(' ← ')] as const]),
    ...WHO.flatMap((name) => (text(name) === null ? [] : [[words.hosts.deed[name], text(name)] as const])),
    ...(typeof facts['pid'] === 'number'
      ? [[words.hosts.deed.pid, <Process key="pid" finding={finding} pid={facts['pid']} />] as const]
      : []),
    ...ROWS.flatMap((name) => {
      const value = text(name);
      return value === null
        ? []
        : [
            [
              words.hosts.deed[name],
              <FindingValue key={name} name={words.hosts.deed[name]} {...{ finding, value }} />,
            ] as const,
          ];
    }),
    ...(container.length === 0 ? [] : [[words.hosts.deed.container, container.join(' · ')] as const]),
    ...(pod.length === 0 ? [] : [[words.hosts.deed.pod, pod.join('/')] as const]),
  ];
  return (
    <>
      {command !== null && (
        <pre className="shell" tabIndex={0} aria-label={words.hosts.deed.command}>
          {command}
        </pre>
      )}
      <dl className="facts">
        {rows.map(([name, value]) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </Fragment>
        ))}
      </dl>
    </>
  );
}

/** Its number, and a way to it among the processes of its host as they were then. */
function Process({ finding, pid }: { readonly finding: FindingView; readonly pid: number }) {
  const { words } = useSpeech();
  return (
    <span className="row">
      {pid}
      {finding.account !== null && <Link to={aroundFinding(finding, pid)}>{words.activity.tree}</Link>}
    </span>
  );
}
