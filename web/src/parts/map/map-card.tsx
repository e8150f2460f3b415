/** The card of what was chosen on the map: a node with its busiest lines, or a line with all that is known of it. */
import type { MapEdge } from '@countersign/contract';
import type { ReactNode } from 'react';
import { bytesText } from '../../data/bytes.ts';
import { fill, useSpeech } from '../../words/speech.tsx';
import { MachineValue } from '../machine-value.tsx';
import { groupName, type Shown, type ShownNode } from './fold.ts';
import type { Picked } from './scene.ts';

const MOST_LINES = 12;

export interface MapCardProps {
  readonly shown: Shown;
  readonly chosen: Picked;
  readonly choose: (picked: Picked | null) => void;
  /** Folds or unfolds a group. */
  readonly toggle: (group: string) => void;
  readonly focus: (id: string) => void;
  /** Of the lines that are shown. */
  readonly span: { readonly from: string; readonly to: string };
}

export function MapCard(props: MapCardProps) {
  const { words } = useSpeech();
  const { shown, chosen, choose } = props;
  const node = chosen.type === 'node' ? shown.nodes.find(({ id }) => id === chosen.id) : undefined;
  if (chosen.type === 'node' && node === undefined) return null;
  return (
    <aside className="panel map-card" aria-label={words.map.cardLabel}>
      <div className="row between">
        <h2>{node === undefined ? words.map.line : words.map.kinds[node.kind]}</h2>
        <button type="button" className="plain" onClick={() => choose(null)}>
          {words.common.close}
        </button>
      </div>
      {node !== undefined && <NodeCard {...props} node={node} />}
      {chosen.type === 'edge' && <EdgeCard {...props} edge={chosen.edge} />}
    </aside>
  );
}

function NodeCard({ node, shown, choose, toggle, focus, span }: MapCardProps & { readonly node: ShownNode }) {
  const { words, language } = useSpeech();
  const lines = shown.edges
    .filter(({ source, target }) => source === node.id || target === node.id)
    .toSorted((one, other) => other.sentBytes + other.receivedBytes - one.sentBytes - one.receivedBytes);
  const names = new Map(shown.nodes.map(({ id, name }) => [id, name]));
  const group = node.kind === 'group' ? node.id.slice('group:'.length) : node.group;
  const policy = policyOf(node);
  return (
    <>
      <p className="map-name">
        <MachineValue value={node.name} />
      </p>
      <dl className="facts">
        {node.group !== '' && <Fact name={words.map.group}>{groupName(node.group)}</Fact>}
        {node.members > 0 && <Fact name={words.map.members}>{node.members}</Fact>}
        <Fact name={words.map.sent}>{bytesText(node.sentBytes, language)}</Fact>
        <Fact name={words.map.received}>{bytesText(node.receivedBytes, language)}</Fact>
        {node.insideBytes > 0 && <Fact name={words.map.inside}>{bytesText(node.insideBytes, language)}</Fact>}
      </dl>
      <div className="row">
        {group !== '' && (
          <button type="button" className="button" onClick={() => toggle(group)}>
            {node.kind === 'group' ? words.map.unfold : words.map.fold}
          </button>
        )}
        <button type="button" className="button" onClick={() => focus(node.id)}>
          {words.map.focus}
        </button>
        {policy !== null && (
          <a
            className="button"
            download="network-policy.yaml"
            title={words.map.policyMore}
            href={`/api/map/network-policy?${new URLSearchParams({ ...policy, ...span })}`}
          >
            {words.map.policy}
          </a>
        )}
      </div>
      <ul className="list map-lines">
        {lines.slice(0, MOST_LINES).map((edge) => (
          <li key={`${edge.source} ${edge.target}`}>
            <button type="button" className="plain" onClick={() => choose({ type: 'edge', edge })}>
              {edge.source === node.id ? `→ ${names.get(edge.target)}` : `← ${names.get(edge.source)}`}
            </button>
            <span className="quiet small number">{bytesText(edge.sentBytes + edge.receivedBytes, language)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

const APPLICATION = /^workload:([^/#›]+\/[^#›]+)$/;
const NAMESPACE = /^(?:group:)?namespace:(.+)$/;

/** For what a network policy can be asked; null for hosts, what is outside, and single containers. */
function policyOf({ id }: ShownNode): Readonly<Record<string, string>> | null {
  const [, application] = APPLICATION.exec(id) ?? [];
  if (application !== undefined) return { application };
  const [, namespace] = NAMESPACE.exec(id) ?? [];
  return namespace === undefined ? null : { namespace };
}

function EdgeCard({ edge, shown, choose }: MapCardProps & { readonly edge: MapEdge }) {
  const { words, language, number, absolute } = useSpeech();
  const nameOf = (id: string) => shown.nodes.find((node) => node.id === id)?.name ?? id;
  const end = (id: string) => (
    <button type="button" className="plain" onClick={() => choose({ type: 'node', id })}>
      {nameOf(id)}
    </button>
  );
  return (
    <dl className="facts">
      <Fact name={words.map.source}>{end(edge.source)}</Fact>
      <Fact name={words.map.target}>{end(edge.target)}</Fact>
      <Fact name={words.map.ports}>
        <span className="machine">{edge.ports.join(' ')}</span>
      </Fact>
      {edge.addresses.length > 0 && (
        <Fact name={words.map.addresses}>
          <span className="machine">{edge.addresses.join(' ')}</span>
          {edge.addressCount > edge.addresses.length &&
            ` ${fill(words.map.moreAddresses, { count: edge.addressCount - edge.addresses.length })}`}
        </Fact>
      )}
      <Fact name={words.map.sent}>{bytesText(edge.sentBytes, language)}</Fact>
      <Fact name={words.map.received}>{bytesText(edge.receivedBytes, language)}</Fact>
      <Fact name={words.map.opened}>{number(edge.opened)}</Fact>
      <Fact name={words.map.failed}>{number(edge.failed)}</Fact>
      <Fact name={words.map.retransmits}>{number(edge.retransmits)}</Fact>
      <Fact name={words.map.firstSeen}>{absolute(edge.firstAt)}</Fact>
      <Fact name={words.map.lastSeen}>{absolute(edge.lastAt)}</Fact>
    </dl>
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
