/**
 * Nights of reverts, on a state database: somebody stops, deletes or leads away a trail; two servers plan and run what puts it back, die
 * between any two steps, are throttled and lose answers; people approve and undo; strangers change it again. Afterwards what was left is
 * taken up in peace, and the promises are checked.
 */
import { PGlite } from '@electric-sql/pglite';
import { sql } from 'kysely';
import { createReverts, type Reverts, takeBaseline } from '../../../server/src/cases/revert/engine.ts';
import { createLedger } from '../../../server/src/cases/revert/ledger.ts';
import { entryOf } from '../../../server/src/cases/revert/rows.ts';
import type { Revert } from '../../../server/src/cases/revert/store.ts';
import { toTrailEvent } from '../../../server/src/cases/revert/trail.ts';
import type { TrailEvent } from '../../../server/src/cases/revert/catalogue.ts';
import { findRevert } from '../../../server/src/cases/revert/store.ts';
import type { Clock } from '../../../server/src/ground/clock.ts';
import { verifyJournal } from '../../../server/src/ground/journal.ts';
import { silentLog } from '../../../server/src/ground/log.ts';
import { seededRandom } from '../../../server/src/ground/random.ts';
import { openState, type State } from '../../../server/src/ground/state.ts';
import { MONDAY_MS } from '../../sample-finding.ts';
import { Chaos, Crash, Process } from './chaos.ts';
import type { Violation } from './promises.ts';
import { SimulatedTrails } from './trails.ts';

export interface RevertNightsReport {
  readonly seeds: number;
  readonly runs: number;
  /** Calls that changed something in AWS. */
  readonly calls: number;
  readonly crashes: number;
  /** How the reverts ended. */
  readonly ended: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
}

export interface RevertNightsOptions {
  readonly seeds: number;
  readonly from: number;
  /** Left out: an embedded one of its own. */
  readonly state?: State;
  /** Keeps the nights of one state apart. */
  readonly night?: string;
  /** A planted fault: AWS says "done" and does nothing. */
  readonly lyingVendor?: boolean;
}

const ACCOUNT = '111122223333';
const ACTIONS = 10;
const CRASH_SHARE = 0.03;
const MOST_ROUNDS = 40;
const OPEN: readonly string[] = ['planned', 'approved', 'running', 'undoing'];
const ATTACKS: readonly (readonly [name: string, request: Readonly<Record<string, unknown>>])[] = [
  ['StopLogging', {}],
  ['DeleteTrail', {}],
  ['UpdateTrail', { s3BucketName: 'somebody-elses-logs' }],
];

export async function simulateReverts(options: RevertNightsOptions): Promise<RevertNightsReport> {
  const { seeds, from } = options;
  const ended: Record<string, number> = {};
  const sums = { runs: 0, calls: 0, crashes: 0 };
  const violations: Violation[] = [];
  const state =
    options.state ?? (seeds === 0 ? null : await openState({ loadDump: await emptyDump(), log: silentLog }));
  if (state === null) return { seeds, ...sums, ended, violations };
  await sql`
    insert into person (id, email, name, role, language, configured, created_ms)
    values ('ann', 'ann@example.com', 'Ann', 'responder', 'en', true, 0)
    on conflict do nothing`.execute(state.db);
  for (let seed = from; seed < from + seeds; seed += 1) {
    const night = new RevertNight(state, seed, options);
    violations.push(...(await night.play()));
    sums.runs += night.runs;
    sums.calls += night.trails.calls;
    sums.crashes += night.chaos.crashes;
    for (const end of night.ends) ended[end] = (ended[end] ?? 0) + 1;
  }
  const journal = await verifyJournal(state);
  if (!journal.ok)
    violations.push({ seed: from, promise: 'the journal verifies', detail: JSON.stringify(journal.faults) });
  if (options.state === undefined) await state.close();
  return { seeds, ...sums, ended, violations };
}

async function emptyDump(): Promise<Blob> {
  const pglite = await PGlite.create();
  const dump = await pglite.dumpDataDir('none');
  await pglite.close();
  return dump;
}

/** Sleeping lets the time pass for everybody. */
class NightClock implements Clock {
  now = MONDAY_MS;

  nowMs(): number {
    return this.now;
  }

  steadyMs(): number {
    return this.now;
  }

  async sleep(ms: number): Promise<void> {
    this.now += Math.max(0, ms);
  }
}

class RevertNight {
  readonly trails = new SimulatedTrails();
  readonly ends: string[] = [];
  readonly chaos: Chaos;
  runs = 0;
  readonly #state: State;
  readonly #seed: number;
  readonly #name: string;
  readonly #lying: boolean;
  readonly #clock = new NightClock();
  #servers: { process: Process; reverts: Reverts }[] = [];
  #events: TrailEvent[] = [];
  readonly #reverts = new Set<string>();
  /** What a stranger made of it after the attack; nobody may overwrite that. */
  #stranger: string | null = null;
  #trusted = '';

  constructor(state: State, seed: number, { night = 'reverts', lyingVendor = false }: RevertNightsOptions) {
    this.#state = state;
    this.#seed = seed;
    this.#name = `${night}-${seed}`;
    this.#lying = lyingVendor;
    this.chaos = new Chaos(seededRandom(seed), { crashShare: CRASH_SHARE, crashAt: null });
  }

  async play(): Promise<Violation[]> {
    await this.#begin();
    for (let action = 0; action < ACTIONS; action += 1) {
      await this.#act().catch((error: unknown) => {
        if (!(error instanceof Crash)) throw error;
      });
      this.#restart();
    }
    this.chaos.isOn = false;
    this.#restart();
    // A lock of whoever died runs out.
    this.#clock.now += 10 * 60_000;
    await this.#planAll();
    for (let round = 0; round < MOST_ROUNDS && (await this.#isOpen()); round += 1) {
      for (const id of this.#reverts) await this.#run(id);
      this.#clock.now += 60_000;
    }
    return this.#check();
  }

  async #begin(): Promise<void> {
    this.#servers = [1, 2].map((index) => this.#start(index));
    this.trails.make(this.#name);
    this.#trusted = this.trails.look(this.#name);
    const first = this.#eventOf('StopLogging', {});
    const entry = entryOf(first.service, first.name);
    const [resource] = entry?.resources(first) ?? [];
    if (entry === null || resource === undefined) throw new Error('a stopped trail is in the catalogue');
    const caller = this.trails.caller(new Process('enrolment'), this.#peace(), { pass: () => undefined, lying: false });
    const given = { entry, caller, resource, trust: 'enrolled', because: 'a simulation' } as const;
    await takeBaseline({ state: this.#state, clock: this.#clock }, given);
    this.#clock.now += 60_000;
    this.#attack();
    if (this.chaos.random.fraction() < 0.3) this.#attack();
  }

  #peace(): Chaos {
    const chaos = new Chaos(seededRandom(this.#seed), { crashShare: 0, crashAt: null });
    chaos.isOn = false;
    return chaos;
  }

  #attack(): void {
    const [name, request] = this.chaos.pick(ATTACKS) ?? ATTACKS[0] ?? ['', {}];
    const trail = this.trails.trails.get(this.#name);
    if (trail === undefined) return;
    if (name === 'DeleteTrail') this.trails.trails.delete(this.#name);
    else if (name === 'StopLogging') trail.logging = false;
    else trail.bucket = String(request['s3BucketName']);
    this.#clock.now += 1_000;
    this.#events.push(this.#eventOf(name, request));
  }

  #eventOf(eventName: string, request: Readonly<Record<string, unknown>>): TrailEvent {
    const event = toTrailEvent({
      eventID: `${this.#name}-${this.#events.length}`,
      eventSource: 'cloudtrail.amazonaws.com',
      eventName,
      eventTime: new Date(this.#clock.now).toISOString(),
      awsRegion: 'eu-west-1',
      recipientAccountId: ACCOUNT,
      requestParameters: { name: this.#name, ...request },
      responseElements: {},
    });
    if (event === null) throw new Error(`${eventName} is a change`);
    return event;
  }

  #start(index: number): { process: Process; reverts: Reverts } {
    const process = new Process(`server-${index}`);
    const { chaos } = this;
    const step = (place: string) => chaos.step(process, place);
    const state: State = {
      ...this.#state,
      transaction: async (body) => {
        step('transaction: before it begins');
        const result = await this.#state.transaction(async (trx) => {
          const answer = await body(trx);
          step('transaction: before it commits');
          return answer;
        });
        step('transaction: after it committed');
        return result;
      },
    };
    const pass = (ms: number) => (this.#clock.now += ms);
    const reverts = createReverts({
      state,
      clock: this.#clock,
      random: chaos.random,
      ledger: createLedger(null),
      callerOf: () => this.trails.caller(process, chaos, { pass, lying: this.#lying }),
      ownRoles: [],
      breakGlass: [],
      mostPerAccount: 1_000,
    });
    return { process, reverts };
  }

  #restart(): void {
    this.#servers = this.#servers.map((server, index) => (server.process.alive ? server : this.#start(index + 1)));
  }

  async #act(): Promise<void> {
    const what = this.chaos.random.fraction();
    if (what < 0.25) return this.#planAll();
    if (what < 0.35) this.#clock.now += this.chaos.below(5 * 60_000);
    else if (what < 0.42) this.#change();
    else if (what < 0.5) await this.#undo();
    else {
      const id = this.chaos.pick([...this.#reverts]);
      // Both servers at once.
      if (id !== undefined) await this.#run(id);
    }
  }

  async #planAll(): Promise<void> {
    const mode = this.chaos.random.fraction() < 0.3 ? 'approve' : 'auto';
    for (const revert of await this.#server().plan(this.#events, { caseId: null, mode })) this.#reverts.add(revert.id);
  }

  async #run(id: string): Promise<void> {
    this.runs += 1;
    await this.#approve(id);
    const both = this.#servers.map(({ reverts }) => reverts.run(id));
    for (const one of await Promise.allSettled(both)) {
      if (one.status === 'rejected' && !(one.reason instanceof Crash)) throw one.reason;
    }
  }

  /** Exactly what was shown. */
  async #approve(id: string): Promise<void> {
    const revert = await findRevert(this.#state.db, id);
    if (revert?.state === 'planned' && revert.mode === 'approve')
      await this.#server().approve(id, { digest: revert.digest, by: 'ann' });
  }

  async #undo(): Promise<void> {
    const id = this.chaos.pick([...this.#reverts]);
    if (id !== undefined && this.chaos.random.fraction() < 0.4) await this.#server().undo(id, 'ann');
  }

  /** Between runs: what somebody else wants of it counts from then on. */
  #change(): void {
    const trail = this.trails.trails.get(this.#name);
    if (trail === undefined || this.chaos.random.fraction() < 0.6) return;
    trail.bucket = 'a-third-bucket';
    this.#stranger = trail.bucket;
    this.chaos.count('changed again by somebody else');
  }

  #server(): Reverts {
    const found = this.chaos.pick(this.#servers.filter(({ process }) => process.alive));
    if (found === undefined) throw new Crash('no server is up at this moment');
    return found.reverts;
  }

  async #found(): Promise<readonly Revert[]> {
    const all = await Promise.all([...this.#reverts].map((id) => findRevert(this.#state.db, id)));
    return all.filter((revert) => revert !== null);
  }

  async #isOpen(): Promise<boolean> {
    return (await this.#found()).some(({ state }) => OPEN.includes(state));
  }

  async #check(): Promise<Violation[]> {
    const violations: Violation[] = [];
    const broken = (promise: string, detail: string) => violations.push({ seed: this.#seed, promise, detail });
    const found = await this.#found();
    const trail = this.trails.trails.get(this.#name);
    for (const { id, state, failure } of found) {
      this.ends.push(state);
      if (OPEN.includes(state)) broken('a revert ends', `${id} is ${state}: ${failure ?? ''}`);
    }
    if (this.#stranger !== null) {
      if (trail !== undefined && trail.bucket !== this.#stranger)
        broken('a newer, different change is never overwritten', `${this.trails.look(this.#name)}`);
      return violations;
    }
    const isWhole = found.length > 0 && found.every(({ state }) => state === 'reverted' || state === 'already-done');
    if (isWhole && this.trails.look(this.#name) !== this.#trusted)
      broken('what is put back is as it was trusted', this.trails.look(this.#name));
    return violations;
  }
}
