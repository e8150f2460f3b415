/** Senders that speak https and nothing else, against our own TLS: the Kubernetes audit webhook and PagerDuty's library. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Certificate, makeCertificate, OPENSSL_PRESENT } from '../certificate.ts';
import { describeWith } from '../data.ts';
import { type RunningApp, startRunningApp } from '../running-app.ts';

const run = promisify(execFile);
const KEY = 'k'.repeat(32);

describeWith({ name: 'openssl', present: OPENSSL_PRESENT })('over TLS', () => {
  let certificate: Certificate;
  let running: RunningApp;
  let port = 0;

  beforeAll(async () => {
    certificate = makeCertificate();
    running = await startRunningApp(
      `
server: { url: 'https://localhost:8420', tls: { certificate: { file: ${certificate.certificateFile} }, key: { file: ${certificate.keyFile} } } }
integrations:
  - { name: services, type: events, key: { env: KEY } }
  - { name: cluster, type: kubernetes_audit, key: { env: KEY }, account: sample-cluster }
policy: [{ when: {}, then: page }]
`,
      { KEY },
    );
    port = (running.app.house.server.server.address() as AddressInfo).port;
  }, 120_000);
  afterAll(async () => {
    await running?.close();
    certificate?.remove();
  });

  /** As the API server's webhook backend posts; resolves with the status, and with the answer's text. */
  const post = (path: string, body: Buffer, headers: Record<string, string>) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const options = { host: 'localhost', port, path, method: 'POST', ca: certificate.certificate, headers };
      const sent = request(options, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      });
      sent.on('error', reject);
      sent.end(body);
    });

  const audit = (auditID: string) => ({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'RequestResponse',
    auditID,
    stage: 'ResponseComplete',
    requestURI: '/api/v1/namespaces/kube-system/pods',
    verb: 'create',
    user: { username: 'mallory', groups: [] },
    objectRef: { resource: 'pods', namespace: 'kube-system', name: 'sample', apiVersion: 'v1' },
    requestObject: {
      kind: 'Pod',
      spec: { containers: [{ name: 'x', image: 'sample', securityContext: { privileged: true } }] },
    },
    responseStatus: { code: 201 },
    requestReceivedTimestamp: new Date().toISOString(),
    stageTimestamp: new Date().toISOString(),
  });
  const list = (...items: unknown[]) =>
    Buffer.from(JSON.stringify({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {}, items }));
  const json = { 'content-type': 'application/json' };
  const allowed = { ...json, authorization: `Bearer ${KEY}` };
  const path = '/api/intake/kubernetes-audit/cluster';

  test('the API server sends audit events with its token, and what they show is a case of its cluster', async () => {
    const body = list(audit('a-1'), audit('a-2'));
    expect(await post(path, body, allowed)).toEqual({ status: 200, text: '{"accepted":2,"malformed":0}' });
    const packed = { ...allowed, 'content-encoding': 'gzip' };
    expect(await post(path, gzipSync(list(audit('a-3'))), packed)).toMatchObject({ status: 200 });
    const found = await running.until(
      'paged',
      ({ account, state }) => account === 'sample-cluster' && state === 'paged',
    );
    expect(found.findingIds.length).toBeGreaterThan(0);
  });

  test('a wrong token, none, and one of another kind of sender are refused', async () => {
    for (const headers of [json, { ...json, authorization: 'Bearer wrong' }])
      expect((await post(path, list(), headers)).status).toBe(401);
    expect((await post('/api/intake/kubernetes-audit/services', list(), allowed)).status).toBe(401);
  });

  test("PagerDuty's own library sends events and changes", { timeout: 60_000 }, async () => {
    const program = `
      import { change, event } from '@pagerduty/pdjs';
      const server = process.env.SERVER;
      const routing_key = process.env.KEY;
      const payload = { summary: 'from the library', source: 'sample', severity: 'critical', class: 'pdjs' };
      const sent = await event({ server, data: { routing_key, event_action: 'trigger', dedup_key: 'pdjs-1', payload } });
      const resolved = await event({ server, data: { routing_key, event_action: 'resolve', dedup_key: 'pdjs-1' } });
      const changed = await change({ server, data: { routing_key, payload: { summary: 'deployed 4.2' } } });
      console.log(JSON.stringify([sent, resolved, changed].map(({ status, data }) => ({ status, data }))));`;
    const trusted = { NODE_EXTRA_CA_CERTS: certificate.certificateFile };
    const env = { ...process.env, ...trusted, SERVER: `localhost:${port}`, KEY };
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], { env });
    const accepted = { status: 'success', message: 'Event processed', dedup_key: 'pdjs-1' };
    expect(JSON.parse(stdout)).toEqual([
      { status: 202, data: accepted },
      { status: 202, data: accepted },
      { status: 202, data: { status: 'success', message: 'Change event processed' } },
    ]);
    await running.until('pdjs', ({ rule, state }) => rule === 'pdjs' && state === 'resolved');
  });

  test('nothing is answered without TLS, and a renewed certificate is used from the next connection on', async () => {
    await expect(fetch(`http://localhost:${port}/api/health`)).rejects.toThrow();
    const renewed = makeCertificate();
    const files = { cert: renewed.certificate, key: readFileSync(renewed.keyFile, 'utf8') };
    running.app.house.renewTls(files);
    const trusts = (ca: string) =>
      new Promise<boolean>((resolve) => {
        const socket = connect({ host: 'localhost', port, servername: 'localhost', ca }, () => {
          socket.destroy();
          resolve(true);
        });
        socket.on('error', () => resolve(false));
      });
    expect(await trusts(renewed.certificate)).toBe(true);
    expect(await trusts(certificate.certificate)).toBe(false);
    renewed.remove();
  });

  test('nothing went wrong inside', () => {
    expect(running.log.entries.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
