/** The map: lines of both ends go in, a graph comes out. */
import { describe, expect, it } from 'vitest';
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

  it('the same address in another network is somebody else', () => {
    const [out, into] = calls as [LineEnd, LineEnd];
    expect(lines([{ ...out, scope: 'vpc-b' }, into])).toEqual([
      'web → 10.0.0.2 8080/tcp 100/1000',
      '10.0.0.1 → api 8080/tcp 100/1000',
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
