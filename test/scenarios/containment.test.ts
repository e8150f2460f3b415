/**
 * From a case to the machine and back: a responder wishes, a second one approves, the agent of the host does it to real processes and control
 * groups, and undoing lets them go on. The agent is a process of its own, as it is on a host.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { RevertView } from '@countersign/contract';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../data.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const HOST = 'edge-1';
const CGROUPS = ['/sys/fs/cgroup/freezer', '/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((root) =>
  existsSync(join(root, 'cgroup.procs')),
);
const WITH_CGROUPS = describeWith({ name: 'a hierarchy of control groups', present: CGROUPS !== undefined });
const CONFIGURATION = `
accounts: { "111122223333": { name: shop, label: prod } }
people:
  - { email: ann@example.com, name: Ann Example, role: admin }
  - { email: ben@example.com, name: Ben Example, role: responder }
  - { email: cara@example.com, name: Cara Example, role: responder }
  - { email: dan@example.com, name: Dan Example, role: responder }
reverts: { role: countersign-revert, drift: off }
policy: [{ when: {}, then: page }]
`;

describeWith({ name: 'root', present: process.getuid?.() === 0 })('containment on a host', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-contain-'));
  const children: ChildProcess[] = [];
  let running: RunningApp;
  let people: Record<'ann' | 'ben' | 'cara' | 'dan', EnrolledPerson>;
  let caseId = '';
  let agent: ChildProcess | null = null;
  let said = '';

  beforeAll(async () => {
    running = await startRunningApp(CONFIGURATION, {});
    const enrol = (name: string) => running.enrol(`${name}@example.com`);
    people = { ann: await enrol('ann'), ben: await enrol('ben'), cara: await enrol('cara'), dan: await enrol('dan') };
    await running.happens({ call: 'StopLogging', user: 'thief', request: { name: 'org' } });
    caseId = (await running.until('paged', ({ state }) => state === 'paged')).id;
  }, 120_000);
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    agent?.kill('SIGKILL');
    await running?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const begin = async () => {
    const child = spawn('sleep', ['300'], { stdio: 'ignore' });
    children.push(child);
    await sleep(50);
    return child.pid ?? 0;
  };
  const stateOf = (pid: number) => {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[0];
  };
  const start = (more: readonly string[]) => {
    const where = ['--server', running.app.url, '--data', join(folder, 'agent'), '--host', HOST];
    const args = ['server/bin/countersign.js', 'agent', ...where, ...more];
    agent = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] });
    agent.stderr?.on('data', (text: Buffer) => {
      said += text.toString();
    });
  };
  const wish = (body: object) =>
    running.call(people.ann, 'POST', `/api/cases/${caseId}/containments`, { account: HOST, ...body });
  const until = async (what: string, fits: () => Promise<boolean>) => {
    for (let tries = 0; !(await fits()); tries += 1) {
      if (tries > 240) throw new Error(`waited in vain for ${what}; the agent said: ${said}`);
      await sleep(500);
    }
  };
  const planned = (body: Record<string, unknown>) => (body['reverts'] as readonly RevertView[])[0];
  const approve = async (person: EnrolledPerson, { id, digest }: RevertView) =>
    running.call(person, 'POST', `/api/reverts/${id}/approve`, { digest, code: await person.code() });

  test('who may not is told why: there is no agent, or it was not allowed', async () => {
    const about = { action: 'StopProcess', pid: 1_234_567, at: new Date().toISOString() };
    expect(await wish(about)).toMatchObject({
      ...{ status: 409, body: { code: 'not-contained', message: expect.stringContaining('no agent of a host') } },
    });
    const { body: other } = await running.call(people.ann, 'POST', '/api/agents/invitations', {});
    const joining = { token: other['token'], host: 'edge-2', version: '0.1.0' };
    expect((await running.call(null, 'POST', '/agent/v1/enrol', joining)).status).toBe(200);
    expect(await wish({ ...about, account: 'edge-2' })).toMatchObject({
      body: { message: expect.stringContaining('takes no orders: start it as root with --contain') },
    });
    const { body } = await running.call(people.ann, 'POST', '/api/agents/invitations', {});
    writeFileSync(join(folder, 'token'), String(body['token']), { mode: 0o600 });
    start(['--token-file', join(folder, 'token'), '--no-watch', '--contain']);
    await until('the agent', async () => !JSON.stringify((await wish(about)).body).includes('agent'));
    expect(await wish(about)).toMatchObject({ body: { message: expect.stringContaining('NotFound') } });
  }, 150_000);

  test('a process is held by a second person and goes on again; one that took its number over is not found', async () => {
    const pid = await begin();
    const at = new Date().toISOString();
    expect(await wish({ action: 'StopProcess', pid, at: new Date(Date.now() - 60_000).toISOString() })).toMatchObject({
      ...{ status: 409, body: { message: expect.stringContaining('no longer the one') } },
    });
    const wished = await wish({ action: 'StopProcess', pid, at });
    expect(wished.status).toBe(200);
    const plan = planned(wished.body);
    expect(plan).toMatchObject({ state: 'planned', mode: 'approve', calls: [{ operation: 'StopProcess' }] });
    if (plan === undefined) return;
    await expect.poll(() => stateOf(pid), { timeout: 20_000 }).toBe('S');
    expect(await approve(people.ann, plan)).toMatchObject({ status: 403, body: { code: 'second-person' } });
    expect(await approve(people.ben, plan)).toMatchObject({ status: 200, body: { state: 'reverted', failure: null } });
    expect(stateOf(pid)).toBe('T');
    expect(await running.entries(caseId)).toEqual(
      expect.arrayContaining(['revert-planned', 'revert-approved', 'revert-started', 'reverted']),
    );
    const undo = { digest: plan.digest, code: await people.cara.code() };
    expect(await running.call(people.cara, 'POST', `/api/reverts/${plan.id}/undo`, undo)).toMatchObject({
      body: { state: 'undone' },
    });
    await expect.poll(() => stateOf(pid), { timeout: 20_000 }).toBe('S');
  }, 120_000);

  WITH_CGROUPS('with control groups', () => {
    test('the container of a process is frozen, and nothing that holds the agent itself is', async () => {
      const group = join(CGROUPS ?? '', `countersign-test-${process.pid}`);
      mkdirSync(group);
      const pid = await begin();
      try {
        writeFileSync(join(group, 'cgroup.procs'), String(pid));
        const plan = planned((await wish({ action: 'PauseContainer', pid, at: new Date().toISOString() })).body);
        expect(plan).toMatchObject({ state: 'planned', resource: `/countersign-test-${process.pid}` });
        if (plan !== undefined) expect((await approve(people.dan, plan)).body).toMatchObject({ state: 'reverted' });
        const frozen = ['freezer.state', 'cgroup.freeze']
          .map((name) => join(group, name))
          .find((file) => existsSync(file));
        expect(['FROZEN', '1']).toContain(readFileSync(frozen ?? '', 'utf8').trim());
        writeFileSync(frozen ?? '', frozen?.endsWith('state') === true ? 'THAWED' : '0');
      } finally {
        process.kill(pid, 'SIGKILL');
        await until('an empty control group', async () => {
          try {
            rmdirSync(group);
            return true;
          } catch {
            return false;
          }
        });
      }
    }, 120_000);
  });

  test('an agent that is gone is told of, and nothing is done later', async () => {
    agent?.kill('SIGKILL');
    const pid = await begin();
    const wished = await wish({ action: 'StopProcess', pid, at: new Date().toISOString() });
    expect(wished).toMatchObject({ status: 409, body: { message: expect.stringContaining('HostSilent') } });
    start(['--no-watch', '--contain']);
    await until(
      'the agent again',
      async () => (await wish({ action: 'BlockPeer', address: '192.0.2.7' })).status === 200,
    );
    await sleep(1_000);
    await expect.poll(() => stateOf(pid), { timeout: 20_000 }).toBe('S');
    // The server's own address, and what is no address.
    expect(planned((await wish({ action: 'BlockPeer', address: '2001:db8::1::' })).body)).toMatchObject({
      ...{ state: 'failed', failure: expect.stringContaining('Invalid') },
    });
    for (const bad of [
      { action: 'BlockPeer', pid: 5 },
      { action: 'Run', command: 'id' },
    ])
      expect((await wish(bad)).status).toBe(400);
  }, 150_000);
});
