/** Hosts: how much of each is used, how much of it is promised. */
import type { HostCapacity } from '@countersign/contract';
import { useSpeech } from '../../words/speech.tsx';
import { amountText, shareText } from './amounts.ts';

export function HostsTable({ hosts }: { readonly hosts: readonly HostCapacity[] }) {
  const speech = useSpeech();
  const { words, language, number } = speech;
  const of = (amount: number, whole: number | null) =>
    whole === null || whole === 0 ? '–' : shareText(amount / whole, language);
  return (
    <section className="panel sheet" aria-label={words.capacity.hosts} tabIndex={0}>
      <h2>{words.capacity.hosts}</h2>
      <table className="data">
        <thead>
          <tr>
            <th scope="col">{words.capacity.host}</th>
            {(['cpu', 'memory'] as const).map((resource) => (
              <th key={resource} scope="col">
                {words.capacity[resource]}
                <div className="small quiet">
                  {words.capacity.average} · {words.capacity.peak} · {words.capacity.requested}
                </div>
              </th>
            ))}
            <th scope="col">{words.capacity.kills}</th>
          </tr>
        </thead>
        <tbody>
          {hosts.map((host) => (
            <tr key={host.host}>
              <th scope="row">{host.host}</th>
              <td>
                {of(host.cpu, host.processors)} · {of(host.cpuMax, host.processors)} ·{' '}
                {of(host.cpuRequested, host.processors)}
                <div className="small quiet">
                  {words.capacity.processors} {amountText('cpu', host.processors, speech)}
                </div>
              </td>
              <td>
                {of(host.memoryUsed, host.memory)} · {of(host.memoryMax, host.memory)} ·{' '}
                {of(host.memoryRequested, host.memory)}
                <div className="small quiet">{amountText('memory', host.memory, speech)}</div>
              </td>
              <td>{number(host.oomKills)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
