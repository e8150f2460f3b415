/**
 * The agent as a process of its own, with the real sensor: what its host does is on the server's map and in its activity; while the server is
 * away it keeps what it saw.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ActivityView, AgentInvitation, CaptureView, HostEvidence, PairList } from '@countersign/contract';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../data.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SENSOR = join(ROOT, 'sensor/build/countersign-sensor');
const PATIENCE_MS = 150_000;
const BYTES = 3_000_000;
const TOLERANCE = 0.02;
/** Runs /bin/true from memory alone. */
const MEMORY_PROGRAM = `import os
fd = os.memfd_create("loaded")
os.write(fd, open("/bin/true", "rb").read())
os.execve(fd, ["loaded"], {})
`;

const describeWithSensor = describeWith({
  name: `root, and the sensor at ${SENSOR} (built where clang, llvm, libbpf-dev and bpftool are)`,
  present: process.getuid?.() === 0 && existsSync(SENSOR),
});

describeWithSensor('an agent on a host', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-agent-'));
  let running: RunningApp;
  let ann: EnrolledPerson;
  let agent: ChildProcess | null = null;
  let service: Server;
  let said = '';

  beforeAll(async () => {
    running = await startRunningApp('people: [{ email: ann@example.com, name: Ann Example, role: admin }]\n', {});
    ann = await running.enrol('ann@example.com');
    service = createServer((socket) => socket.on('error', () => undefined).resume());
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  }, 120_000);

  afterAll(async () => {
    agent?.kill('SIGKILL');
    service?.close();
    await running?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const get = async <T>(path: string) => (await running.call(ann, 'GET', path)).body as unknown as T;
  const start = (more: readonly string[]) => {
    const args = [
      'server/bin/countersign.js',
      'agent',
      '--server',
      running.app.url,
      '--data',
      folder,
      '--host',
      'edge-1',
      ...more,
    ];
    agent = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] });
    agent.stderr?.on('data', (text: Buffer) => {
      said += text.toString();
    });
  };
  const until = async (what: string, fits: () => Promise<boolean>) => {
    const end = Date.now() + PATIENCE_MS;
    while (!(await fits())) {
      if (Date.now() > end) throw new Error(`waited in vain for ${what}; the agent said: ${said}`);
      await sleep(500);
    }
  };
  const port = () => {
    const address = service.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  };

  test('joins, and what its host does is seen: a command by its words, a connection by its bytes', {
    timeout: 400_000,
  }, async () => {
    const { token } = (await running.call(ann, 'POST', '/api/agents/invitations', {}))
      .body as unknown as AgentInvitation;
    writeFileSync(join(folder, 'token'), token, { mode: 0o600 });
    start(['--token-file', join(folder, 'token')]);
    const marker = `marker-${process.pid}`;
    await until('the command', async () => {
      execFileSync('/bin/true', [marker]);
      const { rows } = await get<ActivityView>(`/api/activity?q=${marker}`);
      return rows.some(({ kind, detail, host }) => kind === 'command' && detail.includes(marker) && host === 'edge-1');
    });
    expect(said).toContain('"joined"');
    const socket = connect(port(), '127.0.0.1');
    await new Promise<void>((resolve) => socket.end(Buffer.alloc(BYTES), resolve));
    await until('the connection', async () => {
      const { pairs } = await get<PairList>('/api/connections/pairs?address=127.0.0.1&limit=1000');
      const own = pairs.filter((pair) => pair.port === port() && pair.direction === 'out');
      const bytes = own.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
      return Math.abs(bytes - BYTES) <= BYTES * TOLERANCE;
    });
  });

  test('killed and started again it needs no token, and sends what it had kept, captures too', {
    timeout: 400_000,
  }, async () => {
    execFileSync('/usr/bin/python3', ['-c', MEMORY_PROGRAM]);
    await until('the case', async () => (await running.cases()).length > 0);
    await until('a capture', async () => readdirSync(join(folder, 'captures')).some((name) => name.endsWith('.part')));
    agent?.kill('SIGKILL');
    await sleep(500);
    start([]);
    const marker = `again-${process.pid}`;
    await until('the command', async () => {
      execFileSync('/bin/true', [marker]);
      const { rows } = await get<ActivityView>(`/api/activity?q=${marker}`);
      return rows.length > 0;
    });
    await until('an empty spool', async () => !readdirSync(join(folder, 'spool')).some((name) => name.endsWith('.gz')));
    // It was being recorded when the agent was killed: what there is of it is evidence all the same.
    let found: CaptureView | undefined;
    let isGapTold = false;
    await until('the capture and the gap', async () => {
      for (const { id } of await running.cases()) {
        const { captures, gaps } = await get<HostEvidence>(`/api/cases/${id}/recordings`);
        // Nobody looked between the two lives.
        isGapTold ||= gaps.some((gap) => gap.host === 'edge-1' && gap.class === 'all' && gap.from < gap.to);
        found ??= captures.find(({ host, state }) => host === 'edge-1' && state === 'cut');
      }
      return found !== undefined && isGapTold;
    });
    const response = await fetch(`${running.app.url}/api/captures/${found?.id}`, { headers: { cookie: ann.cookie } });
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(found?.sha256);
  });
});
