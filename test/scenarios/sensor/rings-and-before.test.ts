/** What no call tells: opens and connects through io_uring, and what was there before the sensor. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { describeWithSensor, record } from '../../sensor.ts';

const run = promisify(execFile);
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'countersign-rings-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function listen(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve({ server, port: typeof address === 'object' && address !== null ? address.port : 0 });
    });
  });
}

describeWithSensor('io_uring', () => {
  test('hides neither a file nor a connection', async () => {
    const program = join(folder, 'uring');
    const source = fileURLToPath(new URL('../../../sensor/test/uring.c', import.meta.url));
    execFileSync('cc', ['-O2', '-o', program, source]);
    const { server, port } = await listen();
    let printed = '';
    const { events } = await record(
      async () => {
        printed = (await run(program, [join(folder, 'hidden'), String(port)])).stdout.trim();
      },
      { fields: ['fd.name', 'evt.arg.flags', 'evt.arg.tuple'], keep: (told) => told['proc.name'] === 'uring' },
    );
    server.close();
    const [file, result] = printed.split(' ');
    const opened = events.find((told) => told['fd.name'] === join(folder, 'hidden'));
    expect(opened).toMatchObject({ 'evt.type': 'openat', 'evt.rawres': file });
    expect(opened?.['evt.arg.flags']).toContain('O_CREAT|O_WRONLY');
    const connected = events.find((told) => told['evt.type'] === 'connect');
    expect(result).toBe('0');
    expect(connected).toMatchObject({ 'evt.rawres': '0' });
    expect(connected?.['evt.arg.tuple']).toContain(`->127.0.0.1:${port}`);
  });
});

describeWithSensor('what was there before', () => {
  test('is known: programs with arguments and directory, files and both ends of connections', async () => {
    const { server, port } = await listen();
    const script = `
import os, socket, sys
f = open('held', 'w')
s = socket.create_connection(('127.0.0.1', ${port}))
print('ready', flush=True)
sys.stdin.readline()
os.write(f.fileno(), b'after')
os.dup2(s.fileno(), 70)`;
    const child = spawn('/usr/bin/python3', ['-c', script, 'before'], {
      cwd: folder,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const ended = new Promise((resolve) => child.once('close', resolve));
    const { events } = await record(
      async () => {
        child.stdin.end('go\n');
        await ended;
      },
      {
        fields: ['fd.name', 'proc.args', 'proc.cwd', 'proc.exepath', 'fd.type', 'fd.rport'],
        keep: (told) => told['proc.pid'] === String(child.pid),
      },
    );
    server.close();
    const written = events.find((told) => told['evt.type'] === 'write' && told['fd.name'] === join(folder, 'held'));
    expect(written).toMatchObject({ 'evt.rawres': '5', 'proc.name': 'python3', 'proc.cwd': `${folder}/` });
    expect(written?.['proc.args']).toContain('before');
    expect(written?.['proc.exepath']).toContain('/python3');
    const doubled = events.find((told) => told['evt.type'] === 'dup2');
    expect(doubled).toMatchObject({ 'fd.type': 'ipv4', 'fd.rport': String(port) });
  });
});
