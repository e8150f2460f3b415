/** The card of one thing: its life, what it belongs to and what it holds, all that is known of it, and the ways from here. */
import type { WorkloadView } from '@countersign/contract';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { api } from '../../data/api.ts';
import { bytesText } from '../../data/bytes.ts';
import { type InventoryAsked, momentOf } from '../../data/inventory-query.ts';
import type { Change } from '../../pages/inventory.tsx';
import { useSpeech } from '../../words/speech.tsx';
import { Fault, Skeleton } from '../loading.tsx';
import { MachineValue } from '../machine-value.tsx';
import { Life } from './workload-table.tsx';

export interface WorkloadCardProps {
  readonly asked: InventoryAsked;
  readonly chosen: NonNullable<InventoryAsked['card']>;
  readonly change: Change;
}

export function WorkloadCard({ asked, chosen, change }: WorkloadCardProps) {
  const { words } = useSpeech();
  const at = momentOf(asked.at);
  const query = new URLSearchParams({ ...chosen, ...(at === null ? {} : { at }) }).toString();
  const found = useQuery({ queryKey: ['workload', query], queryFn: () => api.workload(query) });
  return (
    <aside className="panel map-card workload-card" aria-label={words.inventory.cardLabel}>
      <div className="row between">
        <h2>{words.inventory.kind1[chosen.kind] ?? chosen.kind}</h2>
        <button type="button" className="plain" onClick={() => change({ card: null })}>
          {words.common.close}
        </button>
      </div>
      {found.isPending && <Skeleton lines={6} />}
      {found.isError && <Fault error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && (
        <>
          <p className="map-name">
            <MachineValue value={found.data.workload.name || found.data.workload.id} />
          </p>
          <Life one={found.data.workload} />
          <Ways one={found.data.workload} asked={asked} change={change} />
          <Facts one={found.data.workload} />
          <Relatives title={words.inventory.parents} all={found.data.parents} change={change} />
          <Relatives title={words.inventory.children} all={found.data.children} change={change} />
          {found.data.childrenCut && <p className="quiet small">{words.inventory.childrenCut}</p>}
        </>
      )}
    </aside>
  );
}

/** To what was done there, and to whom it talked, at the same time. */
function Ways({ one, asked, change }: Omit<WorkloadCardProps, 'chosen'> & { readonly one: WorkloadView }) {
  const { words } = useSpeech();
  const { kind, id, host, application } = one;
  const until = asked.at === '' ? {} : { until: asked.at.slice(0, 16) };
  const filter =
    kind === 'container'
      ? `container:${id}`
      : kind === 'host' || kind === 'node'
        ? `host:${host === '' ? id : host}`
        : application === ''
          ? null
          : `application:${application}`;
  const only = (filters: InventoryAsked['filters']) => change({ kind: '', filters, text: '', card: null });
  return (
    <div className="row">
      {filter !== null && (
        <Link className="button" to={`/activity?${new URLSearchParams({ with: filter, ...until })}`}>
          {words.inventory.toActivity}
        </Link>
      )}
      {application !== '' && (
        <Link className="button" to={`/map?${new URLSearchParams({ focus: `workload:${application}`, ...until })}`}>
          {words.inventory.toMap}
        </Link>
      )}
      {host !== '' && (
        <button type="button" className="button" onClick={() => only({ host })}>
          {words.inventory.toHost}
        </button>
      )}
      {application !== '' && (
        <button type="button" className="button" onClick={() => only({ application })}>
          {words.inventory.toApplication}
        </button>
      )}
    </div>
  );
}

function Facts({ one }: { readonly one: WorkloadView }) {
  const { words, absolute, language } = useSpeech();
  const names = words.inventory.facts as Readonly<Record<string, string>>;
  const shown = (name: string, value: string) => (name.endsWith('Bytes') ? bytesText(Number(value), language) : value);
  const texts = [
    [words.inventory.application, one.application],
    [words.inventory.namespace, one.namespace],
    [words.inventory.cluster, one.cluster],
    [words.inventory.host, one.host],
    [words.inventory.addresses, one.addresses.join(' ')],
    ...Object.entries(one.facts).map(([name, value]) => [names[name] ?? name, shown(name, value)] as const),
    [words.inventory.id, one.id],
  ] as const;
  const labels = Object.entries(one.labels).toSorted(([first], [second]) => (first < second ? -1 : 1));
  return (
    <>
      <dl className="facts">
        <Fact name={words.inventory.first}>{absolute(one.firstAt)}</Fact>
        <Fact name={words.inventory.last}>{absolute(one.lastAt)}</Fact>
        {one.endedAt !== null && <Fact name={words.inventory.ended}>{absolute(one.endedAt)}</Fact>}
        {texts.map(
          ([name, value]) =>
            value !== '' && (
              <Fact key={name} name={name}>
                <MachineValue value={value} copy={false} />
              </Fact>
            ),
        )}
      </dl>
      {labels.length > 0 && (
        <>
          <h3>{words.inventory.labels}</h3>
          <ul className="list labels">
            {labels.map(([name, value]) => (
              <li key={name} className="machine small">
                {name}={value}
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function Relatives({
  title,
  all,
  change,
}: {
  readonly title: string;
  readonly all: readonly WorkloadView[];
  readonly change: Change;
}) {
  const { words } = useSpeech();
  if (all.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul className="list map-lines">
        {all.map(({ kind, id, name }) => (
          <li key={`${kind} ${id}`}>
            <button type="button" className="plain" onClick={() => change({ card: { kind, id } })}>
              {name === '' ? id : name}
            </button>
            <span className="quiet small">{words.inventory.kind1[kind]}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd className="number">{children}</dd>
    </>
  );
}
