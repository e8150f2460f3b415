/** Whose a process is: joined of what its host told and what the audit log of its cluster says, in the real store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Activity } from '../../server/src/activity/activity.ts';
import { type SessionRooms, sessionBehind } from '../../server/src/activity/sessions.ts';
import { openActivityStore } from '../../server/src/activity/store.ts';
import { openEventStore } from '../../server/src/events/store.ts';
import { systemClock } from '../../server/src/ground/clock.ts';
import { type EventEngine, openEventEngine } from '../../server/src/ground/event-engine.ts';
import { silentLog } from '../../server/src/ground/log.ts';
import { systemRandom } from '../../server/src/ground/random.ts';
import { openWorkloadStore, podsOf } from '../../server/src/inventory/store.ts';
import { kubernetesSource as kubernetes } from '../../server/src/sources/kubernetes/kubernetes.ts';
import { compileProgram } from '../compiled.ts';
import { sampleWorkload } from '../sample-workload.ts';

const NOW = Math.trunc(Date.now() / 1_000) * 1_000;
const CONTAINER = 'c0ffee'.padEnd(64, '0');

function command(pid: number, parent: number, changes: Partial<Activity>): Activity {
  return {
    ...{ timeNs: BigInt(NOW) * 1_000_000n, kind: 'command', host: 'node-1', container: CONTAINER, application: '' },
    ...{ process: { pid, startNs: BigInt(pid) }, parent: { pid: parent, startNs: BigInt(parent) } },
    ...{
      name: 'sh',
      exe: '/bin/sh',
      loginUser: '',
      user: 'root',
      tty: 0,
      detail: 'sh',
      result: '',
      count: 1,
      bytes: 0,
    },
    ...changes,
  };
}

/** As a cluster logs it. */
function call(user: string, pod: string, what: string, atMs: number): object {
  return {
    kind: 'Event',
    auditID: `${user} ${pod} ${what} ${atMs}`,
    stage: 'ResponseStarted',
    verb: 'create',
    requestURI: `/api/v1/namespaces/shop/pods/${pod}/${what}`,
    stageTimestamp: new Date(atMs).toISOString(),
    sourceIPs: ['192.0.2.9'],
    user: { username: user, groups: ['system:authenticated'] },
    objectRef: { resource: 'pods', subresource: what.split('?')[0], namespace: 'shop', name: pod },
    responseStatus: { code: 101 },
  };
}

describe('the session behind a process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-sessions-'));
  let program = '';
  let engine: EventEngine;
  let rooms: SessionRooms;
  const behind = (pid: number) => sessionBehind(rooms, { host: 'node-1', pid, atMs: NOW + 60_000 });

  beforeAll(async () => {
    program = await compileProgram('server/src/ground/chdb-process.ts');
    const common = { clock: systemClock, random: systemRandom, log: silentLog };
    engine = await openEventEngine({ ...common, dataDirectory: folder, program });
    const events = await openEventStore(engine);
    const activity = await openActivityStore(engine);
    const workloads = await openWorkloadStore(engine);
    rooms = { events, activity, podOf: podsOf(workloads) };
    const pod = { cluster: 'c', namespace: 'shop', facts: { pod: 'web-1' } };
    await workloads.insert([sampleWorkload(NOW, { id: CONTAINER, ...pod })], 'one');
    const later = (ms: number) => BigInt(NOW + ms) * 1_000_000n;
    await activity.insert(
      [
        command(10, 1, { detail: 'web --serve' }),
        // Begun from outside: the runtime's process becomes the shell, which runs the rest.
        command(20, 2, { timeNs: later(1_000), detail: 'runc init' }),
        command(20, 2, { timeNs: later(1_050), detail: 'sh -i' }),
        command(21, 20, { timeNs: later(9_000), detail: 'cat /etc/shadow' }),
        command(30, 2, { timeNs: later(30_000), detail: 'id' }),
        command(40, 3, { container: '', loginUser: 'ann', detail: 'bash', timeNs: later(2_000) }),
        command(40, 3, { kind: 'login', container: '', loginUser: 'ann', detail: 'sshd ← 203.0.113.7:51234' }),
      ],
      'two',
    );
    const records = [
      call('olga@example.com', 'web-1', 'exec?command=sh&command=-i&tty=true', NOW + 900),
      call('mallory@example.com', 'web-2', 'exec?command=sh&command=-i', NOW + 900),
      call('mallory@example.com', 'web-1', 'exec?command=ls', NOW + 900),
      // Two people, the same words within the same seconds.
      call('olga@example.com', 'web-1', 'exec?command=id', NOW + 29_000),
      call('ann@example.com', 'web-1', 'exec?command=id', NOW + 29_500),
    ].map((value) => kubernetes.admit(value));
    const admitted = records.flatMap((one) => (one.type === 'record' ? [one.record] : []));
    expect(admitted).toHaveLength(records.length);
    const facts = admitted.map((record) => ({ facts: kubernetes.describe(record), record }));
    await events.insertEvents(facts, NOW);
  }, 60_000);
  afterAll(async () => {
    await engine?.close();
    for (const path of [folder, program]) rmSync(path, { recursive: true, force: true });
  });

  test('is the exec into its pod, of whoever gave the same command; also for what the shell ran', async () => {
    const session = { how: 'cluster', who: 'olga@example.com', from: '192.0.2.9', detail: 'exec', atMs: NOW + 900 };
    expect(await behind(20)).toMatchObject(session);
    expect(await behind(21)).toMatchObject(session);
  });

  test('is nobody of whom it cannot be told: the container itself, and what two people did alike', async () => {
    expect(await behind(10)).toBeNull();
    expect(await behind(30)).toBeNull();
    expect(await behind(99)).toBeNull();
  });

  test('is the sign-in on a host, with where it came from', async () => {
    expect(await behind(40)).toMatchObject({ how: 'sign-in', who: 'ann', from: '203.0.113.7:51234' });
  });
});
