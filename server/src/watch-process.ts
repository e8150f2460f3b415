/**
 * The process that watches one host: joins the stream of a sensor with the rules, and tells the server what they said.
 *
 * It is a process of its own because it reads what anybody on the host can write (names, command lines) at a hundred thousand
 * events a second: neither a fault nor the load of it may hold up a page. It needs no rights. The first line of standard input is its
 * order; it lives as long as that stays open.
 */
import { createInterface } from 'node:readline';
import { writeState } from '@countersign/scap';
import { systemClock } from './ground/clock.ts';
import { systemRandom } from './ground/random.ts';
import { createHostRollUp, type HostRollUp, lookAtHost, piecesOf } from './host-roll-up.ts';
import { createHostTelemetry } from './host-telemetry.ts';
import { createHostJudge } from './rules/host-judge.ts';
import { loadPack } from './rules/pack.ts';
import { HostWatch } from './sources/sensor/host-watch.ts';
import type { WatchAnswer, WatchOrder, WatchReport } from './sources/sensor/reports.ts';

// A terminal's Ctrl-C and a service manager's stop reach the whole group; the parent decides when this process ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.stdout.on('error', () => process.exit(1));

const WINDOW_MS = 10_000;
const stopping = new AbortController();
const input = createInterface({ input: process.stdin });
let watch: HostWatch | null = null;

input.on('line', (line) => {
  if (watch === null) begin(JSON.parse(line) as WatchOrder);
  else watch.taken((JSON.parse(line) as WatchAnswer).sequence);
});
input.once('close', () => stopping.abort());

function begin(order: WatchOrder): void {
  const { ruleset } = loadPack(order.rules);
  const telemetry = createHostTelemetry();
  const rollUp = createHostRollUp({ host: order.host, network: '', groups: order.groups, machine: lookAtHost('/') });
  watch = new HostWatch({
    order,
    clock: systemClock,
    newId: () => systemRandom.id(systemClock.nowMs()),
    followers: [...rollUp.followers, telemetry.follower],
    alsoTell: rollUp.eventNames,
    judge: (onRecord) => createHostJudge({ ...order, rules: ruleset.rules, onRecord }),
    stateOf: ({ machine }) => writeState(machine),
    report,
  });
  const rolling = rollUpUntil(rollUp, stopping.signal);
  const sampling = telemetry.run(systemClock, (piece) => report({ type: 'roll-up', rollUp: piece }), stopping.signal);
  watch
    .run(stopping.signal)
    .then(rolling.finish)
    .then(() => sampling)
    .then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
        process.exit(1);
      },
    );
}

/** Tells every window what came in it; the last one when the watch has ended. */
function rollUpUntil(rollUp: HostRollUp, signal: AbortSignal): { readonly finish: () => Promise<void> } {
  const tell = (isLast = false) => {
    for (const piece of piecesOf(rollUp.take(systemClock.nowMs(), { isLast })))
      report({ type: 'roll-up', rollUp: piece });
  };
  const done = (async () => {
    while (!signal.aborted) {
      await systemClock.sleep(WINDOW_MS, signal);
      if (!signal.aborted) tell();
    }
  })();
  return { finish: () => done.then(() => tell(true)) };
}

function report(line: WatchReport): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
