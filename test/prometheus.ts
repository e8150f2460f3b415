/** A real Prometheus for tests: takes remote write, keeps it in a folder of its own, and is asked over HTTP. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith } from './data.ts';

const PROGRAM = '/usr/bin/prometheus';
const READY_MS = 30_000;
const STEP_MS = 100;

export const describeWithPrometheus = describeWith({
  name: 'prometheus (Debian: prometheus)',
  present: existsSync(PROGRAM),
});

export interface RealPrometheus {
  readonly url: string;
  /** Value and labels of each series that the expression gives at a time. */
  query(expression: string, atMs: number): Promise<readonly { labels: Record<string, string>; value: number }[]>;
  close(): Promise<void>;
}

export async function startPrometheus(): Promise<RealPrometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-prometheus-'));
  const port = await freePort();
  writeFileSync(join(folder, 'prometheus.yml'), 'global: {}\n');
  const child = spawn(
    PROGRAM,
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-remote-write-receiver',
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], cwd: folder },
  );
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said += text.toString();
  });
  const url = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + READY_MS;
  while (!(await isReady(url))) {
    if (Date.now() > deadline || child.exitCode !== null) throw new Error(`prometheus is not ready: ${said}`);
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
  return { url, query: (expression, atMs) => query(url, expression, atMs), close: () => close(child, folder) };
}

async function query(url: string, expression: string, atMs: number) {
  const asked = new URLSearchParams({ query: expression, time: String(atMs / 1_000) });
  const response = await fetch(`${url}/api/v1/query?${asked.toString()}`);
  const { data, error } = (await response.json()) as {
    data?: { result: { metric: Record<string, string>; value: [number, string] }[] };
    error?: string;
  };
  if (data === undefined) throw new Error(error);
  return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/-/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

async function close(child: ChildProcess, folder: string): Promise<void> {
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  await ended;
  rmSync(folder, { recursive: true, force: true });
}
