/**
 * Watches one host for as long as it is told to: gets a sensor's bytes, follows them, and reports what came of it.
 *
 * The surprise: nothing waits but the sensor. While the server is slow to take records the stream is not read, the sensor's rings
 * fill, and what is lost is told as a gap.
 */
import type { Clock } from '../../ground/clock.ts';
import { messageOf } from '../../ground/failure.ts';
import type { SyscallRecord } from '../syscall/record.ts';
import { createRuntime } from '../../vendors/containers/runtimes.ts';
import { Containers } from './containers.ts';
import { LookBack } from './recording/lookback.ts';
import { withContainer } from './matches/record-of.ts';
import { Recordings } from './recording/recordings.ts';
import type { WatchOrder, WatchReport } from './reports.ts';
import { RecordQueue } from './matches/record-queue.ts';
import type { SensorBytes, SensorEnd } from './program/sensor-bytes.ts';
import { sensorArguments, sensorWishes } from './program/sensor-arguments.ts';
import { SensorSupply } from './program/sensor-supply.ts';
import { type Follower, SensorStream } from './stream.ts';
import { toldBlock } from './recording/told-block.ts';

/** Judges the events of the host. */
export interface Judge extends Follower {
  readonly eventNames: readonly string[];
  readonly repeats: number;
}

export interface HostWatchOptions {
  readonly order: WatchOrder;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly judge: (onRecord: (record: SyscallRecord, risk: number) => void) => Judge;
  /** Who else follows the stream, and the types of events that they need. */
  readonly followers?: readonly Follower[];
  readonly alsoTell?: readonly string[];
  /** The host's state as the beginning of a capture. */
  readonly stateOf: (stream: SensorStream) => Uint8Array | null;
  readonly report: (report: WatchReport) => void;
}

const HEALTH_MS = 5_000;
const LOOK_MS = 250;
/** What a life had not told when it ended is younger than this: matches that waited for the name of their container. */
const UNTOLD_MS = 5_000;
const NS_PER_MS = 1_000_000n;

export class HostWatch {
  readonly #options: HostWatchOptions;
  readonly #recordings: Recordings;
  readonly #lookBack: LookBack;
  readonly #judge: Judge;
  readonly #containers: Containers;
  readonly #supply: SensorSupply;
  readonly #queue: RecordQueue;
  #stream: SensorStream | null = null;
  #lost = 0;
  #eventsBefore = 0;
  #lastHeardMs: number | null;

  constructor(options: HostWatchOptions) {
    this.#options = options;
    const { order, clock, newId, report } = options;
    this.#lastHeardMs = order.lastHeardMs === null ? null : order.lastHeardMs - UNTOLD_MS;
    this.#recordings = new Recordings({
      directory: order.captures,
      limits: order.recording,
      newId,
      cut: (fromMs) => this.#lookBack.cut(fromMs),
      nowMs: () => clock.nowMs(),
      onRecording: (recording) => report({ type: 'recording', recording }),
      onFailure: (error) => report({ type: 'failure', what: 'capture', problem: messageOf(error) }),
    });
    this.#lookBack = new LookBack({
      ...order.lookBack,
      state: () => (this.#stream === null ? null : options.stateOf(this.#stream)),
      onPiece: (piece) => this.#recordings.add(piece),
    });
    this.#containers = new Containers({
      sockets: order.runtimes,
      open: createRuntime,
      clock,
      onDescribed: (json) => this.#learn(json),
      onFailure: (problem) => report({ type: 'failure', what: 'containers', problem }),
    });
    this.#queue = new RecordQueue({
      clock,
      isUnnamed: ({ fields }) => this.#containers.isPending(String(fields['container.id'] ?? '')),
      complete: (record) => {
        const container = this.#stream?.machine.containers.get(String(record.fields['container.id']));
        return container === undefined ? record : withContainer(record, container);
      },
      send: (sequence, records) => report({ type: 'records', sequence, records }),
    });
    this.#judge = options.judge((record, risk) => this.#found(record, risk));
    const wanted = { eventNames: [...this.#judge.eventNames, ...(options.alsoTell ?? [])], allReads: order.allReads };
    this.#supply = new SensorSupply({
      sensor: order.sensor,
      clock,
      argumentsFor: (known) => sensorArguments({ ...wanted, known }),
      wishes: sensorWishes(wanted),
      onState: (state, problem) => report({ type: 'state', state, problem }),
    });
  }

  /** The server has committed these records. */
  taken(sequence: number): void {
    this.#queue.taken(sequence);
  }

  /** Watches until `signal` aborts; a sensor that ends is started again, or waited for. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, report } = this.#options;
    await this.#recordings.recover();
    const health = Promise.all([this.#reportHealth(signal), this.#flushInTime(signal)]);
    while (!signal.aborted) {
      const bytes = await this.#supply.next(signal);
      if (bytes === null) break;
      const startedMs = clock.nowMs();
      const end = await this.#follow(bytes, signal);
      if (!signal.aborted) this.#supply.ended(end, clock.nowMs() - startedMs);
    }
    this.#supply.close();
    await health;
    this.#queue.flush(true);
    await this.#recordings.close();
    report({ type: 'state', state: 'stopped', problem: null });
  }

  /** One stream, from its first byte to its last. */
  async #follow(bytes: SensorBytes, signal: AbortSignal): Promise<SensorEnd> {
    const { report } = this.#options;
    const stop = () => bytes.close();
    signal.addEventListener('abort', stop, { once: true });
    const stream = this.#openStream();
    let problem: string | null = null;
    try {
      for await (const chunk of bytes.chunks) {
        this.#take(stream, chunk);
        await this.#queue.room(signal);
      }
    } catch (error) {
      // Damage, or a stream that was closed while it was read. Only the first is news.
      problem = messageOf(error);
    } finally {
      signal.removeEventListener('abort', stop);
      bytes.close();
    }
    this.#containers.pause();
    const end = await bytes.ended;
    this.#queue.flush();
    this.#lookBack.end();
    this.#recordings.end();
    if (signal.aborted || problem === null || end.state !== 'ended') return end;
    report({ type: 'failure', what: 'stream', problem });
    return { state: 'failed', problem };
  }

  #openStream(): SensorStream {
    const { report, clock } = this.#options;
    this.#lookBack.clear();
    this.#containers.pause();
    this.#eventsBefore = 0;
    const heardBeforeMs = this.#lastHeardMs;
    this.#stream = new SensorStream({
      followers: [this.#containers, this.#judge, ...(this.#options.followers ?? [])],
      onStart: () => {
        // Between two streams nobody looked.
        if (heardBeforeMs !== null) {
          const gap = { class: 'all', lost: 0, fromMs: heardBeforeMs, toMs: clock.nowMs() };
          report({ type: 'gap', gap });
        }
        report({ type: 'state', state: 'watching', problem: null });
      },
      onGap: (gap) => {
        this.#lost += gap.lost;
        report({ type: 'gap', gap });
      },
    });
    return this.#stream;
  }

  #take(stream: SensorStream, chunk: Buffer): void {
    const { clock } = this.#options;
    stream.write(chunk);
    this.#lastHeardMs = clock.nowMs();
    const eventMs = stream.lastEventMs === 0 ? this.#lastHeardMs : stream.lastEventMs;
    this.#lookBack.add(chunk, stream.heldBytes, { eventMs, steadyMs: () => clock.steadyMs() });
    if (stream.hasBegun) this.#containers.resume();
    this.#queue.flush();
  }

  /** A runtime told of a container: an event of the stream like any other. */
  #learn(json: string): void {
    const block = toldBlock(BigInt(this.#options.clock.nowMs()) * NS_PER_MS, 'container', json);
    this.#stream?.insert(block);
    this.#lookBack.insert(block);
    this.#queue.flush();
  }

  #found(record: SyscallRecord, risk: number): void {
    this.#queue.add(record);
    if (risk >= this.#options.order.recordFromRisk) {
      this.#recordings.want(record.timeMs, record.matches[0]?.rule ?? '');
    }
  }

  /** Also while the host is quiet. */
  async #flushInTime(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#options.clock.sleep(LOOK_MS, signal);
      this.#queue.flush();
      this.#recordings.look();
    }
  }

  async #reportHealth(signal: AbortSignal): Promise<void> {
    const { clock, report } = this.#options;
    let lookedMs = clock.steadyMs();
    while (!signal.aborted) {
      await clock.sleep(HEALTH_MS, signal);
      const stream = this.#stream;
      if (stream === null || signal.aborted) continue;
      const nowMs = clock.steadyMs();
      const seconds = Math.max(nowMs - lookedMs, 1) / 1_000;
      lookedMs = nowMs;
      const eventsPerSecond = Math.round((stream.events - this.#eventsBefore) / seconds);
      this.#eventsBefore = stream.events;
      const { fromMs } = this.#lookBack;
      report({
        type: 'health',
        health: {
          events: stream.events,
          eventsPerSecond,
          lost: this.#lost,
          repeats: this.#judge.repeats,
          lastEventMs: stream.lastEventMs === 0 ? null : stream.lastEventMs,
          lookBackMs: fromMs === null ? 0 : Math.max(stream.lastEventMs - fromMs, 0),
          lookBackBytes: this.#lookBack.heldBytes,
          threads: stream.machine.threads.threads.size,
          containers: stream.machine.containers.size - 1,
        },
      });
    }
  }
}
