/**
 * Real senders, unchanged, against the real server: Debian's Alertmanager by both of its protocols, PagerDuty's own JavaScript
 * library, and raw messages as Falco and the Kubernetes API server send them.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type App, startApp } from '../../server/src/app.ts';
import { readConfiguration } from '../../server/src/configuration.ts';
import { parseCase } from '../../server/src/cases/sql-store.ts';
import type { CaseTables } from '../../server/src/cases/tables.ts';
import { systemClock } from '../../server/src/ground/clock.ts';
import { recordingLog } from '../../server/src/ground/log.ts';
import { systemRandom } from '../../server/src/ground/random.ts';
import { describeWith } from '../data.ts';
import { OPENSSL_PRESENT, startTlsProxy } from '../fakes/tls-proxy.ts';

const run = promisify(execFile);

const PROGRAM = '/usr/bin/prometheus-alertmanager';
const KEY = 'k'.repeat(32);
const CONFIGURATION = `
integrations:
  - { name: services, type: events, key: { env: TEST_KEY } }
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
      environment: { TEST_KEY: KEY },
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
    await until('queue', ['paged', 'paged']);
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

  describeWith({ name: 'openssl', present: OPENSSL_PRESENT })("PagerDuty's own library", () => {
    test('sends events and changes', { timeout: 30_000 }, async () => {
      const proxy = await startTlsProxy(app.url);
      const program = `
                import { change, event } from '@pagerduty/pdjs';
        const server = process.env.SERVER;
        const routing_key = process.env.KEY;
        const payload = { summary: 'from the library', source: 'sample', severity: 'critical', class: 'pdjs' };
        const sent = await event({ server, data: { routing_key, event_action: 'trigger', dedup_key: 'pdjs-1', payload } });
        const resolved = await event({ server, data: { routing_key, event_action: 'resolve', dedup_key: 'pdjs-1' } });
        const changed = await change({ server, data: { routing_key, payload: { summary: 'deployed 4.2' } } });
        console.log(JSON.stringify([sent, resolved, changed].map(({ status, data }) => ({ status, data }))));`;
      const environment = { ...process.env, SERVER: proxy.host, KEY, NODE_EXTRA_CA_CERTS: proxy.certificateFile };
      const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], { env: environment });
      await proxy.close();
      expect(JSON.parse(stdout)).toEqual([
        { status: 202, data: { status: 'success', message: 'Event processed', dedup_key: 'pdjs-1' } },
        { status: 202, data: { status: 'success', message: 'Event processed', dedup_key: 'pdjs-1' } },
        { status: 202, data: { status: 'success', message: 'Change event processed' } },
      ]);
      await until('pdjs', ['resolved']);
    });
  });

  test('Falco tells of one thing many times and of its technique', async () => {
    const alert = {
      hostname: 'node-1',
      output: '10:00:00.000000000: Critical A shell was spawned',
      priority: 'Critical',
      rule: 'Sample shell in container',
      source: 'syscall',
      tags: ['mitre_execution', 'T1059'],
      time: new Date().toISOString(),
      output_fields: { 'container.id': '3ad7f2c0ffee', 'proc.name': 'bash', 'evt.time': 1 },
    };
    expect((await post('/api/intake/falco/runtime', alert)).status).toBe(200);
    await post('/api/intake/falco/runtime', [
      alert,
      { ...alert, output_fields: { 'container.id': 'another', 'proc.name': 'bash' } },
    ]);
    await until('Sample shell in container', ['paged', 'paged']);
    expect((await post('/api/intake/falco/runtime', { rule: 'x' })).status).toBe(400);
    expect((await post('/api/intake/falco/runtime', alert, 'wrong')).status).toBe(401);
    expect((await post('/api/intake/falco/services', alert)).status).toBe(401);
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
