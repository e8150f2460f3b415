/** Telemetry to a receiver of remote write: what arrives, what happens when it is away, refuses, or asks to wait; and that nothing grows without end. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FakeReceiver, startFakeReceiver } from '../../../../../test/fakes/remote-write.ts';
import { sampleTelemetry } from '../../../../../test/sample-telemetry.ts';
import { ManualClock, systemClock } from '../../../ground/clock.ts';
import { recordingLog } from '../../../ground/log.ts';
import { postWrite } from '../../../vendors/prometheus/remote-write.ts';
import { Exporter, type ExporterOptions } from './exporter.ts';

const NOW = 1_790_000_000_000;
let receiver: FakeReceiver;
let stop: AbortController;
let running: Promise<void> = Promise.resolve();
const log = recordingLog();

beforeEach(async () => {
  receiver = await startFakeReceiver();
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await running;
  await receiver.close();
});

function exporter(changes: Partial<ExporterOptions> = {}): Exporter {
  return new Exporter({
    name: 'prometheus',
    labels: [['cluster', 'shop']],
    post: (series) => postWrite(receiver.url, series, { authorization: 'Bearer x' }),
    clock: systemClock,
    log,
    ...changes,
  });
}

async function until(fits: () => boolean): Promise<void> {
  for (let time = 0; time < 400 && !fits(); time += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(fits()).toBe(true);
}

describe('a receiver', () => {
  test('gets each application of each host once a window, all of its instances together', async () => {
    const one = exporter();
    running = one.run(stop.signal);
    const process = sampleTelemetry(NOW, { kind: 'process', id: '7.1' });
    const host = sampleTelemetry(NOW, { kind: 'host', id: '', application: '', cpuMs: 15_000, periods: null });
    one.add([sampleTelemetry(NOW), sampleTelemetry(NOW, { id: 'b', cpuMax: 1.5, throttled: 50 }), process, host]);
    await until(() => one.counts.sentSamples > 0);
    const labels = { application: 'shop/deployment/web', cluster: 'shop', host: 'node-1', kind: 'container' };
    const of = (name: string, kind = 'container') =>
      receiver.samples.filter((sample) => sample.labels['__name__'] === name && sample.labels['kind'] === kind);
    expect(of('countersign_cpu_cores')).toEqual([
      { labels: { ...labels, __name__: 'countersign_cpu_cores' }, value: 1, timeMs: NOW + 10_000 },
    ]);
    expect(of('countersign_cpu_max_cores')[0]?.value).toBe(1.5);
    expect(of('countersign_cpu_throttled_ratio')[0]?.value).toBe(0.25);
    expect(of('countersign_instances')[0]?.value).toBe(2);
    expect(of('countersign_network_sent_bytes_per_second')[0]?.value).toBe(400);
    expect(of('countersign_cpu_cores', 'host')[0]?.value).toBe(1.5);
    expect(of('countersign_cpu_throttled_ratio', 'host')).toEqual([]);
    expect(of('countersign_cpu_cores', 'process')).toEqual([]);
    expect([receiver.faults, receiver.authorizations]).toEqual([[], ['Bearer x']]);
    expect(one.counts).toMatchObject({ sentSamples: receiver.samples.length, waitingEntries: 0 });
  });

  test('that is away gets it later, in the order of time', async () => {
    receiver.answer = { status: 503 };
    const one = exporter();
    running = one.run(stop.signal);
    for (let window = 0; window < 3; window += 1) one.add([sampleTelemetry(NOW + window * 10_000)]);
    await until(() => receiver.requests >= 1);
    expect(receiver.samples).toEqual([]);
    receiver.answer = null;
    await until(() => one.counts.waitingEntries === 0);
    const times = receiver.samples.filter(({ labels }) => labels['__name__'] === 'countersign_cpu_cores');
    expect(times.map(({ timeMs }) => timeMs)).toEqual([NOW + 10_000, NOW + 20_000, NOW + 30_000]);
  });

  test('that refuses for good is not asked again; what follows is sent', async () => {
    receiver.answer = { status: 400 };
    const one = exporter();
    running = one.run(stop.signal);
    one.add([sampleTelemetry(NOW)]);
    await until(() => one.counts.refusedSamples > 0);
    receiver.answer = null;
    one.add([sampleTelemetry(NOW + 10_000)]);
    await until(() => receiver.samples.length > 0);
    expect(receiver.samples.every(({ timeMs }) => timeMs === NOW + 20_000)).toBe(true);
  });
});

describe('with a clock that stands still', () => {
  test('pauses grow, are as long as was asked for, and not longer than a minute', async () => {
    const slept: number[] = [];
    const clock = new ManualClock(NOW);
    const sleepless = {
      nowMs: () => clock.nowMs(),
      steadyMs: () => clock.steadyMs(),
      sleep: async (ms: number) => void slept.push(ms),
    };
    const answers = [null, 5_000, 600_000];
    const one = exporter({
      clock: sleepless,
      post: async () => {
        const retryAfterMs = answers.shift();
        if (retryAfterMs === undefined) {
          stop.abort();
          return { type: 'unreachable', reason: 'gone' };
        }
        return { type: 'refused', status: 429, reason: 'slow down', retryAfterMs, retryable: true };
      },
    });
    one.add([sampleTelemetry(NOW)]);
    running = one.run(stop.signal);
    await running;
    expect(slept).toEqual([1_000, 5_000, 60_000, 8_000]);
    expect(one.counts.waitingEntries).toBe(1);
  });

  test('what waits is bounded, the oldest goes first; names are bounded, for an hour', () => {
    const clock = new ManualClock(NOW);
    const one = exporter({ clock, mostWaiting: 3, mostNames: 2 });
    for (let index = 0; index < 5; index += 1) one.add([sampleTelemetry(NOW + index * 10_000)]);
    expect(one.counts).toMatchObject({ waitingEntries: 3, droppedEntries: 2, leftOutEntries: 0 });
    for (const application of ['b', 'c', 'd']) one.add([sampleTelemetry(NOW, { application })]);
    expect(one.counts.leftOutEntries).toBe(2);
    clock.advance(3_600_000);
    one.add([sampleTelemetry(NOW, { application: 'd' })]);
    expect(one.counts.leftOutEntries).toBe(2);
  });
});
