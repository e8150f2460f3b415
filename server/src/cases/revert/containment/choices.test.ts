/** What is offered to be contained, of what findings name. */
import { describe, expect, test } from 'vitest';
import { sampleFacts, sampleFinding } from '../../../../../test/sample-finding.ts';
import { factsOf } from '../../../sources/syscall/facts.ts';
import { containmentsOf } from './choices.ts';

const everywhere = { clusters: new Set(['shop']), hosts: new Set(['web-1']) };

function onHost(fields: Readonly<Record<string, string | number>>, timeMs = 0) {
  const record = { host: 'web-1', id: 'web-1/1/1', timeMs, fields, matches: [], repeats: 0 };
  return sampleFinding({ facts: factsOf(record), account: null });
}

function inCluster(type: string, id: string) {
  return sampleFinding({ facts: sampleFacts({ source: 'k8s_audit', account: 'shop', resources: [{ type, id }] }) });
}

describe('on a machine', () => {
  test('a process by its id and the moment of its last deed, and with it its container', () => {
    const deeds = [0, 60_000].map((timeMs) => onHost({ 'proc.name': 'sh', 'proc.pid': 4242 }, timeMs));
    expect(containmentsOf(deeds, everywhere)).toEqual([
      {
        wish: { action: 'StopProcess', account: 'web-1', pid: 4242, at: '1970-01-01T00:01:00.000Z' },
        about: { host: 'web-1', pid: '4242', name: 'sh' },
      },
    ]);
    const inside = onHost({ 'proc.name': 'sh', 'proc.pid': 4242, 'container.id': 'abc' });
    expect(containmentsOf([inside], everywhere).map(({ wish }) => wish.action)).toEqual([
      'StopProcess',
      'PauseContainer',
    ]);
    const host = onHost({ 'proc.name': 'sh', 'proc.pid': 4242, 'container.id': 'host' });
    expect(containmentsOf([host], everywhere)).toHaveLength(1);
  });

  test('a peer, but never the machine itself; the same twice is one', () => {
    const calls = (address: string) => onHost({ 'evt.type': 'connect', 'fd.cip': '10.0.0.5', 'fd.sip': address });
    const peer = calls('198.51.100.7');
    expect(containmentsOf([peer, peer, calls('127.0.0.1')], everywhere)).toHaveLength(1);
  });
});

describe('in a cluster', () => {
  test('a pod and a node by their names', () => {
    const actions = containmentsOf([inCluster('pods/exec', 'shop/web-1'), inCluster('nodes', 'node-1')], everywhere);
    expect(actions.map(({ wish }) => wish.action)).toEqual(['QuarantinePod', 'DeletePod', 'CordonNode']);
    expect(containmentsOf([inCluster('pods', 'shop')], everywhere)).toEqual([]);
  });

  test('what we do not reach is not offered', () => {
    expect(containmentsOf([inCluster('nodes', 'node-1')], { ...everywhere, clusters: new Set() })).toEqual([]);
  });
});
