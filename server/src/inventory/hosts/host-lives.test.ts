/** Lives out of a recorded host: twenty containers that came and went within seconds, each with its beginning and end. */
import { Machine } from '@countersign/scap';
import { beforeAll, expect, it } from 'vitest';
import { dataPath, describeWithData } from '../../../../test/data.ts';
import { readCaptureFile } from '../../sources/captures/capture-file.ts';
import { RETELL_MS } from '../workload.ts';
import { HostLives } from './host-lives.ts';
import { type ToldLife, workloadOfHost } from './told-life.ts';

const WINDOW_NS = 1_000_000_000n;

describeWithData('the lives of a recorded host', () => {
  const told: ToldLife[] = [];
  /** By short id: its first and last event of all kinds, as the capture has them. */
  const seen = new Map<string, { firstMs: number; lastMs: number }>();
  const lives = new HostLives({
    host: 'node-1',
    applicationOf: () => 'unit:test.service',
    facts: () => FACTS,
    startOf: () => null,
  });
  let endMs = 0;
  beforeAll(async () => {
    let windowNs = 0n;
    const machine = new Machine({
      isInteresting: (code) => lives.isInteresting(code),
      onEvent: (current) => {
        const { timeNs } = current.current;
        endMs = Number(timeNs / 1_000_000n);
        if (windowNs === 0n) windowNs = timeNs;
        if (timeNs - windowNs > WINDOW_NS) {
          told.push(...lives.take(endMs).lives);
          windowNs = timeNs;
        }
        lives.follow(current);
        const id = current.currentThread?.containerId ?? '';
        if (id === '') return;
        const known = seen.get(id) ?? { firstMs: endMs, lastMs: endMs };
        seen.set(id, { ...known, lastMs: endMs });
      },
    });
    await readCaptureFile(dataPath('captures', 'containers.scap.gz'), machine, () => Promise.resolve());
    told.push(...lives.take(endMs).lives, ...lives.take(endMs + 60_000).lives);
  });

  it('every container that a process was started in is there, exactly as long as its processes were', () => {
    const containers = told.filter(({ kind }) => kind === 'container');
    expect(seen.size).toBeGreaterThanOrEqual(20);
    for (const [id, { firstMs, lastMs }] of seen) {
      const ofIt = containers.filter((life) => life.id.startsWith(id));
      expect(ofIt.length).toBeGreaterThan(0);
      const last = ofIt.at(-1);
      expect(last?.firstMs).toBeLessThanOrEqual(firstMs);
      expect(last?.lastMs).toBeGreaterThanOrEqual(lastMs);
      if (last?.endedMs !== null) expect(last?.endedMs).toBe(lastMs);
    }
    const ended = [...seen.keys()].filter((id) =>
      containers.some((life) => life.id.startsWith(id) && life.endedMs !== null),
    );
    expect(ended.length).toBeGreaterThanOrEqual(20);
  });

  it('some of them lived for less than a second', () => {
    const short = told.filter(
      ({ kind, endedMs, firstMs }) => kind === 'container' && endedMs !== null && endedMs - firstMs < 1_000,
    );
    expect(short.length).toBeGreaterThan(0);
  });

  it("processes that stay are told with what they belong to, the kernel's own are not", () => {
    const processes = told.filter(({ kind }) => kind === 'process');
    expect(processes.length).toBeGreaterThan(0);
    for (const { id, parent, name } of processes) {
      expect(id.startsWith('node-1/')).toBe(true);
      expect(parent).not.toBeNull();
      expect(name).not.toMatch(/^(?:kworker|ksoftirqd|kthreadd)/);
    }
  });

  it('what goes on is told again after some minutes, and not before', () => {
    const [again] = [lives.take(endMs + 120_000).lives, lives.take(endMs + 120_000 + RETELL_MS).lives];
    expect(again).toEqual([]);
    const host = lives.take(endMs + 240_000 + 2 * RETELL_MS).lives.find(({ kind }) => kind === 'host');
    expect(host).toMatchObject({ id: 'node-1', firstMs: FACTS.bootMs, endedMs: null, facts: { os: 'Debian' } });
  });
});

const FACTS = { addresses: ['192.0.2.7'], facts: { os: 'Debian' }, bootMs: 1_600_000_000_000 };

it('no host speaks for another', () => {
  const life: ToldLife = {
    ...{ kind: 'process', id: 'node-1/7/1', name: 'nginx', namespace: '', application: '', parent: null },
    ...{ addresses: [], labels: {}, facts: {}, firstMs: 1, lastMs: 2, endedMs: null },
  };
  expect(workloadOfHost('node-1', life, 3)).toMatchObject({ host: 'node-1', teller: 'agent node-1', toldMs: 3 });
  expect(workloadOfHost('node-2', life, 3)).toBeNull();
  expect(workloadOfHost('node-2', { ...life, kind: 'host', id: 'node-1' }, 3)).toBeNull();
});
