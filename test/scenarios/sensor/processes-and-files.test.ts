/** What the sensor tells of a call is what the call did: a small program does it, the event is found with its parameters. */
import { execFile } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { describeWithSensor, record } from '../../sensor.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'countersign-sensor-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = promisify(execFile);

async function python(script: string, ...args: string[]): Promise<void> {
  await run('/usr/bin/python3', ['-c', script, ...args]);
}

describeWithSensor('the sensor', () => {
  test('an exec is told with arguments, program, directory, ids and who started it', async () => {
    const { events, damaged, complaints } = await record(
      async () => {
        await run('/bin/sh', ['-c', '/bin/echo one "two words" > /dev/null; true'], { cwd: folder });
      },
      {
        fields: ['proc.cmdline', 'proc.exepath', 'proc.cwd', 'proc.pname', 'user.uid', 'proc.exe', 'evt.arg.filename'],
        keep: (told) => told['evt.type'] === 'execve' && told['proc.cwd'] === `${folder}/`,
      },
    );
    expect(complaints).toBe('');
    expect(damaged).toBe(0);
    expect(events.map((told) => told['proc.name'])).toEqual(['sh', 'echo']);
    expect(events[1]).toMatchObject({
      'proc.cmdline': 'echo one two words',
      'proc.exepath': realpathSync('/bin/echo'),
      'proc.exe': '/bin/echo',
      'proc.pname': 'sh',
      'user.uid': '0',
      'evt.arg.filename': '/bin/echo',
      'evt.rawres': '0',
      'container.id': 'host',
    });
  });

  test('files are told with names, flags and results, also below an open directory', async () => {
    const { events } = await record(
      () =>
        python(
          `import os,sys
os.chdir(sys.argv[1])
os.close(os.open('made', os.O_WRONLY|os.O_CREAT|os.O_EXCL, 0o640))
d=os.open('.', os.O_DIRECTORY)
os.close(os.open('made', os.O_RDONLY, dir_fd=d))`,
          folder,
        ),
      {
        fields: ['fd.name', 'evt.arg.flags', 'evt.arg.mode'],
        keep: (told) => (told['fd.name'] ?? '').startsWith(folder),
      },
    );
    const opened = events.filter((told) => told['evt.type'] === 'openat');
    expect(opened.map((told) => told['fd.name'])).toEqual([`${folder}/made`, folder, `${folder}/made`]);
    expect(opened[0]?.['evt.arg.flags']).toContain('O_EXCL|O_CREAT|O_WRONLY');
    expect(opened[0]?.['evt.arg.mode']).toBe('0640');
  });

  test('what is written adds up, with few events, also when nobody closes the file', async () => {
    const file = `${folder}/written`;
    const { events } = await record(
      () =>
        python(
          `import os,sys
f=os.open(sys.argv[1], os.O_WRONLY|os.O_CREAT)
for _ in range(1000): os.write(f, b'0123456789')
g=os.dup(f)
os.close(f)
for _ in range(500): os.write(g, b'0123456789')
os._exit(0)`,
          file,
        ),
      { fields: ['fd.name'], keep: (told) => told['evt.type'] === 'write' && told['fd.name'] === file },
    );
    expect(events.reduce((sum, told) => sum + Number(told['evt.rawres']), 0)).toBe(15_000);
    expect(events.length).toBeLessThan(10);
  });

  test('connections are told with both ends, on both sides', async () => {
    const server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { events } = await record(
      () => python(`import socket\nsocket.create_connection(('127.0.0.1', ${port})).recv(1)`),
      {
        fields: ['fd.name', 'fd.sport', 'fd.cip'],
        keep: (told) =>
          ['connect', 'accept', 'accept4'].includes(told['evt.type'] ?? '') && told['fd.sport'] === String(port),
      },
    );
    server.close();
    const connect = events.find((told) => told['evt.type'] === 'connect');
    const accept = events.find((told) => told['evt.type'] !== 'connect');
    expect(connect).toMatchObject({ 'fd.cip': '127.0.0.1', 'evt.rawres': '0', 'proc.name': 'python3' });
    expect(accept?.['fd.name']).toBe(connect?.['fd.name']);
  });
});
