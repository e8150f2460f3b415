/**
 * A real PostgreSQL for tests: a throw-away cluster from the programs that Debian installs, started on first use and stopped
 * when the test process ends. Nothing of the machine's own clusters is touched.
 */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const PROGRAMS = '/usr/lib/postgresql';
const START_TIMEOUT_MS = 30_000;

function newestPrograms(): string | null {
  if (!existsSync(PROGRAMS)) return null;
  const versions = readdirSync(PROGRAMS).filter((version) => existsSync(join(PROGRAMS, version, 'bin', 'initdb')));
  const newest = versions.sort((one, other) => Number(other) - Number(one))[0];
  return newest === undefined ? null : join(PROGRAMS, newest, 'bin');
}

export const POSTGRES_PRESENT = newestPrograms() !== null;

let running: Promise<string> | null = null;
let databases = 0;

/** The URL of a fresh, empty database. */
export async function freshDatabase(): Promise<string> {
  running ??= startCluster();
  const base = await running;
  databases += 1;
  const name = `test_${process.pid}_${databases}`;
  const client = new pg.Client({ connectionString: `${base}/postgres` });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  return `${base}/${name}`;
}

async function startCluster(): Promise<string> {
  const programs = newestPrograms();
  if (programs === null) throw new Error(`no PostgreSQL below ${PROGRAMS}`);
  const folder = mkdtempSync(join(tmpdir(), 'countersign-postgres-'));
  chmodSync(folder, 0o777);
  const data = join(folder, 'data');
  // PostgreSQL refuses to run as root; Debian's package brings a user for it.
  const asUser = process.getuid?.() === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'] : [];
  const command = (program: string, args: readonly string[]) => [...asUser, join(programs, program), ...args];
  const [initdb = '', ...initdbArgs] = command('initdb', [
    '-D',
    data,
    '-U',
    'tester',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C',
    '-N',
  ]);
  execFileSync(initdb, initdbArgs, { cwd: folder, stdio: 'ignore' });
  const port = await freePort();
  const settings = {
    fsync: 'on',
    max_connections: '60',
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
  };
  const [server = '', ...serverArgs] = command('postgres', [
    '-D',
    data,
    '-p',
    String(port),
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]);
  // The shell waits for the end of its input, which comes when this process ends, however it ends.
  const script = '"$@" & server=$!; cat >/dev/null; kill -QUIT $server; wait $server; rm -rf "$0"';
  const child = spawn('sh', ['-c', script, folder, server, ...serverArgs], {
    cwd: folder,
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.unref();
  const url = `postgres://tester@127.0.0.1:${port}`;
  await waitUntilUp(`${url}/postgres`);
  return url;
}

async function waitUntilUp(url: string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(100);
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
