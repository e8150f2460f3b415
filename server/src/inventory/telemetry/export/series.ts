/**
 * Samples → series for Prometheus: what each application uses on each host, all of its instances together, and each host as a whole.
 *
 * The surprise: nothing is a counter. Windows may come from any agent to any server, and twice; an amount a second at a time is the same whoever
 * tells it, where two servers would count two different totals. And no container has a series of its own: a name that lives for a minute
 * would stay in an index for months.
 */
import type { TimeSeries } from '../../../vendors/prometheus/remote-write.ts';
import { type Sample, SAMPLE_WINDOW_MS } from '../sample.ts';

/** Names and help of what is told, in Prometheus' words: base units, the unit last. */
export const METRICS = {
  countersign_cpu_cores: 'Processors in use, on average over ten seconds.',
  countersign_cpu_max_cores: 'Processors in use by the busiest instance, in its busiest second.',
  countersign_cpu_request_cores: 'Processors asked for.',
  countersign_cpu_limit_cores: 'Processors that may be used at most.',
  countersign_cpu_throttled_ratio: 'Of the periods of the processor quota, those in which it was held back.',
  countersign_memory_working_set_bytes: 'Memory that cannot be taken away without harm.',
  countersign_memory_max_bytes: 'The same, of the largest instance, in its largest second.',
  countersign_memory_rss_bytes: 'Memory that is no file.',
  countersign_memory_limit_bytes: 'Memory that may be used at most.',
  countersign_disk_read_bytes_per_second: 'Read from disks.',
  countersign_disk_written_bytes_per_second: 'Written to disks.',
  countersign_network_received_bytes_per_second: 'Received over interfaces other than loopback.',
  countersign_network_sent_bytes_per_second: 'Sent over interfaces other than loopback.',
  countersign_oom_kills: 'Processes killed for want of memory in the last ten seconds.',
  countersign_restarts: 'Instances that were started again in the last ten seconds.',
  countersign_processes: 'Processes.',
  countersign_instances: 'Containers, units or programs that ran.',
} as const;
export type MetricName = keyof typeof METRICS;
const NAMES = Object.keys(METRICS) as readonly MetricName[];

/** One application on one host (or the host) in one window. */
export interface Entry {
  /** By which it is told apart from others. */
  readonly key: string;
  readonly timeMs: number;
  readonly labels: Labels;
  /** In the order of `METRICS`; NaN: not known. */
  readonly values: Float64Array;
}

export type Labels = readonly (readonly [name: string, value: string])[];

/** What is told of samples; processes are not. */
export function entriesOf(samples: readonly Sample[]): readonly Entry[] {
  const together = new Map<string, Sample[]>();
  for (const sample of samples) {
    if (sample.kind === 'process') continue;
    const { host, kind, application, part, windowMs } = sample;
    const key = `${windowMs}\n${host}\n${kind}\n${application}\n${part}`;
    const known = together.get(key);
    if (known === undefined) together.set(key, [sample]);
    else known.push(sample);
  }
  return [...together].flatMap(([key, all]) => {
    const [first] = all;
    if (first === undefined) return [];
    const { host, kind, application, part, windowMs } = first;
    const labels = Object.entries({ application, host, kind, part }).filter(([, value]) => value !== '');
    // The window has ended when it is told.
    return [
      { key: key.slice(key.indexOf('\n') + 1), timeMs: windowMs + SAMPLE_WINDOW_MS, labels, values: valuesOf(all) },
    ];
  });
}

/** @param own labels that whoever configured the receiver adds. */
export function seriesOf({ labels, values, timeMs }: Entry, own: Labels): readonly TimeSeries[] {
  const all = [...own, ...labels];
  return NAMES.flatMap((name, place): readonly TimeSeries[] => {
    const value = values[place] ?? Number.NaN;
    if (Number.isNaN(value)) return [];
    const sorted = [['__name__', name] as const, ...all].toSorted(([one], [other]) => (one < other ? -1 : 1));
    return [{ labels: sorted, value, timeMs }];
  });
}

const SECONDS = SAMPLE_WINDOW_MS / 1_000;

function valuesOf(all: readonly Sample[]): Float64Array {
  const values = new Float64Array(NAMES.length).fill(Number.NaN);
  const set = (name: MetricName, value: number) => {
    values[NAMES.indexOf(name)] = value;
  };
  const known = (value: (sample: Sample) => number | null) =>
    all.map(value).filter((one): one is number => one !== null);
  const sum = (name: MetricName, value: (sample: Sample) => number | null, scale = 1) => {
    const found = known(value);
    if (found.length > 0) set(name, found.reduce((total, one) => total + one, 0) / scale);
  };
  const most = (name: MetricName, value: (sample: Sample) => number | null) => {
    const found = known(value);
    if (found.length > 0) set(name, Math.max(...found));
  };
  sum('countersign_cpu_cores', ({ cpuMs }) => cpuMs, SAMPLE_WINDOW_MS);
  most('countersign_cpu_max_cores', ({ cpuMax }) => cpuMax);
  sum('countersign_cpu_request_cores', ({ cpuRequest }) => cpuRequest);
  sum('countersign_cpu_limit_cores', ({ cpuLimit }) => cpuLimit);
  sum('countersign_memory_working_set_bytes', ({ memoryBytes }) => memoryBytes);
  most('countersign_memory_max_bytes', ({ memoryMaxBytes }) => memoryMaxBytes);
  sum('countersign_memory_rss_bytes', ({ rssBytes }) => rssBytes);
  sum('countersign_memory_limit_bytes', ({ memoryLimit }) => memoryLimit);
  sum('countersign_disk_read_bytes_per_second', ({ readBytes }) => readBytes, SECONDS);
  sum('countersign_disk_written_bytes_per_second', ({ writtenBytes }) => writtenBytes, SECONDS);
  sum('countersign_network_received_bytes_per_second', ({ receivedBytes }) => receivedBytes, SECONDS);
  sum('countersign_network_sent_bytes_per_second', ({ sentBytes }) => sentBytes, SECONDS);
  sum('countersign_oom_kills', ({ oomKills }) => oomKills);
  sum('countersign_restarts', ({ restarts }) => restarts);
  sum('countersign_processes', ({ processes }) => processes);
  set('countersign_instances', all.length);
  const periods = known(({ periods: one }) => one).reduce((total, one) => total + one, 0);
  const throttled = known(({ throttled: one }) => one).reduce((total, one) => total + one, 0);
  if (periods > 0) set('countersign_cpu_throttled_ratio', throttled / periods);
  return values;
}
