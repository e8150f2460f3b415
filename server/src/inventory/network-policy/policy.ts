/**
 * Network policies from what was seen: for each application of a namespace one that allows what it did, and nothing else. Pure, and the same
 * for the same lines in any order.
 *
 * The surprise: what cannot be said exactly is not said at all, but told in a comment. A policy that is too narrow is found out in a trial, one
 * that is too wide never.
 */
import { Document, type YAMLMap } from 'yaml';
import { AddressDirectory } from '../address-directory.ts';
import type { LineEnd } from '../connections/line-end.ts';
import type { KnownWorkload } from '../store.ts';
import { type Flow, type Peer, sightOf, type Unsaid, usesHostNetwork } from './seen.ts';
import { grouped, type Target, targetsOf } from './selector.ts';

export interface PolicyQuestion {
  readonly ends: readonly LineEnd[];
  /** Everything with an address, and every pod, that was there in the time. */
  readonly workloads: readonly KnownWorkload[];
  /** What is left out chooses all. */
  readonly chosen: { readonly cluster?: string; readonly namespace?: string; readonly application?: string };
  readonly networkOf: (ip: string) => string;
  readonly from: string;
  readonly to: string;
  /** There were more lines than were read. */
  readonly isCut: boolean;
}

const MOST_POLICIES = 500;
const MOST_NOTES = 50;
/** An object of more than about a megabyte is refused by the cluster. */
const MOST_BLOCKS = 1_000;

/** YAML of `networking.k8s.io/v1`, one document a policy. */
export function networkPolicies(question: PolicyQuestion): string {
  const { workloads, chosen, from, to, isCut } = question;
  const targets = targetsOf(workloads.filter(({ kind }) => kind === 'pod'));
  const sight = sightOf(question.ends, { ...question, targets, directory: new AddressDirectory(workloads) });
  const wanted = targets
    .filter(
      ({ cluster, namespace, application }) =>
        (chosen.cluster ?? cluster) === cluster &&
        (chosen.namespace ?? namespace) === namespace &&
        (chosen.application ?? application) === application,
    )
    .toSorted((one, other) => (orderOf(one) < orderOf(other) ? -1 : 1));
  const head = [
    `What was seen from ${from} to ${to} is allowed, and nothing else. Try it before it is enforced: what happens once a month`,
    'may not have happened in this time.',
    ...(isCut ? ['There was more than could be read: lines with the fewest bytes are missing.'] : []),
    ...(wanted.length > MOST_POLICIES
      ? [`These are the first ${MOST_POLICIES} of ${wanted.length} applications.`]
      : []),
    ...(wanted.length === 0 ? ['No pods are known of what was asked for: is its cluster followed (clusters)?'] : []),
  ];
  const documents = wanted.slice(0, MOST_POLICIES).map((target) => policyText(target, sight));
  return [comment(head), ...documents].join('---\n');
}

function orderOf({ cluster, namespace, application }: Target): string {
  return JSON.stringify([cluster, namespace, application]);
}

function policyText(
  target: Target,
  sight: { readonly flows: readonly Flow[]; readonly unsaid: readonly Unsaid[] },
): string {
  const title = `${target.application} in ${target.namespace}${target.cluster === '' ? '' : ` of ${target.cluster}`}`;
  const hidden = usesHostNetwork(target)
    ? 'its pods use the network of their node, which no policy reaches'
    : target.problem;
  if (hidden !== '' || target.labels === null) return comment([`${title}: no policy, since ${hidden}.`]);
  const notes = new Set(
    sight.unsaid.filter((one) => one.target === target).map(({ reason }) => `not allowed: ${reason}`),
  );
  const incoming = new Side(notes, 'from');
  const outgoing = new Side(notes, 'to');
  for (const flow of sight.flows) {
    if (isOf(flow.to, target)) incoming.add(flow.from, flow, target);
    if (isOf(flow.from, target)) outgoing.add(flow.to, flow, target);
  }
  const document = new Document({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: policyName(target.application), namespace: target.namespace },
    spec: {
      podSelector: { matchLabels: target.labels },
      policyTypes: ['Ingress', 'Egress'],
    },
  });
  const spec = document.get('spec') as YAMLMap;
  spec.set('ingress', incoming.rules(document));
  spec.set('egress', outgoing.rules(document));
  const sorted = [...notes].toSorted();
  const more = sorted.length > MOST_NOTES ? [`… and ${sorted.length - MOST_NOTES} more that cannot be said`] : [];
  return `${comment([title, ...sorted.slice(0, MOST_NOTES), ...more])}${document.toString({ lineWidth: 0 })}`;
}

function isOf(peer: Peer, target: Target): boolean {
  return peer.type === 'pods' && peer.target === target;
}

/** `countersign-deployment-web`: a name as Kubernetes takes it. */
function policyName(application: string): string {
  const name = application.split('/').slice(-2).join('-').toLowerCase();
  const allowed = name.replace(/[^a-z0-9]+/g, '-').slice(0, LONGEST_NAME);
  return `countersign-${allowed}`.replace(/-+$/, '');
}

const LONGEST_NAME = 200;

interface Selected {
  readonly peer: Readonly<Record<string, unknown>>;
  /** Beside it, for people. */
  readonly name: string;
  readonly ports: Set<string>;
}

/** One direction of one policy: peers with the ports that they used. */
class Side {
  readonly #peers = new Map<string, Selected>();
  readonly #notes: Set<string>;
  readonly #word: 'from' | 'to';

  constructor(notes: Set<string>, word: 'from' | 'to') {
    this.#notes = notes;
    this.#word = word;
  }

  add(peer: Peer, { protocol, port }: Pick<Flow, 'protocol' | 'port'>, own: Target): void {
    const selected = selectorOf(peer, own);
    if ('problem' in selected) {
      this.#notes.add(`not allowed ${this.#word} ${selected.problem} (${port}/${protocol.toLowerCase()})`);
      return;
    }
    const key = JSON.stringify(selected.peer);
    const known = this.#peers.get(key) ?? { ...selected, ports: new Set() };
    known.ports.add(`${protocol} ${port}`);
    // The name does not hang on which end tells it first.
    const name = known.name === '' || (selected.name !== '' && selected.name < known.name) ? selected.name : known.name;
    this.#peers.set(key, { ...known, name });
  }

  /** Peers with the same ports are one rule. */
  rules(document: Document): unknown {
    const sorted = [...this.#peers]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([, selected]) => selected);
    const blocks = sorted.filter(({ peer }) => 'ipBlock' in peer);
    const left = new Set(blocks.slice(MOST_BLOCKS));
    if (left.size > 0) this.#notes.add(`not allowed ${this.#word} ${left.size} more addresses: there are too many`);
    const byPorts = grouped(
      sorted.filter((one) => !left.has(one)),
      ({ ports }) => [...ports].toSorted(byPort).join(','),
    );
    const rules = [...byPorts]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([ports, peers]) => ({
        [this.#word]: peers.map(({ peer, name }) => {
          const node = document.createNode(peer);
          if (name !== '') node.commentBefore = ` ${oneLine(name)}`;
          return node;
        }),
        ports: ports.split(',').map(portOf),
      }));
    return document.createNode(rules);
  }
}

function selectorOf(peer: Peer, own: Target): Omit<Selected, 'ports'> | { readonly problem: string } {
  switch (peer.type) {
    case 'pods': {
      const { target } = peer;
      // Of another cluster, or on the network of a node: no selector of this one finds them.
      if (target.cluster !== own.cluster || usesHostNetwork(target) || target.labels === null) {
        const reason = target.problem || 'no selector reaches them';
        return { problem: `${target.application} in ${target.namespace}: ${reason}` };
      }
      const podSelector = { matchLabels: target.labels };
      if (target.namespace === own.namespace) return { peer: { podSelector }, name: '' };
      return { peer: { namespaceSelector: inNamespace(target.namespace), podSelector }, name: '' };
    }
    case 'names':
      return {
        peer: {
          namespaceSelector: inNamespace('kube-system'),
          podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
        },
        name: `${peer.ip} was asked for names: taken for those of the cluster`,
      };
    case 'address': {
      const isIpv6 = peer.ip.includes(':');
      return { peer: { ipBlock: { cidr: `${peer.ip}/${isIpv6 ? 128 : 32}` } }, name: peer.name };
    }
  }
}

/** Every namespace has its name as this label since Kubernetes 1.22. */
function inNamespace(name: string) {
  return { matchLabels: { 'kubernetes.io/metadata.name': name } };
}

function byPort(one: string, other: string): number {
  return numberIn(one) - numberIn(other) || (one < other ? -1 : 1);
}

/** Names of ports come last. */
function numberIn(port: string): number {
  const number = Number(port.split(' ')[1]);
  return Number.isNaN(number) ? BEHIND_PORTS : number;
}

function portOf(text: string): { readonly protocol: string; readonly port: number | string } {
  const [protocol = '', port = ''] = text.split(' ');
  return { protocol, port: /^\d+$/.test(port) ? Number(port) : port };
}

function comment(lines: readonly string[]): string {
  return lines.map((line) => `# ${oneLine(line)}\n`).join('');
}

/** Names come from name servers and files: nothing of them is more than a comment. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').slice(0, LONGEST_LINE);
}

const LONGEST_LINE = 300;
const BEHIND_PORTS = 65_536;
