/** Connections of a host as its sensor tells them: each byte counted once, under whoever it was, with names that come late. */
import { describe, expect, it } from 'vitest';
import { createHostRollUp } from './host-roll-up.ts';
import { SensorStream } from './sources/sensor/stream.ts';
import { toldBlock } from './sources/sensor/recording/told-block.ts';

const ID = 'c0ffee'.padEnd(64, '0');
const SHORT_ID = ID.slice(0, 12);

function host() {
  const machine = { facts: () => null, startOf: () => null };
  const rollUp = createHostRollUp({ host: 'node-1', network: '', groups: [], machine });
  const stream = new SensorStream({ followers: rollUp.followers, onGap: () => undefined, onStart: () => undefined });
  const tell = (atMs: number, name: string, data: unknown) =>
    stream.insert(toldBlock(BigInt(atMs) * 1_000_000n, name, JSON.stringify(data)));
  return {
    lines: (windowMs: number, isLast = false) => rollUp.take(windowMs, { isLast }).lines,
    connection: (atMs: number, changes: Record<string, unknown> = {}) =>
      tell(atMs, 'connection', { ...CONNECTION, ...changes }),
    described: (atMs: number, name: string) =>
      tell(atMs, 'container', { container: { type: 0, id: SHORT_ID, full_id: ID, name } }),
  };
}

const CONNECTION = {
  ...{ pid: 77, comm: 'client', group: '', network: 11, protocol: 'tcp', role: 'client' },
  ...{ local: '127.0.0.1:40000', remote: '127.0.0.1:8080', established: true, error: 0, startedNs: '1000000000' },
  ...{ sentBytes: 100, receivedBytes: 5, retransmits: 0, ended: false },
};

describe('the connections of a host', () => {
  it('that last are counted once, whatever became of their process', () => {
    const { connection, lines } = host();
    connection(2_000);
    expect(lines(10_000)).toMatchObject([{ process: 'client', opened: 1, live: 1, sentBytes: 100, firstMs: 1_000 }]);
    // The process is another one by now, or another program.
    connection(12_000, { comm: 'renamed', sentBytes: 130 });
    expect(lines(20_000)).toMatchObject([{ process: 'client', opened: 0, live: 1, sentBytes: 30, firstMs: 10_000 }]);
    connection(22_000, { comm: 'again', sentBytes: 150, ended: true });
    expect(lines(30_000)).toMatchObject([{ process: 'client', opened: 0, live: 0, sentBytes: 20 }]);
  });

  it('that are told no more are over', () => {
    const { connection, lines } = host();
    connection(2_000);
    lines(10_000);
    expect(lines(140_000)).toEqual([]);
    expect(lines(160_000)).toMatchObject([{ live: 0, sentBytes: 0 }]);
    connection(161_000, { startedNs: '160000000000', sentBytes: 7 });
    expect(lines(170_000)).toMatchObject([{ opened: 1, sentBytes: 7 }]);
  });

  it('over loopback are told apart by the network namespace, not by the container', () => {
    const { connection, lines } = host();
    connection(2_000, { ended: true });
    connection(2_000, { ended: true, network: 12 });
    connection(2_000, {
      ended: true,
      comm: 'server',
      role: 'server',
      local: '127.0.0.1:8080',
      remote: '127.0.0.1:40000',
    });
    expect(new Set(lines(10_000).map(({ process, scope }) => `${process} ${scope}`))).toEqual(
      new Set(['client node-1/net-11', 'client node-1/net-12', 'server node-1/net-11']),
    );
  });

  it('of a container wait for its name for one window, and go by its id without one', () => {
    const { connection, described, lines } = host();
    connection(2_000, { group: ID });
    expect(lines(10_000)).toEqual([]);
    described(11_000, 'shop-web');
    connection(12_000, { group: ID, sentBytes: 110, ended: true });
    expect(lines(20_000)).toMatchObject([
      { application: 'container/shop-web', container: ID, windowMs: 10_000, sentBytes: 100 },
      { application: 'container/shop-web', container: ID, windowMs: 20_000, sentBytes: 10 },
    ]);
    const other = 'decade'.padEnd(64, '1');
    connection(21_000, { group: other, ended: true, startedNs: '21000000000' });
    expect(lines(30_000)).toEqual([]);
    expect(lines(40_000)).toMatchObject([
      { application: 'container/decade111111', container: other, windowMs: 30_000 },
    ]);
    connection(41_000, { group: 'facade'.padEnd(64, '2'), ended: true, startedNs: '41000000000' });
    expect(lines(50_000, true)).toMatchObject([{ application: 'container/facade222222' }]);
  });
});
