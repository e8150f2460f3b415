/** The map: lines of both ends go in, a graph comes out. */
import { describe, expect, it } from 'vitest';
import { AddressDirectory } from '../address-directory.ts';
import type { LineEnd } from '../connections/line-end.ts';
import { drawGraph, type MapLevel, OTHER_EXTERNALS } from './graph.ts';

const WEB = { host: 'node-1', application: 'shop/deployment/web', container: 'w1', process: 'nginx' };
const API = { host: 'node-2', application: 'shop/deployment/api', container: 'a1', process: 'java' };

function end(changes: Partial<LineEnd>): LineEnd {
  return {
    ...WEB,
    scope: '',
    direction: 'out',
    protocol: 'tcp',
    localIp: '10.0.0.1',
    remoteIp: '10.0.0.2',
    remoteName: '',
    port: 8080,
    opened: 1,
    failed: 0,
    sentBytes: 100,
    receivedBytes: 1_000,
    retransmits: 0,
    firstMs: 1,
    lastMs: 2,
    ...changes,
  };
}

/** Both halves of one connection from the web to the API. */
const calls = [
  end({}),
  end({ ...API, direction: 'in', localIp: '10.0.0.2', remoteIp: '10.0.0.1', sentBytes: 1_000, receivedBytes: 100 }),
];

function lines(ends: readonly LineEnd[], level: MapLevel = 'application'): readonly string[] {
  const graph = drawGraph(ends, { level, mostExternals: 100 });
  const name = (id: string) => graph.nodes.find((node) => node.id === id)?.name;
  return graph.edges.map(
    ({ source, target, ports, sentBytes, receivedBytes }) =>
      `${name(source)} → ${name(target)} ${ports.join(' ')} ${sentBytes}/${receivedBytes}`,
  );
}

describe('who talks to whom', () => {
  it('a connection that both ends tell is one line, with the bytes once', () => {
    expect(lines(calls)).toEqual(['web → api 8080/tcp 100/1000']);
    expect(lines(calls.toReversed())).toEqual(['web → api 8080/tcp 100/1000']);
  });

  it.each<[MapLevel, string]>([
    ['namespace', 'shop → shop'],
    ['host', 'node-1 → node-2'],
    ['container', 'w1 → a1'],
    ['process', 'nginx → java'],
  ])('at the level of the %s', (level, line) => {
    expect(lines(calls, level)).toEqual([`${line} 8080/tcp 100/1000`]);
  });

  it('who is called by a stranger has a line from outside, in the direction of the call', () => {
    expect(lines([end({ direction: 'in', port: 443, remoteIp: '198.51.100.7' })])).toEqual([
      '198.51.100.7 → web 443/tcp 1000/100',
    ]);
  });

  it('an address outside has the name by which it was looked up', () => {
    expect(lines([end({ remoteIp: '203.0.113.9', remoteName: 'api.example.com', port: 443 })])).toEqual([
      'web → api.example.com 443/tcp 100/1000',
    ]);
  });

  it('addresses of one network are one node, which tells them busiest first; a name that was looked up says more', () => {
    const many = Array.from({ length: 100 }, (_, index) => end({ remoteIp: `203.0.113.${index}`, sentBytes: index }));
    const looked = end({ remoteIp: '203.0.113.200', remoteName: 'api.example.com' });
    const networkOf = (ip: string) => (ip.startsWith('203.0.113.') ? 'AWS eu-west-1 (S3)' : '');
    const other = end({ remoteIp: '198.51.100.1' });
    const graph = drawGraph([...many, looked, other], { level: 'application', mostExternals: 10, networkOf });
    const outside = graph.nodes.filter(({ kind }) => kind === 'external').map(({ name }) => name);
    expect(outside.toSorted()).toEqual(['198.51.100.1', 'AWS eu-west-1 (S3)', 'api.example.com']);
    const line = graph.edges.find(({ target }) => target === 'external:AWS eu-west-1 (S3)');
    expect(line).toMatchObject({ opened: 100, addressCount: 100 });
    expect(line?.addresses.slice(0, 2)).toEqual(['203.0.113.99', '203.0.113.98']);
    expect(line?.addresses).toHaveLength(20);
    expect(drawGraph(calls, { level: 'application', mostExternals: 10 }).edges[0]?.addressCount).toBe(0);
  });

  describe('in a cluster', () => {
    const cluster = { cluster: 'prod', namespace: 'shop', firstMs: 0, lastMs: 10, endedMs: null } as const;
    const pod = (name: string, ip: string) => ({
      ...cluster,
      ...({ kind: 'pod', id: `${name}-id`, name, application: `shop/deployment/${name}`, host: 'node-9' } as const),
      addresses: [ip],
      facts: {},
    });
    const service = (name: string, ip: string, application: string, targets: string) => ({
      ...cluster,
      ...({ kind: 'service', id: `${name}-service`, name, application, host: '' } as const),
      addresses: [ip],
      facts: { targets },
    });
    const directory = new AddressDirectory([
      pod('cache', '10.244.0.7'),
      service('api', '10.96.0.20', API.application, '80/tcp:8080'),
      service('named', '10.96.0.21', API.application, '81/tcp:http'),
      { ...pod('node-9', '10.0.9.9'), kind: 'node', application: '' },
      { ...pod('node-9', '10.0.9.9'), kind: 'host', cluster: '', namespace: '', application: '' },
    ]);
    const draw = (ends: readonly LineEnd[], level: MapLevel = 'application') => {
      const graph = drawGraph(ends, { level, mostExternals: 10, directory });
      const name = (id: string) => graph.nodes.find((node) => node.id === id)?.name;
      return graph.edges.map(
        ({ source, target, ports, sentBytes, receivedBytes }) =>
          `${name(source)} → ${name(target)} ${ports.join(' ')} ${sentBytes}/${receivedBytes}`,
      );
    };
    /** From the web to the API by its service: the called pod knows the caller and its own port only. */
    const through = [
      end({ remoteIp: '10.96.0.20', port: 80 }),
      end({ ...API, direction: 'in', localIp: '10.0.0.2', remoteIp: '10.0.0.1', sentBytes: 1_000, receivedBytes: 100 }),
    ];

    it('a line to a service is drawn to its workload, once', () => {
      expect(draw(through)).toEqual(['web → api 80/tcp 100/1000']);
      expect(draw(through.toReversed())).toEqual(['web → api 80/tcp 100/1000']);
      expect(draw(through.slice(0, 1))).toEqual(['web → api 80/tcp 100/1000']);
      expect(draw(through, 'namespace')).toEqual(['shop → shop 80/tcp 100/1000']);
    });

    it('below workloads to the container, process or host that was called', () => {
      expect(draw(through, 'container')).toEqual(['w1 → a1 8080/tcp 100/1000']);
      expect(draw(through, 'process')).toEqual(['nginx → java 8080/tcp 100/1000']);
      expect(draw(through, 'host')).toEqual(['node-1 → node-2 8080/tcp 100/1000']);
      expect(draw(through.slice(0, 1), 'container')).toEqual(['w1 → api 80/tcp 100/1000']);
    });

    it('also when the service leads to a port by its name; what came to another port of the pod is counted beside it', () => {
      const [out, into] = through as [LineEnd, LineEnd];
      expect(draw([{ ...out, remoteIp: '10.96.0.21', port: 81 }, into])).toEqual(['web → api 81/tcp 100/1000']);
      expect(draw([out, { ...into, port: 9_090 }])).toEqual(['web → api 80/tcp 9090/tcp 200/2000']);
    });

    it('pods and nodes are known where no agent runs, as callers and as called', () => {
      expect(draw([end({ remoteIp: '10.244.0.7', port: 6_379 })])).toEqual(['web → cache 6379/tcp 100/1000']);
      const called = end({ direction: 'in', remoteIp: '10.244.0.7', port: 443 });
      expect(draw([called])).toEqual(['cache → web 443/tcp 1000/100']);
      expect(draw([called], 'host')).toEqual(['node-9 → node-1 443/tcp 1000/100']);
      expect(draw([end({ direction: 'in', remoteIp: '10.0.9.9' })])).toEqual(['node-9 → web 8080/tcp 1000/100']);
      expect(draw([end({ remoteIp: '10.244.0.8' })])).toEqual(['web → 10.244.0.8 8080/tcp 100/1000']);
    });
  });

  it('the same address in another network is somebody else', () => {
    const [out, into] = calls as [LineEnd, LineEnd];
    expect(lines([{ ...out, scope: 'vpc-b' }, into])).toEqual([
      'web → 10.0.0.2 8080/tcp 100/1000',
      '10.0.0.1 → api 8080/tcp 100/1000',
    ]);
  });

  it('hosts whose containers have the same inner addresses each keep their own', () => {
    const inner = { localIp: '172.17.0.2', remoteIp: '172.17.0.3' };
    const back = { direction: 'in', localIp: inner.remoteIp, remoteIp: inner.localIp } as const;
    const onOther = { host: 'node-9', application: 'bank/deployment/web' };
    const both = [
      end({ ...inner }),
      end({ ...API, host: 'node-1', ...back, sentBytes: 1_000, receivedBytes: 100 }),
      end({ ...inner, ...onOther, sentBytes: 7 }),
      end({ ...back, ...onOther, application: 'bank/deployment/ledger', sentBytes: 1_000, receivedBytes: 7 }),
    ];
    for (const ends of [both, both.toReversed()])
      expect(lines(ends).toSorted()).toEqual(['web → api 8080/tcp 100/1000', 'web → ledger 8080/tcp 7/1000']);
  });

  it('where addresses are translated on the way, each half leads to what its own end saw', () => {
    const out = end({ remoteIp: '192.0.2.254', port: 80 });
    const into = { ...API, direction: 'in', localIp: '10.0.0.2', sentBytes: 1_000, receivedBytes: 100 } as const;
    // A published port: the called end sees the true caller.
    expect(lines([out, end({ ...into, remoteIp: '10.0.0.1' })])).toEqual([
      'web → 192.0.2.254 80/tcp 100/1000',
      'web → api 8080/tcp 100/1000',
    ]);
    // Masqueraded too: the translating address stands between.
    expect(lines([out, end({ ...into, remoteIp: '192.0.2.254' })])).toEqual([
      'web → 192.0.2.254 80/tcp 100/1000',
      '192.0.2.254 → api 8080/tcp 100/1000',
    ]);
  });

  it('an address of ours that nobody was seen to answer at is its only user’s, or its host’s', () => {
    const api = end({ ...API, localIp: '10.0.0.2', remoteIp: '203.0.113.1', port: 53, protocol: 'udp' });
    expect(lines([end({ failed: 1 }), api])[0]).toBe('web → api 8080/tcp 100/1000');
    const other = { ...api, application: 'shop/deployment/cache' };
    expect(lines([end({}), api, other])[0]).toBe('web → node-2 8080/tcp 100/1000');
  });

  it('too many addresses outside become one, and how many is said', () => {
    const many = Array.from({ length: 50 }, (_, index) => end({ remoteIp: `203.0.113.${index}`, sentBytes: index }));
    const graph = drawGraph(many, { level: 'application', mostExternals: 10 });
    expect(graph.nodes).toHaveLength(12);
    expect(graph.externalsGrouped).toBe(40);
    const others = graph.edges.find(({ target }) => target === OTHER_EXTERNALS);
    expect(others).toMatchObject({ opened: 40, sentBytes: (39 * 40) / 2 });
    expect(graph.edges.reduce((sum, { sentBytes }) => sum + sentBytes, 0)).toBe((49 * 50) / 2);
  });
});
