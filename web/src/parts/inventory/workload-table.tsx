/** What was there, one row each; a row opens its card. */
import type { InventoryView, WorkloadView } from '@countersign/contract';
import { durationText } from '../../data/duration.ts';
import type { InventoryAsked, InventoryFilter } from '../../data/inventory-query.ts';
import type { Change } from '../../pages/inventory.tsx';
import { fill, useSpeech } from '../../words/speech.tsx';
import { shorten } from '../machine-value.tsx';
import { Shape } from '../state-badge.tsx';

export interface WorkloadTableProps {
  readonly view: InventoryView;
  readonly asked: InventoryAsked;
  readonly change: Change;
}

export function WorkloadTable({ view, asked, change }: WorkloadTableProps) {
  const { words } = useSpeech();
  return (
    <section className="panel sheet" tabIndex={0} aria-label={words.inventory.tableLabel}>
      <table className="data lines inventory">
        <thead>
          <tr>
            {asked.kind === '' && <th scope="col">{words.inventory.kind}</th>}
            <th scope="col">{words.inventory.name}</th>
            <th scope="col">{words.inventory.place}</th>
            <th scope="col">{words.inventory.application}</th>
            <th scope="col">{words.inventory.life}</th>
          </tr>
        </thead>
        <tbody>
          {view.workloads.map((one) => (
            <Row key={`${one.kind} ${one.id}`} one={one} asked={asked} change={change} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Row({ one, asked, change }: Omit<WorkloadTableProps, 'view'> & { readonly one: WorkloadView }) {
  const { words } = useSpeech();
  const { kind, id, name, namespace, host, cluster, application } = one;
  const isChosen = asked.card?.kind === kind && asked.card.id === id;
  const only = (filter: InventoryFilter, value: string) =>
    value !== '' &&
    asked.filters[filter] !== value && (
      <button
        type="button"
        className="plain machine"
        title={value}
        onClick={() => change({ filters: { ...asked.filters, [filter]: value } })}
      >
        {shorten(value)}
      </button>
    );
  return (
    <tr aria-selected={isChosen} className={isChosen ? 'chosen' : ''}>
      {asked.kind === '' && <td className="small quiet">{words.inventory.kind1[kind]}</td>}
      <td>
        <button type="button" className="plain" title={id} onClick={() => change({ card: { kind, id } })}>
          {shorten(name === '' ? id : name)}
        </button>
      </td>
      <td className="places">
        {only('namespace', kind === 'namespace' ? '' : namespace)}
        {only('host', kind === 'host' ? '' : host)}
        {only('cluster', cluster)}
      </td>
      <td>{only('application', application)}</td>
      <td>
        <Life one={one} />
      </td>
    </tr>
  );
}

/** From when to when, and how long; a shape and a word tell whether it is there. */
export function Life({ one: { firstAt, lastAt, endedAt, state } }: { readonly one: WorkloadView }) {
  const { words, brief, language } = useSpeech();
  const until = endedAt ?? lastAt;
  const ms = Date.parse(until) - Date.parse(firstAt);
  const meaning = state === 'running' ? 'fine' : 'note';
  return (
    <span className="life">
      <span className={`badge ${meaning}`}>
        <Shape meaning={meaning} />
        {words.inventory.states[state]}
      </span>
      <span className="small number" title={`${firstAt} – ${until}`}>
        {state === 'running'
          ? fill(words.inventory.since, { first: brief(firstAt) })
          : fill(words.inventory.between, { first: brief(firstAt), last: brief(until) })}
        {' · '}
        {durationText(Math.max(ms, 0), language)}
      </span>
    </span>
  );
}
