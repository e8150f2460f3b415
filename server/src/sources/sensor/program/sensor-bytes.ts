/**
 * Where a sensor's bytes come from: a sensor that we start, or one that somebody else started and that connects to our socket.
 *
 * The surprise: bytes are taken one piece at a time, when asked for. Whoever is slow makes the pipe fill, then the rings in the
 * kernel, and there what is lost is counted.
 */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { Clock } from '../../../ground/clock.ts';
import { messageOf } from '../../../ground/failure.ts';
import { whyRefused, wishesOf } from './sensor-program.ts';

/** Why no more bytes come. */
export type SensorEnd = {
  readonly state: 'not-allowed' | 'absent' | 'failed' | 'ended';
  /** What the sensor or the system said of it; for people. */
  readonly problem: string;
};

export interface SensorBytes {
  readonly chunks: AsyncIterable<Buffer>;
  /** Resolves after the last chunk. */
  readonly ended: Promise<SensorEnd>;
  close(): void;
}

const EXIT_NOT_ALLOWED = 3;
const KEPT_COMPLAINTS = 2_000;
const SOCKET_MODE = 0o600;
const LISTING_MS = 10_000;

/** Starts the program. What it says on standard error becomes the problem. */
export function startSensor(program: string, args: readonly string[]): SensorBytes {
  const child = start(program, args);
  if (child instanceof Error) return neverStarted(program, child);
  const said = keepComplaints(child);
  return {
    chunks: child.stdout as AsyncIterable<Buffer>,
    ended: endOf(child, program, said),
    close: () => {
      child.kill('SIGTERM');
      child.stdout.destroy();
    },
  };
}

/** Names of the events that this sensor can tell; null when it cannot be asked. */
export async function eventsOfSensor(program: string, clock: Clock): Promise<readonly string[] | null> {
  const child = start(program, ['--list-events']);
  if (child instanceof Error) return null;
  const patience = new AbortController();
  void clock.sleep(LISTING_MS, patience.signal).then(() => child.kill('SIGKILL'));
  const said = keepComplaints(child);
  let listed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    listed += text;
  });
  const end = await endOf(child, program, said);
  patience.abort();
  const names = listed.split('\n').filter((line) => /^[a-z0-9_]+$/.test(line));
  return end.state === 'ended' && names.length > 0 ? names : null;
}

/** Node throws some refusals and tells the others later. */
function start(program: string, args: readonly string[]): ChildProcessByStdio<null, Readable, Readable> | Error {
  try {
    return spawn(program, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    return error instanceof Error ? error : new Error(messageOf(error));
  }
}

function neverStarted(program: string, error: Error): SensorBytes {
  return { chunks: Readable.from([]), ended: Promise.resolve(endFor(program, error)), close: () => undefined };
}

/** Of a program that did not start. */
function endFor(program: string, error: unknown): SensorEnd {
  if ((error as { code?: unknown }).code === 'ENOENT')
    return { state: 'absent', problem: `there is no sensor at ${program}` };
  const refused = whyRefused(program, error);
  return refused === null ? { state: 'failed', problem: messageOf(error) } : { state: 'not-allowed', problem: refused };
}

function keepComplaints(child: ChildProcess): () => string {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-KEPT_COMPLAINTS);
  });
  return () => said.trim();
}

function endOf(child: ChildProcess, program: string, said: () => string): Promise<SensorEnd> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(endFor(program, error)));
    child.once('close', (code, signal) => {
      const problem = said() || `the sensor ended (${signal ?? `exit code ${code}`})`;
      if (code === EXIT_NOT_ALLOWED) resolve({ state: 'not-allowed', problem });
      else resolve({ state: code === 0 ? 'ended' : 'failed', problem });
    });
  });
}

/** Listens for a sensor that runs by itself. One at a time; only the owner of the folder and root can connect. */
export class SensorSocket {
  readonly #server: Server;
  #waiting: ((socket: Socket) => void) | null = null;
  #current: Socket | null = null;
  /** Connected while the end of the last one was still being read. */
  #early: Socket | null = null;

  private constructor(server: Server) {
    this.#server = server;
  }

  /**
   * @param wishes what a sensor that connects is to tell; it finds them beside the socket.
   * @throws Error when the path cannot be listened at.
   */
  static async listen(path: string, wishes: string): Promise<SensorSocket> {
    // What a former server left behind; anything else that lies there is not ours to remove.
    if (existsSync(path) && lstatSync(path).isSocket()) rmSync(path);
    writeFileSync(wishesOf(path), wishes, { mode: SOCKET_MODE });
    const server = createServer();
    const sensor = new SensorSocket(server);
    server.on('connection', (socket) => sensor.#meet(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    chmodSync(path, SOCKET_MODE);
    return sensor;
  }

  /** The next sensor that connects; null when `signal` aborts before. */
  next(signal: AbortSignal): Promise<SensorBytes | null> {
    return new Promise((resolve) => {
      if (signal.aborted) {
        resolve(null);
        return;
      }
      if (this.#early !== null && !this.#early.destroyed) {
        this.#current = this.#early;
        this.#early = null;
        resolve(bytesOf(this.#current));
        return;
      }
      const giveUp = () => {
        this.#waiting = null;
        resolve(null);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting = (socket) => {
        signal.removeEventListener('abort', giveUp);
        resolve(bytesOf(socket));
      };
    });
  }

  close(): void {
    this.#current?.destroy();
    this.#early?.destroy();
    this.#server.close();
  }

  #meet(socket: Socket): void {
    socket.on('error', () => undefined);
    // A second sensor would mix its events into the first one's.
    if (isAlive(this.#current) || isAlive(this.#early)) {
      socket.destroy();
      return;
    }
    const waiting = this.#waiting;
    if (waiting === null) {
      socket.pause();
      this.#early = socket;
      return;
    }
    this.#waiting = null;
    this.#current = socket;
    waiting(socket);
  }
}

function isAlive(socket: Socket | null): boolean {
  return socket !== null && !socket.destroyed;
}

function bytesOf(socket: Socket): SensorBytes {
  const ended = new Promise<SensorEnd>((resolve) => {
    let problem = 'the sensor has gone';
    socket.once('error', (error) => {
      problem = messageOf(error);
    });
    socket.once('close', () => resolve({ state: 'ended', problem }));
  });
  return { chunks: socket as Readable as AsyncIterable<Buffer>, ended, close: () => socket.destroy() };
}
