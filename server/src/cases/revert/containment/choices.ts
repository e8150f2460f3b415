/**
 * What could be contained of a case: the processes, containers, peers, pods and nodes that its findings name. Pure.
 *
 * The surprise: a process is named by its id and the moment of its deed. Whether it is still the same is for its host to say.
 */
import type { Containment, ContainmentChoices } from '@countersign/contract';
import type { Finding } from '../../../findings/finding.ts';

export type ContainmentChoice = ContainmentChoices['choices'][number];

/** Where we can act: what could not be done is not offered. */
export interface Reach {
  readonly clusters: ReadonlySet<string>;
  /** Those whose agents take orders. */
  readonly hosts: ReadonlySet<string>;
}

const MOST_CHOICES = 12;

export function containmentsOf(findings: readonly Finding[], { clusters, hosts }: Reach): readonly ContainmentChoice[] {
  const choices = new Map<string, ContainmentChoice>();
  for (const finding of findings)
    for (const { wish, about } of choicesOf(finding)) {
      const isReached = ('name' in wish ? clusters : hosts).has(wish.account);
      if (isReached) choices.set(keyOf(wish), { wish, about });
    }
  return [...choices.values()].slice(0, MOST_CHOICES);
}

/** The last deed of a process names it best. */
function keyOf(wish: Containment): string {
  return JSON.stringify('at' in wish ? { ...wish, at: '' } : wish);
}

function choicesOf(finding: Finding): readonly ContainmentChoice[] {
  if (finding.facts.account === null) return [];
  if (finding.facts.source === 'syscall') return onMachine(finding, finding.facts.account);
  return finding.facts.source === 'k8s_audit' ? inCluster(finding, finding.facts.account) : [];
}

function onMachine({ facts, account: named }: Finding, account: string): readonly ContainmentChoice[] {
  const { request } = facts.change;
  const deed = typeof request === 'object' && request !== null ? (request as Readonly<Record<string, unknown>>) : {};
  const text = (name: string) => (typeof deed[name] === 'string' ? deed[name] : null);
  const host = named?.name ?? account;
  const at = new Date(facts.timeMs).toISOString();
  const [id, address] = [text('container'), text('peer')];
  const container = id === null || id === 'host' ? null : (text('containerName') ?? id);
  const choices: ContainmentChoice[] = [];
  const { pid } = deed;
  if (typeof pid === 'number') {
    const about = { host, pid: String(pid), name: facts.service };
    choices.push({ wish: { action: 'StopProcess', account, pid, at }, about });
    if (container !== null)
      choices.push({ wish: { action: 'PauseContainer', account, pid, at }, about: { host, name: container } });
  }
  if (address !== null) choices.push({ wish: { action: 'BlockPeer', account, address }, about: { host, address } });
  return choices;
}

function inCluster({ facts }: Finding, account: string): readonly ContainmentChoice[] {
  return facts.resources.flatMap(({ type, id }): readonly ContainmentChoice[] => {
    const [kind] = type.split('/');
    if (kind === 'nodes' && id !== '')
      return [{ wish: { action: 'CordonNode', account, name: id }, about: { name: id } }];
    const [namespace = '', name = ''] = id.split('/');
    if (kind !== 'pods' || name === '') return [];
    const about = { namespace, name };
    return [
      { wish: { action: 'QuarantinePod', account, ...about }, about },
      { wish: { action: 'DeletePod', account, ...about }, about },
    ];
  });
}
