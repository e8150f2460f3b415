/**
 * Watches hosts: those of the configuration, and this machine when somebody asked for it in the console. Joins the sensor's
 * process with the state, the journal and the routes.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { HostHealth, ThisMachine } from '@countersign/contract';
import { Type } from 'typebox';
import type { Clock } from './ground/clock.ts';
import { versionsOf } from './fleet/store.ts';
import { type RollUpPiece, type RollUpStores, storePiece } from './host-roll-up.ts';
import type { HttpServer } from './ground/http.ts';
import type { CustomGroup } from './inventory/application.ts';
import { appendJournal } from './ground/journal.ts';
import type { Log } from './ground/log.ts';
import type { Environment } from './ground/secret.ts';
import type { State } from './ground/state.ts';
import { type Guards, signedInOf } from './people/sign-in/guard.ts';
import { bundledRulesets } from './rules/pack.ts';
import { buildSensor, type ConfiguredSensor, USUAL_RUNTIMES } from './sources/sensor/configuration.ts';
import { howToAllow, sensorProgram } from './sources/sensor/program/sensor-program.ts';
import { healthOfHosts } from './sources/sensor/health.ts';
import { isWanted, saveWanted } from './sources/sensor/store.ts';
import { watchHost, type WatcherOptions } from './sources/sensor/watcher.ts';

export interface HostsOptions {
  readonly sensors: readonly ConfiguredSensor[];
  /** Rule files; empty: those that come with Countersign. */
  readonly rules: readonly string[];
  /** Applications by names of one's own. */
  readonly groups: readonly CustomGroup[];
  readonly state: State;
  readonly stores: RollUpStores;
  readonly clock: Clock;
  readonly log: Log;
  readonly environment: Environment;
  readonly dataDirectory: string;
  /** What this machine calls itself. */
  readonly hostname: string;
  /** The compiled program that watches; known by itself. */
  readonly watchProgram?: string | undefined;
}

export class Hosts {
  readonly #options: HostsOptions;
  readonly #running = new Map<string, { readonly stop: AbortController; readonly done: Promise<void> }>();

  constructor(options: HostsOptions) {
    this.#options = options;
  }

  get capturesDirectory(): string {
    return join(this.#options.dataDirectory, 'captures');
  }

  get #socket(): string {
    return join(this.#options.dataDirectory, 'sensor.sock');
  }

  /** Watches what is configured and what was asked for, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { sensors, state, hostname, log } = this.#options;
    mkdirSync(this.capturesDirectory, { recursive: true, mode: 0o700 });
    for (const sensor of sensors) this.#start(sensor);
    if (!this.#running.has(hostname) && (await isWanted(state, hostname))) this.#start(thisMachine());
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    for (const { stop } of this.#running.values()) stop.abort();
    const ends = await Promise.allSettled([...this.#running.values()].map(({ done }) => done));
    for (const end of ends) if (end.status === 'rejected') log.error('watching a host ended', { error: end.reason });
  }

  /** Somebody wants this machine to be watched, from now on and after every start. */
  async watchThis(by: string): Promise<void> {
    const { state, clock, hostname } = this.#options;
    await saveWanted(state, hostname, true, clock.nowMs());
    await state.transaction((trx) =>
      appendJournal(trx, {
        kind: 'host-watched',
        caseId: null,
        actor: by,
        timeMs: clock.nowMs(),
        parameters: { host: hostname },
      }),
    );
    // Asked again it tries again at once: somebody has just allowed it.
    await this.#stop(hostname);
    this.#start(thisMachine());
  }

  async health(): Promise<{ readonly hosts: HostHealth[]; readonly thisMachine: ThisMachine | null }> {
    const { state, hostname, environment, clock } = this.#options;
    const health = await healthOfHosts(state, { nowMs: clock.nowMs() });
    const versions = await versionsOf(
      state,
      health.map(({ host }) => host),
    );
    const hosts = health.map((one) => ({ ...one, agentVersion: versions.get(one.host) ?? null }));
    const isWatched = hosts.some((one) => one.host === hostname && one.state === 'watching');
    const program = sensorProgram(environment['COUNTERSIGN_SENSOR']);
    return {
      hosts,
      thisMachine: isWatched ? null : { host: hostname, howToAllow: howToAllow(program, this.#socket) },
    };
  }

  #start(sensor: ConfiguredSensor): void {
    const { state, stores, clock, log, watchProgram } = this.#options;
    const order = this.#orderOf(sensor);
    const stop = new AbortController();
    // Only our own process writes pieces.
    const onRollUp = (piece: unknown) => storePiece(stores, order.host, piece as RollUpPiece);
    const onState = (now: string) => {
      if (now !== 'not-allowed' || order.sensor.type !== 'program') return;
      const { program, socket } = order.sensor;
      log.warn('this user may not start the sensor; either of these lets it look', {
        host: order.host,
        commands: howToAllow(program, socket ?? this.#socket),
      });
    };
    const done = watchHost({ order, state, clock, log, onState, onRollUp, program: watchProgram }, stop.signal);
    this.#running.set(order.host, { stop, done });
  }

  async #stop(host: string): Promise<void> {
    const running = this.#running.get(host);
    running?.stop.abort();
    await running?.done;
    this.#running.delete(host);
  }

  #orderOf(sensor: ConfiguredSensor): WatcherOptions['order'] {
    const { hostname, environment, rules } = this.#options;
    const program = sensorProgram(sensor.program ?? environment['COUNTERSIGN_SENSOR']);
    return {
      host: sensor.host ?? hostname,
      loginDomain: sensor.loginDomain,
      sensor:
        sensor.socket === null
          ? { type: 'program', program, socket: this.#socket }
          : { type: 'socket', path: sensor.socket },
      rules: rules.length > 0 ? rules : bundledRulesets(),
      // Our own rules name what they read; whoever brings others may ask about any file.
      allReads: sensor.allReads || rules.length > 0,
      captures: this.capturesDirectory,
      recording: sensor.recording,
      lookBack: sensor.lookBack,
      recordFromRisk: sensor.recordFromRisk,
      runtimes: sensor.runtimes ?? USUAL_RUNTIMES,
      groups: this.#options.groups,
    };
  }
}

function thisMachine(): ConfiguredSensor {
  return buildSensor({ sensor: {} }, []).sensor;
}

const Nothing = Type.Object({}, { additionalProperties: false });

export function registerHostRoutes(server: HttpServer, hosts: Hosts, guards: Guards): void {
  server.post(
    '/api/hosts/this/watch',
    { config: { access: guards.role('admin') }, schema: { body: Nothing } },
    async (request) => {
      await hosts.watchThis(signedInOf(request).person.id);
      return { ok: true };
    },
  );
}
