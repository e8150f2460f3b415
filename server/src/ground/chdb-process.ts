/**
 * The child process that holds chDB: ClickHouse's engine inside this process, ClickHouse's HTTP protocol on a loopback port.
 *
 * It is a process of its own because the engine is native code: when it crashes it must not take the server along. It
 * lives as long as its standard input stays open, so it also ends when its parent was killed. The first line of the
 * input brings directory and secret, which therefore stand in no argument list and no environment.
 */
import { createInterface } from 'node:readline';
import type { AddressInfo } from 'node:net';
import { ChdbLanes } from './chdb-lanes.ts';
import { createChdbServer } from './chdb-server.ts';

/** First line of standard input. */
export interface ChdbOrder {
  readonly dataDirectory: string;
  readonly secret: string;
}

/** First line of standard output. */
export type ChdbReport =
  | { readonly type: 'ready'; readonly port: number; readonly version: string }
  | { readonly type: 'failed'; readonly reason: 'unsupported' | 'unusable'; readonly message: string };

const DRAIN_MS = 5_000;

async function run(order: ChdbOrder): Promise<() => Promise<void>> {
  const chdb = await import('chdb').catch((error: unknown) => {
    throw new Refusal('unsupported', error);
  });
  const lanes = ChdbLanes.open(chdb, order.dataDirectory);
  const version = (await lanes.run('select version()', {})).toString('utf8').trim();
  const server = createChdbServer(lanes, order.secret);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  report({ type: 'ready', port: (server.address() as AddressInfo).port, version });
  return async () => {
    server.close();
    server.closeIdleConnections();
    await Promise.race([lanes.close(), new Promise((resolve) => setTimeout(resolve, DRAIN_MS))]);
  };
}

class Refusal extends Error {
  readonly reason: 'unsupported';

  constructor(reason: 'unsupported', cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause));
    this.reason = reason;
  }
}

function report(line: ChdbReport): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

// A terminal's Ctrl-C and a service manager's stop reach the whole group; the parent decides when this process ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const input = createInterface({ input: process.stdin });
let stop: Promise<() => Promise<void>> | null = null;
input.once('line', (line) => {
  stop = run(JSON.parse(line) as ChdbOrder);
  stop.catch((error: unknown) => {
    const reason = error instanceof Refusal ? error.reason : 'unusable';
    report({ type: 'failed', reason, message: error instanceof Error ? error.message : String(error) });
    process.exitCode = 1;
    input.close();
  });
});
input.once('close', () => {
  const end = () => process.exit();
  if (stop === null) end();
  else stop.then((close) => close()).then(end, end);
});
