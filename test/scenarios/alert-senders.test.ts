/**
 * Real senders, unchanged, against the real server: Debian's Alertmanager by both of its protocols, and raw messages as PagerDuty's
 * clients, Falco and the Kubernetes API server send them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type App, startApp } from '../../server/src/app.ts';
import { readConfiguration } from '../../server/src/configuration.ts';
import { parseCase } from '../../server/src/cases/sql-store.ts';
import type { CaseTables } from '../../server/src/cases/tables.ts';
import { systemClock } from '../../server/src/ground/clock.ts';
import { recordingLog } from '../../server/src/ground/log.ts';
import { systemRandom } from '../../server/src/ground/random.ts';
import { describeWith } from '../data.ts';
import { type RecordedRequest, SIDEKICK_ALERT, SIDEKICK_TEST } from '../sample-falcosidekick.ts';

const PROGRAM = '/usr/bin/prometheus-alertmanager';
const KEY = 'k'.repeat(32);
const FLOOD = 'f'.repeat(32);
const OTHER = 'o'.repeat(32);
const CONFIGURATION = `
integrations:
  - { name: services, type: events, key: { env: TEST_KEY } }
  - { name: flooding, type: events, key: { env: TEST_FLOOD } }
  - { name: others, type: events, key: { env: TEST_OTHER } }
  - { name: prometheus, type: alertmanager, key: { env: TEST_KEY } }
  - { name: runtime, type: falco, key: { env: TEST_KEY } }
  - { name: cluster, type: kubernetes_audit, key: { env: TEST_KEY }, account: sample-cluster }
heartbeats:
  - { name: backup, every: 10s, grace: 0s, key: { env: TEST_KEY } }
`;

describe('other systems send alerts', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-senders-'));
  const log = recordingLog();
  let app: App;

  beforeAll(async () => {
    const { configuration, diagnostics } = readConfiguration(CONFIGURATION, 'countersign.yaml');
    if (configuration === null) throw new Error(JSON.stringify(diagnostics));
    app = await startApp({
      configuration,
      dataDirectory: folder,
      environment: { TEST_KEY: KEY, TEST_FLOOD: FLOOD, TEST_OTHER: OTHER },
      hostname: 'web-1',
      host: '127.0.0.1',
      port: 0,
      clock: systemClock,
      random: systemRandom,
      log,
    });
  });

  afterAll(async () => {
    await app?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const post = (path: string, body: unknown, key: string | null = KEY) =>
    fetch(`${app.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key === null ? {} : { authorization: `Bearer ${key}` }) },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const enqueue = async (body: unknown) => {
    const response = await post('/v2/enqueue', body, null);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const cases = async (rule: string) => {
    const rows = await app.state.db
      .withTables<CaseTables>()
      .selectFrom('case_record')
      .select('document')
      .where('rule', '=', rule)
      .orderBy('opened_ms')
      .execute();
    return rows.map(({ document }) => parseCase(document));
  };
  const until = async (rule: string, states: readonly string[]) => {
    for (let tries = 0; tries < 150; tries += 1) {
      if (JSON.stringify((await cases(rule)).map(({ state }) => state)) === JSON.stringify(states)) return;
      await sleep(100);
    }
    expect((await cases(rule)).map(({ state }) => state)).toEqual(states);
  };
  const trigger = (parts: Record<string, unknown> = {}, payload: Record<string, unknown> = {}) => ({
    routing_key: KEY,
    event_action: 'trigger',
    payload: { summary: 'disk 93 % full', source: 'db-1', severity: 'critical', class: 'disk', ...payload },
    ...parts,
  });

  const falcoAlert = (parts: Record<string, unknown> = {}) => ({
    hostname: 'node-1',
    output: '10:00:00.000000000: Critical A shell was spawned',
    priority: 'Critical',
    rule: 'Sample shell in container',
    source: 'syscall',
    tags: ['mitre_execution', 'T1059'],
    time: new Date().toISOString(),
    output_fields: { 'container.id': '3ad7f2c0ffee', 'proc.name': 'bash', 'evt.time': 1 },
    ...parts,
  });
  /** The case of one more alert is there: so is whatever came of those before it. */
  const afterFalco = async (rule: string) => {
    expect((await post('/api/intake/falco/runtime', falcoAlert({ rule }))).status).toBe(200);
    await until(rule, ['paged']);
  };

  test('the same key joins its open case, a resolved one opens anew, and words about nothing are dropped', async () => {
    const first = await enqueue(trigger({ dedup_key: 'disk-db-1' }));
    expect(first).toEqual({
      status: 202,
      body: { status: 'success', message: 'Event processed', dedup_key: 'disk-db-1' },
    });
    await enqueue(trigger({ dedup_key: 'disk-db-1' }, { summary: 'disk 97 % full' }));
    await until('disk', ['paged']);
    await enqueue({ routing_key: KEY, event_action: 'acknowledge', dedup_key: 'disk-db-1' });
    await until('disk', ['acknowledged']);
    await enqueue({ routing_key: KEY, event_action: 'resolve', dedup_key: 'disk-db-1' });
    await until('disk', ['resolved']);
    expect((await enqueue({ routing_key: KEY, event_action: 'resolve', dedup_key: 'never-seen' })).status).toBe(202);
    await enqueue(trigger({ dedup_key: 'disk-db-1' }));
    await until('disk', ['resolved', 'paged']);
  });

  test('an event without a key is known by what stays the same in it', async () => {
    const one = await enqueue(trigger({}, { class: 'queue', summary: 'queue is 100 long' }));
    const other = await enqueue(trigger({}, { class: 'queue', summary: 'queue is 250 long' }));
    const elsewhere = await enqueue(trigger({}, { class: 'queue', summary: 'queue is 250 long', source: 'db-2' }));
    expect(other.body['dedup_key']).toBe(one.body['dedup_key']);
    expect(elsewhere.body['dedup_key']).not.toBe(one.body['dedup_key']);
    await enqueue(trigger({}, { class: 'after the queues' }));
    await until('after the queues', ['paged']);
    expect((await cases('queue')).map(({ state }) => state)).toEqual(['paged', 'paged']);
  });

  test('text that a database refuses stops nothing behind it', async () => {
    await enqueue(trigger({}, { class: 'bad\u0000class', summary: 'a NUL \u0000 and half a pair \ud800' }));
    await enqueue(trigger({}, { class: 'after it' }));
    await until('bad\ufffdclass', ['paged']);
    await until('after it', ['paged']);
  });

  test('an invalid event is told everything that is wrong with it', async () => {
    expect(await enqueue({ routing_key: KEY, event_action: 'trigger', payload: { severity: 'bad' } })).toMatchObject({
      status: 400,
      body: {
        status: 'invalid event',
        message: 'Event object is invalid',
        errors: [
          "'payload.summary' is missing or blank",
          "'payload.source' is missing or blank",
          "'payload.severity' must be one of: critical, error, warning, info",
        ],
      },
    });
    expect((await enqueue('{')).body).toMatchObject({ status: 'invalid event' });
    expect((await enqueue(trigger({ routing_key: 'x'.repeat(32) }))).status).toBe(400);
    expect((await enqueue(trigger({ dedup_key: 'd'.repeat(256) }))).status).toBe(400);
    expect((await enqueue(`{"a":"${'x'.repeat(513 * 1024)}"}`)).status).toBe(413);
  });

  test('a key ends nothing that another key began', async () => {
    await enqueue(trigger({ dedup_key: 'mine' }, { class: 'owned' }));
    await until('owned', ['paged']);
    for (const event_action of ['acknowledge', 'resolve'])
      expect(await enqueue({ routing_key: OTHER, event_action, dedup_key: 'mine' })).toMatchObject({ status: 202 });
    await enqueue({
      routing_key: OTHER,
      event_action: 'trigger',
      dedup_key: 'mine',
      payload: trigger({}, { class: 'theirs' }).payload,
    });
    await until('theirs', ['paged']);
    await until('owned', ['paged']);
  });

  test('what has no known action, or no key to acknowledge by, is invalid; a change is kept and pages nobody', async () => {
    expect((await enqueue({ routing_key: KEY, event_action: 'acknowledge' })).body['errors']).toEqual([
      "'dedup_key' is required to acknowledge",
    ]);
    expect((await enqueue(trigger({ event_action: 'close' }))).status).toBe(400);
    expect((await enqueue(trigger({ dedup_key: 7 }))).status).toBe(400);
    expect((await enqueue(trigger({}, { summary: 's'.repeat(1_025) }))).status).toBe(400);
    expect(
      (await enqueue(trigger({ dedup_key: 'd'.repeat(255) }, { class: 'long', summary: 's'.repeat(1_024) }))).status,
    ).toBe(202);
    const change = {
      routing_key: KEY,
      payload: { summary: 'deployed 4.3', source: 'ci', custom_details: { build: 7 } },
      links: [{ href: 'https://ci.example.com/7', text: 'build' }, { href: 'javascript:alert(1)' }],
    };
    expect((await post('/v2/change/enqueue', change, null)).status).toBe(202);
    expect((await post('/v2/change/enqueue', { routing_key: KEY, payload: {} }, null)).status).toBe(400);
    const { rows } = await sql<{ summary: string; links: string }>`select summary, links from change_event`.execute(
      app.state.db,
    );
    expect(rows).toEqual([{ summary: 'deployed 4.3', links: '[{"href":"https://ci.example.com/7","text":"build"}]' }]);
    expect(await cases('deployed 4.3')).toEqual([]);
  });

  test('a body is not read before its key is known, nor unpacked beyond the limit', async () => {
    const answer = await new Promise<number>((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': String(15 * 1024 * 1024) };
      const sent = request(`${app.url}/api/intake/kubernetes-audit/cluster`, { method: 'POST', headers }, (told) => {
        resolve(told.statusCode ?? 0);
        sent.destroy();
      });
      sent.on('error', reject);
      sent.write('{');
    });
    expect(answer).toBe(401);
    const packed = (body: Buffer, encoding = 'gzip') =>
      fetch(`${app.url}/api/intake/falco/runtime`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-encoding': encoding, authorization: `Bearer ${KEY}` },
        body: new Uint8Array(body),
      });
    expect((await packed(gzipSync(Buffer.alloc(64 * 1024 * 1024, ' ')))).status).toBe(413);
    expect((await packed(Buffer.from('no gzip'))).status).toBe(400);
    expect((await packed(gzipSync('{}'), 'br')).status).toBe(415);
    const alert = { rule: 'Sample packed', output: 'x', priority: 'Critical', hostname: 'h', output_fields: {} };
    expect((await packed(gzipSync(JSON.stringify(alert)))).status).toBe(200);
    await until('Sample packed', ['paged']);
  });

  test('Alertmanager says that it left alerts out, and so do we', async () => {
    const one = {
      status: 'firing',
      labels: { alertname: 'SampleCut', severity: 'critical' },
      annotations: {},
      fingerprint: 'f1',
    };
    const message = { version: '4', status: 'firing', alerts: [one], truncatedAlerts: 3 };
    expect((await post('/api/intake/alertmanager/prometheus', message)).status).toBe(200);
    await until('SampleCut', ['paged']);
    await until('Alerts left out', ['paged']);
    expect((await post('/api/intake/alertmanager/prometheus', { alerts: ['x'] })).status).toBe(400);
  });

  test('Falco tells of one thing many times and of its technique', async () => {
    const alert = falcoAlert();
    expect((await post('/api/intake/falco/runtime', alert)).status).toBe(200);
    await post('/api/intake/falco/runtime', [
      alert,
      { ...alert, output_fields: { 'container.id': 'another', 'proc.name': 'bash' } },
    ]);
    const sidekick = await fetch(`${app.url}/api/intake/falco/runtime`, {
      method: 'POST',
      // Its own content type; and Falco's way to give a key, which libcurl makes of https://falco:KEY@…
      headers: { 'content-type': 'application/json; charset=utf-8', authorization: `Basic ${btoa(`falco:${KEY}`)}` },
      body: JSON.stringify({ uuid: '00000000-0000-4000-8000-000000000001', ...alert }),
    });
    expect(sidekick.status).toBe(200);
    await afterFalco('Sample after the shells');
    expect((await cases('Sample shell in container')).map(({ state }) => state)).toEqual(['paged', 'paged']);
    expect((await post('/api/intake/falco/runtime', { rule: 'x' })).status).toBe(400);
    expect((await post('/api/intake/falco/runtime', alert, 'wrong')).status).toBe(401);
    expect((await post('/api/intake/falco/services', alert)).status).toBe(401);
  });

  test('a falcosidekick, as it was recorded: its alert is a case that repetitions join, and its own test is taken', async () => {
    const send = ({ headers, body }: RecordedRequest) =>
      new Promise<number>((resolve, reject) => {
        const sent = request(`${app.url}/api/intake/falco/runtime`, { method: 'POST' }, (told) => {
          told.resume();
          resolve(told.statusCode ?? 0);
        });
        sent.on('error', reject);
        sent.setHeader('Content-Length', Buffer.byteLength(body));
        sent.setHeader('Authorization', `Bearer ${KEY}`);
        for (const [name, value] of headers) sent.setHeader(name, value);
        sent.end(body);
      });
    expect(await send(SIDEKICK_ALERT)).toBe(200);
    // Falco tells of the same thing again: another uuid and another moment.
    const again = SIDEKICK_ALERT.body.replaceAll('512345678', '912345678').replace('0ceeeb05', '1ceeeb05');
    expect(await send({ ...SIDEKICK_ALERT, body: again })).toBe(200);
    expect(await send(SIDEKICK_TEST)).toBe(200);
    await afterFalco('Sample after the sidekick');
    const found = await cases('Fileless execution via memfd_create');
    expect(found.map(({ state }) => state)).toEqual(['paged']);
    expect(found[0]?.findingIds.length).toBeGreaterThan(0);
  });

  test('the API server sends audit events; what is none is put aside, and the rest is taken', async () => {
    const audit = {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: 'RequestResponse',
      auditID: '00000000-0000-4000-8000-00000000abcd',
      stage: 'ResponseComplete',
      requestURI: '/api/v1/namespaces/kube-system/pods',
      verb: 'create',
      user: { username: 'mallory', groups: [] },
      objectRef: { resource: 'pods', namespace: 'kube-system', name: 'sample', apiVersion: 'v1' },
      requestReceivedTimestamp: new Date().toISOString(),
      stageTimestamp: new Date().toISOString(),
    };
    const list = { kind: 'EventList', apiVersion: 'audit.k8s.io/v1', items: [audit, { kind: 'Event' }] };
    const response = await post('/api/intake/kubernetes-audit/cluster', list);
    expect(await response.json()).toEqual({ accepted: 1, malformed: 1 });
  });

  test('a heartbeat that stays away is an alert, and the next beat resolves it', { timeout: 60_000 }, async () => {
    expect((await post('/api/heartbeats/backup', {})).status).toBe(200);
    expect((await post('/api/heartbeats/backup', {}, 'wrong')).status).toBe(401);
    for (let tries = 0; tries < 300 && (await cases('Heartbeat late')).length === 0; tries += 1) await sleep(100);
    await until('Heartbeat late', ['paged']);
    await post('/api/heartbeats/backup', {});
    await until('Heartbeat late', ['resolved']);
  });

  describeWith({ name: `Alertmanager at ${PROGRAM}`, present: existsSync(PROGRAM) })('Alertmanager', () => {
    let process_: ChildProcess | null = null;
    let port = 0;

    beforeAll(async () => {
      port = await freePort();
      const file = join(folder, 'alertmanager.yml');
      writeFileSync(
        file,
        `
global: { resolve_timeout: 3s, pagerduty_url: '${app.url}/v2/enqueue' }
route:
  receiver: events
  group_by: [alertname]
  group_wait: 100ms
  group_interval: 1s
  repeat_interval: 1h
  routes: [{ matchers: ['way="webhook"'], receiver: webhook }]
receivers:
  - name: events
    pagerduty_configs: [{ routing_key: '${KEY}', send_resolved: true, class: '{{ .GroupLabels.alertname }}' }]
  - name: webhook
    webhook_configs:
      - url: '${app.url}/api/intake/alertmanager/prometheus'
        send_resolved: true
        http_config: { authorization: { credentials: '${KEY}' } }
`,
      );
      process_ = spawn(
        PROGRAM,
        [
          `--config.file=${file}`,
          `--storage.path=${join(folder, 'alertmanager')}`,
          `--web.listen-address=127.0.0.1:${port}`,
          '--cluster.listen-address=',
        ],
        { stdio: 'ignore' },
      );
      for (let tries = 0; tries < 100; tries += 1) {
        const ready = await fetch(`http://127.0.0.1:${port}/-/ready`).catch(() => null);
        if (ready?.ok === true) return;
        await sleep(100);
      }
      throw new Error('Alertmanager did not start');
    });

    afterAll(() => process_?.kill('SIGKILL'));

    const alert = (name: string, labels: Record<string, string>, endsAt?: string) =>
      fetch(`http://127.0.0.1:${port}/api/v2/alerts`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify([
          {
            labels: { alertname: name, severity: 'critical', instance: 'web-1', ...labels },
            annotations: { summary: `${name} on web-1` },
            ...(endsAt === undefined ? {} : { endsAt }),
          },
        ]),
      });

    test.each([
      ['SampleByEvents', 'events'],
      ['SampleByWebhook', 'webhook'],
    ])('%s fires and is resolved', { timeout: 40_000 }, async (name, way) => {
      expect((await alert(name, { way })).status).toBe(200);
      await until(name, ['paged']);
      await alert(name, { way }, new Date(Date.now() - 1_000).toISOString());
      await until(name, ['resolved']);
    });
  });

  test('a key that sends more than Events API v2 allows is told to wait, and the others are not', async () => {
    const flood = Array.from({ length: 121 }, (_, index) =>
      enqueue(trigger({ routing_key: FLOOD, dedup_key: `flood-${index % 2}` })),
    );
    const answers = await Promise.all(flood);
    const refused = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(120);
    expect(refused).toHaveLength(1);
    expect(refused[0]?.body).toMatchObject({ status: 'throttle exceeded' });
    const again = await post('/v2/enqueue', trigger({ routing_key: FLOOD }), null);
    expect(Number(again.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await enqueue(trigger({ dedup_key: 'calm' }, { class: 'calm' }))).status).toBe(202);
  });

  test('nothing went wrong inside', () => {
    expect(log.entries.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
