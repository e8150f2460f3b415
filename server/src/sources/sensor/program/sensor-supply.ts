/**
 * The streams of one host's sensor, one after another: the program is started, or one that runs by itself connects to our socket.
 *
 * The surprise: where this user may not start a sensor, or there is none, somebody may start one with more rights. It is waited for
 * at a socket while the program is tried again now and then.
 */
import type { Clock } from '../../../ground/clock.ts';
import { messageOf } from '../../../ground/failure.ts';
import type { WatchOrder, WatchState } from '../reports.ts';
import { eventsOfSensor, type SensorBytes, type SensorEnd, SensorSocket, startSensor } from './sensor-bytes.ts';

export interface SensorSupplyOptions {
  readonly sensor: WatchOrder['sensor'];
  readonly clock: Clock;
  /** The program's arguments; `known`: the events that it can tell, null when it could not be asked. */
  readonly argumentsFor: (known: readonly string[] | null) => readonly string[];
  /** The same for one that connects. */
  readonly wishes: string;
  readonly onState: (state: WatchState, problem: string | null) => void;
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** After this long the pauses start small again. */
const STABLE_MS = 60_000;
/** Trying again would not help before somebody has done something. */
const HOPELESS_PAUSE_MS = 5 * 60_000;

export class SensorSupply {
  readonly #options: SensorSupplyOptions;
  #socket: SensorSocket | null = null;
  #quickEnds = 0;
  #pauseMs = 0;
  #isHopeless = false;

  constructor(options: SensorSupplyOptions) {
    this.#options = options;
  }

  /**
   * The next stream, when it is there; null when `signal` aborts before.
   *
   * @throws Error when nobody can connect at the socket that the order names.
   */
  async next(signal: AbortSignal): Promise<SensorBytes | null> {
    const { sensor, clock, onState, argumentsFor } = this.#options;
    if (sensor.type === 'socket') {
      const socket = await this.#listen(sensor.path);
      onState('waiting', null);
      return socket.next(signal);
    }
    const connected = await this.#pause(sensor.socket, signal);
    if (connected !== null || signal.aborted) return connected;
    onState('starting', null);
    const known = await eventsOfSensor(sensor.program, clock);
    return signal.aborted ? null : startSensor(sensor.program, argumentsFor(known));
  }

  /** How the last stream ended, after how long. */
  ended({ state, problem }: SensorEnd, lastedMs: number): void {
    this.#quickEnds = lastedMs >= STABLE_MS ? 0 : this.#quickEnds + 1;
    this.#isHopeless = state === 'not-allowed' || state === 'absent';
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.max(this.#quickEnds - 1, 0), LONGEST_PAUSE_MS);
    this.#pauseMs = this.#isHopeless ? HOPELESS_PAUSE_MS : pauseMs;
    this.#options.onState(state === 'ended' ? 'waiting' : state, problem);
  }

  close(): void {
    this.#socket?.close();
  }

  /** Before the program is started again; meanwhile one that may look can connect. */
  async #pause(path: string | null, signal: AbortSignal): Promise<SensorBytes | null> {
    if (this.#pauseMs === 0) return null;
    const { clock } = this.#options;
    const socket = this.#isHopeless && path !== null ? await this.#listen(path).catch(() => null) : null;
    if (socket === null) {
      await clock.sleep(this.#pauseMs, signal);
      return null;
    }
    const over = new AbortController();
    const stop = AbortSignal.any([signal, over.signal]);
    const connected = socket.next(stop);
    void clock.sleep(this.#pauseMs, stop).then(() => over.abort());
    const bytes = await connected;
    over.abort();
    return bytes;
  }

  async #listen(path: string): Promise<SensorSocket> {
    try {
      this.#socket ??= await SensorSocket.listen(path, this.#options.wishes);
      return this.#socket;
    } catch (error) {
      const problem = `nobody can connect at ${path}: ${messageOf(error)}`;
      if (this.#options.sensor.type === 'socket') this.#options.onState('failed', problem);
      throw error;
    }
  }
}
