/** The map as a table: every line of the picture is a row of it, for whoever cannot or would rather not look at a picture. */
import type { MapEdge } from '@countersign/contract';
import { useState } from 'react';
import { bytesText } from '../../data/bytes.ts';
import { useSpeech } from '../../words/speech.tsx';
import type { Shown } from './fold.ts';
import type { Picked } from './scene.ts';

type Order = 'bytes' | 'failed' | 'source' | 'target' | 'lastAt';

const ROWS_AT_ONCE = 200;
const ORDERS: Readonly<Record<Order, (one: MapEdge, other: MapEdge) => number>> = {
  bytes: (one, other) => other.sentBytes + other.receivedBytes - one.sentBytes - one.receivedBytes,
  failed: (one, other) => other.failed - one.failed,
  source: (one, other) => one.source.localeCompare(other.source),
  target: (one, other) => one.target.localeCompare(other.target),
  lastAt: (one, other) => other.lastAt.localeCompare(one.lastAt),
};

export function MapTable({ shown, choose }: { readonly shown: Shown; readonly choose: (picked: Picked) => void }) {
  const { words, language, number, absolute } = useSpeech();
  const [order, setOrder] = useState<Order>('bytes');
  const [most, setMost] = useState(ROWS_AT_ONCE);
  const names = new Map(shown.nodes.map(({ id, name }) => [id, name]));
  const rows = shown.edges.toSorted(ORDERS[order]);
  const head = (of: Order, text: string) => (
    <th aria-sort={order === of ? (of === 'source' || of === 'target' ? 'ascending' : 'descending') : 'none'}>
      <button type="button" className="plain" onClick={() => setOrder(of)}>
        {text}
      </button>
    </th>
  );
  return (
    <section className="panel sheet" aria-label={words.map.tableLabel} tabIndex={0}>
      <table className="data lines">
        <thead>
          <tr>
            {head('source', words.map.source)}
            {head('target', words.map.target)}
            <th>{words.map.ports}</th>
            {head('bytes', words.map.bytes)}
            {head('failed', words.map.failed)}
            {head('lastAt', words.map.lastSeen)}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, most).map((edge) => (
            <tr key={`${edge.source} ${edge.target}`}>
              <td>
                <button type="button" className="plain" onClick={() => choose({ type: 'node', id: edge.source })}>
                  {names.get(edge.source) ?? edge.source}
                </button>
              </td>
              <td>
                <button type="button" className="plain" onClick={() => choose({ type: 'node', id: edge.target })}>
                  {names.get(edge.target) ?? edge.target}
                </button>
              </td>
              <td className="machine">
                <button type="button" className="plain" onClick={() => choose({ type: 'edge', edge })}>
                  {edge.ports.slice(0, 3).join(' ')}
                </button>
              </td>
              <td className="number">{bytesText(edge.sentBytes + edge.receivedBytes, language)}</td>
              <td className="number">{number(edge.failed)}</td>
              <td className="number">{absolute(edge.lastAt)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > most && (
        <button type="button" className="plain" onClick={() => setMost(most + ROWS_AT_ONCE)}>
          {words.common.more}
        </button>
      )}
    </section>
  );
}
