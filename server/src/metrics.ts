/**
 * How we are ourselves, as Prometheus scrapes it: is intake alive, does work move, what do we use. Gathered when somebody asks.
 *
 * The surprise: nearly nothing here is counted in memory. Totals are read from the tables, so that they survive restarts and are the same on
 * every server of one database; only what a process uses and sends on (`process_*`, `nodejs_*`, `countersign_remote_write_*`) is its own.
 */
import type { NowView } from '@countersign/contract';
import { sql } from 'kysely';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { Clock } from './ground/clock.ts';
import type { Access, HttpServer } from './ground/http.ts';
import type { EventEngine } from './ground/event-engine.ts';
import type { State } from './ground/state.ts';
import { listAgents } from './fleet/store.ts';
import type { Exporter } from './inventory/telemetry/export/exporter.ts';
import { METRICS } from './inventory/telemetry/export/series.ts';
import type { LatestUsage, TelemetryStore } from './inventory/telemetry/store.ts';

export interface MetricsOptions {
  readonly state: State;
  readonly clock: Clock;
  /** What the Now page knows of intake. */
  readonly intake: () => Promise<Omit<NowView, 'waiting' | 'paged'>>;
  readonly engine: Pick<EventEngine, 'status'>;
  readonly telemetry: Pick<TelemetryStore, 'latest'>;
  readonly exporters: readonly Exporter[];
  /** Anybody who is signed in, a program with a token among them. */
  readonly access: Access;
}

export function registerMetricsRoute(server: HttpServer, options: MetricsOptions): void {
  const metrics = new Metrics();
  server.get('/metrics', { config: { access: options.access } }, async (_request, reply) => {
    const text = await metrics.gather(options);
    return reply.type(metrics.contentType).send(text);
  });
}

type Labelled = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labelled, value: number];

/** Hosts and applications, those that use most processor: a scrape is read by one machine at once. */
const MOST_USED = 1_000;
const MOST_AGENTS = 1_000;

class Metrics {
  readonly #registry = new Registry();
  readonly #metrics = new Map<string, Counter | Gauge>();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async gather({ state, clock, intake, engine, telemetry, exporters }: MetricsOptions): Promise<string> {
    const [view, work, cases, agents, used] = await Promise.all([
      intake(),
      workOf(state, clock.nowMs()),
      casesOf(state),
      listAgents(state),
      // Without the store of events everything else is told all the same, and that it is away.
      telemetry.latest(clock.nowMs(), MOST_USED).catch(() => []),
    ]);
    this.#intake(view);
    this.#agents(agents.slice(0, MOST_AGENTS));
    this.#used(used);
    this.#exporters(exporters);
    const { up, restarts } = engine.status();
    this.#set('countersign_event_engine_up', 'Whether events can be stored and searched.', [[{}, up ? 1 : 0]]);
    this.#set('countersign_event_engine_restarts_total', 'How often the embedded engine was started again.', [
      [{}, restarts],
    ]);
    this.#set('countersign_cases', 'Cases by state.', cases);
    this.#set('countersign_effects_waiting', 'Decided and not done yet, by kind.', work.waiting);
    this.#set(
      'countersign_effects_oldest_due_seconds',
      'For how long the oldest of what is due has waited. It should stay near 0.',
      [[{}, work.oldestSeconds]],
    );
    return this.#registry.metrics();
  }

  #intake({ intake, accounts, hosts }: Omit<NowView, 'waiting' | 'paged'>): void {
    const bySource = (value: (source: (typeof intake)[number]) => number | null) =>
      samples(intake, ({ source }) => ({ source }), value);
    this.#set(
      'countersign_intake_events_total',
      'Events processed.',
      bySource(({ eventCount }) => eventCount),
    );
    this.#set(
      'countersign_intake_malformed_total',
      'Records put aside.',
      bySource(({ malformedCount }) => malformedCount),
    );
    this.#set(
      'countersign_intake_backlog_batches',
      'Accepted and not processed yet.',
      bySource(({ backlog }) => backlog),
    );
    const heard = 'When something was last heard, in seconds since 1970.';
    const bySourceHeard = bySource(({ lastHeardAt }) => secondsOf(lastHeardAt));
    this.#set('countersign_intake_last_heard_timestamp_seconds', heard, bySourceHeard);
    const account = ({ account: id, name }: (typeof accounts)[number]) => ({ account: id, name });
    const byAccount = samples(accounts, account, ({ lastHeardAt }) => secondsOf(lastHeardAt));
    this.#set('countersign_account_last_heard_timestamp_seconds', heard, byAccount);
    const byHost = (value: (host: (typeof hosts)[number]) => number | null) =>
      samples(hosts, ({ host }) => ({ host }), value);
    this.#set(
      'countersign_host_last_heard_timestamp_seconds',
      heard,
      byHost(({ lastHeardAt }) => secondsOf(lastHeardAt)),
    );
    this.#set(
      'countersign_host_events_total',
      'Events that the sensor told since it began.',
      byHost(({ eventCount }) => eventCount),
    );
    this.#set(
      'countersign_host_lost_events_total',
      'Events that the sensor could not tell since it began.',
      byHost(({ lostCount }) => lostCount),
    );
  }

  #agents(agents: Awaited<ReturnType<typeof listAgents>>): void {
    const byAgent = (value: (agent: (typeof agents)[number]) => number | null) =>
      samples(agents, ({ host, id }) => ({ host, agent: id }), value);
    const heard = byAgent(({ lastHeardMs }) => (lastHeardMs === null ? null : lastHeardMs / 1_000));
    this.#set('countersign_agent_last_heard_timestamp_seconds', 'When it last sent something.', heard);
    const dropped = byAgent((agent) => agent.dropped);
    this.#set('countersign_agent_dropped_batches_total', 'What the spool of an agent had no room for.', dropped);
  }

  #used(used: readonly LatestUsage[]): void {
    const set = (name: keyof typeof METRICS, value: (one: LatestUsage) => number | null) =>
      this.#set(name, METRICS[name], samples(used, labelsOf, value));
    set('countersign_cpu_cores', ({ cpu }) => cpu);
    set('countersign_memory_working_set_bytes', ({ memoryBytes }) => memoryBytes);
    set('countersign_network_received_bytes_per_second', ({ receivedBytes }) => receivedBytes);
    set('countersign_network_sent_bytes_per_second', ({ sentBytes }) => sentBytes);
    set('countersign_oom_kills', ({ oomKills }) => oomKills);
    set('countersign_restarts', ({ restarts }) => restarts);
  }

  #exporters(exporters: readonly Exporter[]): void {
    const set = (name: string, help: string, value: (exporter: Exporter) => number) =>
      this.#set(
        `countersign_remote_write_${name}`,
        help,
        samples(exporters, (one) => ({ receiver: one.name }), value),
      );
    set('sent_samples_total', 'Taken by the receiver.', ({ counts }) => counts.sentSamples);
    set('refused_samples_total', 'Refused by the receiver for good.', ({ counts }) => counts.refusedSamples);
    set('dropped_entries_total', 'The oldest, when too much waited.', ({ counts }) => counts.droppedEntries);
    set('left_out_entries_total', 'Beyond the bound of names.', ({ counts }) => counts.leftOutEntries);
    set('waiting_entries', 'Not sent yet. It should stay near 0.', ({ counts }) => counts.waitingEntries);
  }

  /** The samples replace those of the last time; what ends in `_total` is a counter. */
  #set(name: string, help: string, all: readonly Sample[]): void {
    const registers = [this.#registry];
    const labelNames = Object.keys(all[0]?.[0] ?? {});
    let metric = this.#metrics.get(name);
    if (metric === undefined) {
      // Labels are known with the first sample.
      if (all.length === 0) return;
      metric = name.endsWith('_total')
        ? new Counter({ name, help, labelNames, registers })
        : new Gauge({ name, help, labelNames, registers });
      this.#metrics.set(name, metric);
    }
    metric.reset();
    for (const [labels, value] of all) metric.inc(labels, value);
  }
}

function samples<Item>(
  items: readonly Item[],
  labels: (item: Item) => Labelled,
  value: (item: Item) => number | null,
): readonly Sample[] {
  return items.flatMap((item): Sample[] => {
    const found = value(item);
    return found === null ? [] : [[labels(item), found]];
  });
}

/** The host itself has no application. */
function labelsOf({ host, application }: LatestUsage): Labelled {
  return { host, application };
}

function secondsOf(iso: string | null): number | null {
  return iso === null ? null : Date.parse(iso) / 1_000;
}

async function workOf(state: State, nowMs: number) {
  const { rows } = await sql<{ kind: string; waiting: number; oldest: number | null }>`
    select kind, count(*)::int as waiting, min(due_ms)::float8 as oldest
    from outbox where finished_ms is null group by kind order by kind`.execute(state.db);
  const oldestMs = Math.min(nowMs, ...rows.flatMap(({ oldest }) => oldest ?? []));
  return {
    waiting: rows.map(({ kind, waiting }): Sample => [{ kind }, waiting]),
    oldestSeconds: (nowMs - oldestMs) / 1_000,
  };
}

async function casesOf(state: State): Promise<readonly Sample[]> {
  const { rows } = await sql<{ state: string; count: number }>`
    select state, count(*)::int as count from case_record group by state order by state`.execute(state.db);
  return rows.map(({ state: name, count }): Sample => [{ state: name }, count]);
}
