/** A host's own inventory, end to end: an agent with the real sensor, and a container that lives for a third of a second. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { AgentInvitation, InventoryView, WorkloadCard, WorkloadView } from '@countersign/contract';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Containers, describeWithContainers } from '../runc.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PATIENCE_MS = 120_000;
const YAML = `
people: [{ email: ann@example.com, name: Ann Example, role: admin }]
applications: { our-tests: ['*busybox*', 'program:sleep', 'container/*'] }
`;

describeWithContainers('the inventory of a host', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-inventory-'));
  const containers = new Containers();
  const id = 'e1'.repeat(32);
  let running: RunningApp;
  let ann: EnrolledPerson;
  let agent: ChildProcess | null = null;
  let sleeper: ChildProcess | null = null;
  let said = '';

  beforeAll(async () => {
    running = await startRunningApp(YAML, {});
    ann = await running.enrol('ann@example.com');
    const { token } = (await running.call(ann, 'POST', '/api/agents/invitations', {}))
      .body as unknown as AgentInvitation;
    writeFileSync(join(folder, 'token'), token, { mode: 0o600 });
    sleeper = spawn('/bin/sleep', ['300'], { stdio: 'ignore' });
    const args = [
      'server/bin/countersign.js',
      'agent',
      '--server',
      running.app.url,
      '--data',
      folder,
      '--host',
      'edge-7',
    ];
    agent = spawn(process.execPath, [...args, '--token-file', join(folder, 'token')], {
      cwd: ROOT,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    agent.stderr?.on('data', (text: Buffer) => {
      said += text.toString();
    });
  }, 120_000);
  afterAll(async () => {
    agent?.kill('SIGKILL');
    sleeper?.kill('SIGKILL');
    await running?.close();
    containers.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const list = async (query: Readonly<Record<string, string>>): Promise<readonly WorkloadView[]> => {
    const { body } = await running.call(ann, 'GET', `/api/inventory?${new URLSearchParams(query)}`);
    return (body as unknown as InventoryView).workloads;
  };
  const until = async (what: string, query: Readonly<Record<string, string>>, fits: (one: WorkloadView) => boolean) => {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const found = (await list(query)).find(fits);
      if (found !== undefined) return found;
      if (Date.now() > end) throw new Error(`waited in vain for ${what}; the agent said: ${said}`);
      await sleep(500);
    }
  };

  test('the host, and a process that stays, are there with what they belong to', { timeout: 200_000 }, async () => {
    const host = await until('the host', { kind: 'host' }, () => true);
    expect(host).toMatchObject({ id: 'edge-7', state: 'running' });
    expect(host.facts['kernel']).toMatch(/^\d+\./);
    expect(host.facts['os']).not.toBe('');
    const pid = String(sleeper?.pid);
    const process_ = await until(
      'the process',
      { kind: 'process', host: 'edge-7', limit: '5000' },
      ({ facts }) => facts['pid'] === pid,
    );
    expect(process_).toMatchObject({ name: 'sleep', application: 'our-tests', state: 'running' });
    expect(Date.parse(process_.firstAt)).toBeLessThan(Date.now() - 5_000);
  });

  test('a container that lived for a third of a second is there, at that time and as long', {
    timeout: 200_000,
  }, async () => {
    const startedMs = Date.now();
    await containers.run({ id, mark: 'brief', script: 'sleep 0.3' });
    const tookMs = Date.now() - startedMs;
    const container = await until(
      'the container',
      { kind: 'container', from: new Date(startedMs).toISOString() },
      (one) => one.id === id,
    );
    expect(container).toMatchObject({ host: 'edge-7', application: 'our-tests', state: 'ended' });
    const livedMs = Date.parse(container.endedAt ?? '') - Date.parse(container.firstAt);
    expect(livedMs).toBeGreaterThanOrEqual(290);
    expect(livedMs).toBeLessThanOrEqual(tookMs);
    const middle = new Date(Date.parse(container.firstAt) + 150).toISOString();
    expect((await list({ kind: 'container', host: 'edge-7', at: middle })).map((one) => one.id)).toContain(id);
    const later = new Date(Date.parse(container.endedAt ?? '') + 1).toISOString();
    expect((await list({ kind: 'container', host: 'edge-7', at: later })).map((one) => one.id)).not.toContain(id);
    const { body } = await running.call(ann, 'GET', `/api/inventory/card?kind=container&id=${id}`);
    expect((body as unknown as WorkloadCard).parents.map(({ kind, id: parent }) => `${kind} ${parent}`)).toEqual([
      'host edge-7',
    ]);
  });
});
