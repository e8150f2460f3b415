/** The table of live connections, held against a plain map. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConnectionDelta, type ConnectionKey, LiveTable } from './live-table.ts';

const BYTES_A_CONNECTION = 200;

describe('the live connections of a host', () => {
  it('tells what came since the last time, once', () => {
    const table = new LiveTable({ most: 10 });
    const number = opened(table, { remotePort: 443 }, 1_000);
    table.add(number, 100, 50, 1_500);
    table.add(number, 1, 0, 2_000);
    expect(told(table)).toMatchObject([
      { remotePort: 443, sentBytes: 101, receivedBytes: 50, firstMs: 1_000, lastMs: 2_000, isNew: true },
    ]);
    expect(told(table)).toEqual([]);
    table.add(number, 7, 0, 3_000);
    expect(told(table)).toMatchObject([{ sentBytes: 7, receivedBytes: 0, firstMs: 1_000, isNew: false }]);
  });

  it('a closed one is told with its end and forgotten, addresses too', () => {
    const table = new LiveTable({ most: 10 });
    const number = opened(table, {}, 1);
    table.close(number, { atMs: 9, hasFailed: true, retransmits: 3 });
    expect(told(table)).toMatchObject([{ isClosed: true, hasFailed: true, retransmits: 3, lastMs: 9 }]);
    expect([table.size, table.addresses.size]).toEqual([0, 0]);
  });

  it('one that lived between two drains is told whole', () => {
    const table = new LiveTable({ most: 10 });
    const number = opened(table, {}, 1);
    table.add(number, 10, 20, 2);
    table.close(number, { atMs: 3 });
    expect(told(table)).toMatchObject([{ isNew: true, isClosed: true, sentBytes: 10, receivedBytes: 20 }]);
  });

  it('the same tuple of another process, direction or protocol is another connection', () => {
    const table = new LiveTable({ most: 10 });
    const numbers = [
      opened(table, {}, 1),
      opened(table, { process: 8 }, 1),
      opened(table, { direction: 'in' }, 1),
      opened(table, { protocol: 'udp' }, 1),
    ];
    expect(new Set(numbers).size).toBe(4);
    expect(opened(table, {}, 2)).toBe(numbers[0]);
  });

  it('when it is full, what is turned away is counted', () => {
    const table = new LiveTable({ most: 1 });
    opened(table, {}, 1);
    expect(table.open(keyOf(table, { remotePort: 2 }), 1)).toBeNull();
    expect(table.turnedAway).toBe(1);
    expect(told(table)).toHaveLength(1);
  });

  it('does what a plain map would do, whatever happens', () => {
    const step = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.constantFrom('open', 'add', 'close', 'drain'));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
        const table = new LiveTable({ most: 1_000 });
        const numbers = new Map<number, number>();
        const expected = new Map<number, { sent: number; closed: boolean; dirty: boolean }>();
        for (const [index, [port, what]] of steps.entries()) {
          const known = expected.get(port);
          const number = numbers.get(port);
          if (what === 'open') {
            numbers.set(port, opened(table, { remotePort: port }, index));
            expected.set(port, { sent: known?.sent ?? 0, closed: false, dirty: true });
          } else if (what === 'drain') {
            const deltas = told(table);
            const changed = [...expected].filter(([, { dirty }]) => dirty);
            expect(
              deltas.map(({ remotePort, sentBytes, isClosed }) => [remotePort, sentBytes, isClosed]).sort(byPort),
            ).toEqual(changed.map(([one, { sent, closed }]) => [one, sent, closed]).sort(byPort));
            for (const [one, state] of changed) {
              if (state.closed) expected.delete(one);
              else expected.set(one, { sent: 0, closed: false, dirty: false });
            }
          } else if (known !== undefined && number !== undefined) {
            if (what === 'add') table.add(number, port, 0, index);
            else table.close(number, { atMs: index });
            known.sent += what === 'add' ? port : 0;
            known.closed ||= what === 'close';
            known.dirty = true;
          }
          expect(table.size).toBe(expected.size);
        }
      }),
      { numRuns: 100 },
    );
  });

  it(`a connection costs less than ${BYTES_A_CONNECTION} bytes`, () => {
    const table = new LiveTable({ most: 100_000 });
    for (let index = 0; index < 100_000; index += 1) {
      const remote = table.addresses.takeIpv4(index);
      table.open({ ...keyOf(table, {}), remote, localPort: index & 0xffff }, index);
      table.addresses.release(remote);
    }
    expect(table.size).toBe(100_000);
    expect(table.sizeBytes / table.size).toBeLessThan(BYTES_A_CONNECTION);
  });
});

function byPort(one: readonly unknown[], other: readonly unknown[]): number {
  return Number(one[0]) - Number(other[0]);
}

/** Its addresses stay held. */
function keyOf(table: LiveTable, changes: Partial<ConnectionKey>): ConnectionKey {
  const local = table.addresses.takeIpv4(0x0a00_0001);
  const remote = table.addresses.takeIpv4(0xc000_0207);
  return {
    protocol: 'tcp',
    direction: 'out',
    local,
    localPort: 40_000,
    remote,
    remotePort: 443,
    process: 7,
    ...changes,
  };
}

function opened(table: LiveTable, changes: Partial<ConnectionKey>, atMs: number): number {
  const local = table.addresses.takeIpv4(0x0a00_0001);
  const remote = table.addresses.takeIpv4(0xc000_0207);
  const key = {
    protocol: 'tcp',
    direction: 'out',
    local,
    localPort: 40_000,
    remote,
    remotePort: 443,
    process: 7,
  } as const;
  const number = table.open({ ...key, ...changes }, atMs);
  table.addresses.release(local);
  table.addresses.release(remote);
  if (number === null) throw new Error('the table is full');
  return number;
}

function told(table: LiveTable): ConnectionDelta[] {
  const deltas: ConnectionDelta[] = [];
  table.drain((delta) => deltas.push({ ...delta }));
  return deltas;
}
