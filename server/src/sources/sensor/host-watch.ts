/**
 * Watches one host for as long as it is told to: gets a sensor's bytes, follows them, and reports what came of it.
 *
 * The surprise: nothing waits but the sensor. While the server is slow to take records the stream is not read, the sensor's rings
 * fill, and what is lost is told as a gap.
 */
import type { Clock } from '../../ground/clock.ts';
import { messageOf } from '../../ground/failure.ts';
import type { SyscallRecord } from '../syscall/record.ts';
import { LookBack } from './lookback.ts';
import { Recordings } from './recordings.ts';
import type { WatchOrder, WatchReport } from './reports.ts';
import { eventsOfSensor, type SensorBytes, type SensorEnd, SensorSocket, startSensor } from './sensor-bytes.ts';
import { sensorArguments } from './sensor-arguments.ts';
import { type Follower, SensorStream } from './stream.ts';

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

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** After this long the pauses start small again. */
const STABLE_MS = 60_000;
const HEALTH_MS = 5_000;
/** Records that the server has not confirmed. */
const MOST_UNTAKEN = 2_000;
const RECORDS_AT_ONCE = 200;
/** Trying again would not help before somebody has done something. */
const HOPELESS_PAUSE_MS = 5 * 60_000;

export class HostWatch {
  readonly #options: HostWatchOptions;
  readonly #recordings: Recordings;
  readonly #lookBack: LookBack;
  readonly #judge: Judge;
  #stream: SensorStream | null = null;
  #pending: SyscallRecord[] = [];
  #untaken = new Map<number, number>();
  #sequence = 0;
  #taken: (() => void) | null = null;
  #lost = 0;
  #eventsBefore = 0;
  #lastHeardMs: number | null = null;

  constructor(options: HostWatchOptions) {
    this.#options = options;
    const { order, clock, newId, report } = options;
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
    this.#judge = options.judge((record, risk) => this.#found(record, risk));
  }

  /** The server has committed these records. */
  taken(sequence: number): void {
    this.#untaken.delete(sequence);
    this.#taken?.();
  }

  /** Watches until `signal` aborts; a sensor that ends is started again, or waited for. */
  async run(signal: AbortSignal): Promise<void> {
    const { order, clock, report } = this.#options;
    await this.#recordings.recover();
    const health = this.#reportHealth(signal);
    const socket = order.sensor.type === 'socket' ? await this.#listen(order.sensor.path) : null;
    let quickEnds = 0;
    while (!signal.aborted) {
      const bytes = await this.#next(socket, signal);
      if (bytes === null) break;
      const startedMs = clock.nowMs();
      const end = await this.#follow(bytes, signal);
      if (signal.aborted) break;
      const endedMs = clock.nowMs();
      quickEnds = endedMs - startedMs >= STABLE_MS ? 0 : quickEnds + 1;
      report({ type: 'state', state: end.state === 'ended' ? 'waiting' : end.state, problem: end.problem });
      const isHopeless = end.state === 'not-allowed' || end.state === 'absent';
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(quickEnds - 1, 10), LONGEST_PAUSE_MS);
      if (socket === null)
        await clock.sleep(isHopeless ? HOPELESS_PAUSE_MS : Math.max(pauseMs, FIRST_PAUSE_MS), signal);
    }
    socket?.close();
    await health;
    this.#sendRecords();
    await this.#recordings.close();
    report({ type: 'state', state: 'stopped', problem: null });
  }

  async #listen(path: string): Promise<SensorSocket | null> {
    try {
      return await SensorSocket.listen(path);
    } catch (error) {
      const problem = `nobody can connect at ${path}: ${messageOf(error)}`;
      this.#options.report({ type: 'state', state: 'failed', problem });
      throw error;
    }
  }

  async #next(socket: SensorSocket | null, signal: AbortSignal): Promise<SensorBytes | null> {
    const { order, report, clock } = this.#options;
    if (socket !== null) {
      report({ type: 'state', state: 'waiting', problem: null });
      return socket.next(signal);
    }
    if (order.sensor.type !== 'program') return null;
    report({ type: 'state', state: 'starting', problem: null });
    const { program } = order.sensor;
    const eventNames = [...this.#judge.eventNames, ...(this.#options.alsoTell ?? [])];
    const known = await eventsOfSensor(program, clock);
    return startSensor(program, sensorArguments({ eventNames, known, allReads: order.allReads }));
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
        if (this.#isBehind()) await this.#room(signal);
      }
    } catch (error) {
      // Damage, or a stream that was closed while it was read. Only the first is news.
      problem = messageOf(error);
    } finally {
      signal.removeEventListener('abort', stop);
      bytes.close();
    }
    const end = await bytes.ended;
    this.#sendRecords();
    this.#lookBack.end();
    this.#recordings.end();
    if (signal.aborted || problem === null || end.state !== 'ended') return end;
    report({ type: 'failure', what: 'stream', problem });
    return { state: 'failed', problem };
  }

  #openStream(): SensorStream {
    const { report, clock } = this.#options;
    this.#lookBack.clear();
    this.#eventsBefore = 0;
    this.#stream = new SensorStream({
      followers: [this.#judge, ...(this.#options.followers ?? [])],
      onStart: () => {
        // Between two streams nobody looked.
        if (this.#lastHeardMs !== null) {
          const gap = { class: 'all', lost: 0, fromMs: this.#lastHeardMs, toMs: clock.nowMs() };
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
    this.#sendRecords();
  }

  #found(record: SyscallRecord, risk: number): void {
    this.#pending.push(record);
    const { recordFromRisk } = this.#options.order;
    if (risk >= recordFromRisk) this.#recordings.want(record.timeMs, record.matches[0]?.rule ?? '');
  }

  #sendRecords(): void {
    while (this.#pending.length > 0) {
      const records = this.#pending.splice(0, RECORDS_AT_ONCE);
      this.#sequence += 1;
      this.#untaken.set(this.#sequence, records.length);
      this.#options.report({ type: 'records', sequence: this.#sequence, records });
    }
  }

  #isBehind(): boolean {
    let untaken = 0;
    for (const count of this.#untaken.values()) untaken += count;
    return untaken > MOST_UNTAKEN;
  }

  async #room(signal: AbortSignal): Promise<void> {
    while (this.#isBehind() && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#taken = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
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
