/**
 * Thousands of nights: findings come in bursts, people answer, lie, err, answer late, twice or not at all, vendors fail, lose
 * their replies, are slow and reorder; clocks jump; schedules have gaps; two servers race for the same work; and the process
 * crashes between any two steps. Afterwards the night is played to its end and the promises are checked.
 *
 * Everything random comes from the seed, so that a violation can be seen again (on PostgreSQL up to the order of two servers).
 */
import type { Case, CaseInput } from '../../../server/src/cases/case.ts';
import { conductFindings, conductInput, conductMerge, type ConductOptions } from '../../../server/src/cases/conduct.ts';
import type { Follower } from '../../../server/src/cases/follow.ts';
import type { PageChannel } from '../../../server/src/cases/page/page.ts';
import type { Planner } from '../../../server/src/cases/page/planner.ts';
import { type WorkerOptions, workOnce } from '../../../server/src/cases/worker.ts';
import type { Finding } from '../../../server/src/findings/finding.ts';
import { ManualClock } from '../../../server/src/ground/clock.ts';
import { silentLog } from '../../../server/src/ground/log.ts';
import { type Random, seededRandom } from '../../../server/src/ground/random.ts';
import { sampleConduct, samplePlanner } from '../../sample-case.ts';
import { MONDAY_MS, sampleActor, sampleFacts, sampleFinding } from '../../sample-finding.ts';
import { memoryNight, type NightOptions, type NightStore } from './night-store.ts';

export interface Violation {
  readonly seed: number;
  readonly promise: string;
  readonly detail: string;
}

export interface SimulationReport {
  readonly seeds: number;
  readonly steps: number;
  readonly crashes: number;
  readonly cases: number;
  readonly pages: number;
  readonly violations: readonly Violation[];
}

export interface SimulateOptions {
  readonly seeds: number;
  readonly from: number;
  /** A planted fault: a channel that says "delivered" and delivers nothing, to prove that the promises are looked at. */
  readonly lyingChannel?: boolean;
  /** Where nights are kept; left out: in memory. */
  readonly store?: (night: string, options: NightOptions) => NightStore;
}

class Crash extends Error {}

const ACTIONS = 40;
const CRASH_SHARE = 0.04;
const ACTORS = ['alice', 'bob', 'nobody-knows'];
const ANN = { id: 'ann', name: 'Ann', email: 'ann@example.com' };
const BEN = { id: 'ben', name: 'Ben', email: 'ben@example.com' };
const ONCALL = { id: 'oncall', name: 'On call' };
/** Ann has gaps; the second step is always empty; then Ben; then the pager. */
const LADDER = {
  name: 'default',
  repeat: 2,
  acknowledgementMs: null,
  steps: ['first', 'empty', 'second', 'pager'].map((name) => ({
    targets: [name === 'pager' ? ({ type: 'channel', name } as const) : ({ type: 'schedule', name } as const)],
    waitMs: 300_000,
    roundRobin: false,
  })),
};
/** The whole ladder, and the last message of each step. */
const LADDER_MS = 25 * 60_000;
const CHANNELS = ['console', 'pager', 'slack', 'sms'];
/** Rounds of a minute in which the night is played to its end. */
const MOST_ROUNDS = 120;

export async function simulate(options: SimulateOptions): Promise<SimulationReport> {
  const sums = { steps: 0, crashes: 0, cases: 0, pages: 0 };
  const violations: Violation[] = [];
  for (let seed = options.from; seed < options.from + options.seeds; seed += 1) {
    const night = new Night(seed, options);
    await night.play();
    violations.push(...(await night.check()));
    sums.steps += night.steps;
    sums.crashes += night.crashes;
    sums.cases += night.caseCount;
    sums.pages += night.pages;
  }
  return { seeds: options.seeds, ...sums, violations };
}

class Night {
  steps = 0;
  crashes = 0;
  pages = 0;
  caseCount = 0;
  readonly #seed: number;
  readonly #name: string;
  readonly #random: Random;
  readonly #clock = new ManualClock(MONDAY_MS);
  readonly #store: NightStore;
  readonly #findings = new Map<string, Finding>();
  readonly #delivered = new Map<string, Set<string>>();
  readonly #followed = new Map<string, number>();
  readonly #conduct: ConductOptions;
  readonly #workers: readonly WorkerOptions[];
  readonly #answers: { readonly caseId: string; readonly by: string; readonly digest: string }[] = [];
  /** Inputs on their way: chat and phones deliver late, twice and out of order. */
  readonly #onTheirWay: { readonly caseId: string; readonly input: CaseInput }[] = [];
  readonly #mustPage = new Set<string>();
  #mayCrash = true;
  #ids = 0;

  constructor(seed: number, options: SimulateOptions) {
    this.#seed = seed;
    this.#name = `night-${seed}`;
    this.#random = seededRandom(seed);
    const step = () => {
      this.steps += 1;
      if (this.#mayCrash && this.#random.fraction() < CRASH_SHARE) throw new Crash('the process died');
    };
    this.#store = (options.store ?? ((_night, night) => memoryNight(night)))(this.#name, {
      step,
      planner: () => this.#planner(),
    });
    this.#conduct = {
      ...sampleConduct(null),
      followers: ['chat'],
      newId: () => `${this.#name}-case-${(this.#ids += 1)}`,
      whoToAsk: ({ facts }) =>
        facts.actor.id.endsWith('nobody-knows')
          ? { person: null, why: 'no-owner' }
          : { person: { id: facts.actor.id, name: facts.actor.id }, why: null },
    };
    const channels = CHANNELS.map((name) => this.#channel(name, step, options.lyingChannel === true));
    this.#workers = this.#store.servers.map((store, index) => this.#worker(store, channels, `server-${index}`));
  }

  /** Ann is on call every other hour. */
  #planner(): Planner {
    const hour = Math.floor(this.#clock.nowMs() / 3_600_000);
    return samplePlanner({
      channels: ['console', 'pager'],
      escalations: [LADDER],
      onCall: { first: hour % 2 === 0 ? ANN : null, empty: null, second: BEN },
      people: [ANN, BEN],
    });
  }

  #worker(store: WorkerOptions['store'], channels: readonly PageChannel[], name: string): WorkerOptions {
    const chat: Follower = {
      name: 'chat',
      follow: async ({ caseId }) => {
        if (this.#mayCrash && this.#random.fraction() < 0.3) return { type: 'failed', failure: 'down', afterMs: null };
        const found = (await this.#store.cases()).find(({ id }) => id === caseId);
        this.#followed.set(caseId, Math.max(found?.version ?? 0, this.#followed.get(caseId) ?? 0));
        return { type: 'delivered' };
      },
    };
    return {
      store,
      channels: new Map(channels.map((channel) => [channel.name, channel])),
      followers: new Map([['chat', chat]]),
      ask: async () =>
        this.#random.fraction() < 0.3
          ? { type: 'failed', failure: 'chat is down', afterMs: null }
          : { type: 'delivered' },
      prove: async () => null,
      caseUrl: (caseId) => caseId,
      clock: this.#clock,
      random: this.#random,
      log: silentLog,
      name,
    };
  }

  #channel(name: string, step: () => void, lying: boolean): PageChannel {
    return {
      name,
      deliver: async ({ action, case: paged, person }) => {
        step();
        // A clock that is corrected while a vendor answers.
        if (this.#random.fraction() < 0.02) this.#clock.jumpTo(this.#clock.nowMs() - 30_000);
        if (this.#mayCrash && this.#random.fraction() < 0.2) return { type: 'failed', failure: 'down', afterMs: null };
        if (action === 'trigger' && !(lying && name === 'pager')) {
          const reached = this.#delivered.get(paged.id) ?? new Set();
          this.#delivered.set(paged.id, reached.add(`${person?.id ?? ''}:${name}`));
          this.pages += 1;
        }
        step();
        // Delivered, and the reply was lost: it will be sent again.
        if (this.#mayCrash && this.#random.fraction() < 0.1) return { type: 'failed', failure: 'cut', afterMs: null };
        return { type: 'delivered' };
      },
    };
  }

  async play(): Promise<void> {
    for (let action = 0; action < ACTIONS; action += 1) await this.#survive(() => this.#act());
    this.#mayCrash = false;
    for (const finding of this.#findings.values()) await this.#conductOne(finding);
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      await this.#work();
      this.#clock.advance(60_000);
      if (round < MOST_ROUNDS / 2) continue;
      const cases = await this.#store.cases();
      // Nobody has acknowledged for an hour: whoever acknowledged earlier may have been faster than a channel that was down.
      if (round === MOST_ROUNDS / 2) {
        for (const found of cases) {
          if (found.state === 'paged' && found.pagedMs < this.#clock.nowMs() - LADDER_MS) this.#mustPage.add(found.id);
        }
      }
      for (const found of cases) {
        if (found.state === 'paged') await this.#input(found.id, { type: 'acknowledged', by: ONCALL });
        if (found.state === 'acknowledged') await this.#input(found.id, { type: 'resolved', by: ONCALL, note: '' });
      }
    }
  }

  async check(): Promise<Violation[]> {
    const violations: Violation[] = [];
    const broken = (promise: string, detail: string) => violations.push({ seed: this.#seed, promise, detail });
    const cases = await this.#store.cases();
    this.caseCount = cases.length;
    for (const found of cases) await this.#checkCase(found, broken);
    for (const finding of this.#findings.values()) {
      const owners = cases.filter(({ findingIds }) => findingIds.includes(finding.id));
      if (owners.length > 1) broken('a finding belongs to one case', finding.id);
      if (owners.length === 0 && finding.risk >= 50) broken('no finding is lost', finding.id);
    }
    return violations;
  }

  async #checkCase(found: Case, broken: (promise: string, detail: string) => void): Promise<void> {
    const kinds = await this.#store.entriesOf(found.id);
    if (found.state === 'asked') broken('a challenge ends', `${found.id} still waits`);
    if ((this.#followed.get(found.id) ?? 0) < found.version) broken('what shows a case follows it', found.id);
    if (found.state === 'confirmed') {
      const proven = this.#answers.some(
        ({ caseId, by, digest }) => caseId === found.id && by === found.person?.id && digest === found.digest,
      );
      if (!proven) broken('confirmed only with a proof of exactly these changes by the person asked', found.id);
      if (!kinds.includes('challenge-confirmed')) broken('every arrow is a journal entry', `${found.id} confirmed`);
      return;
    }
    if (!kinds.some((kind) => kind === 'paged' || kind === 'paged-again')) {
      broken('a case that is not confirmed has paged', found.id);
    }
    const reached = this.#delivered.get(found.id) ?? new Set();
    const wanted = ['ben:slack', 'ben:sms', ':pager'];
    if (this.#mustPage.has(found.id) && !wanted.every((who) => reached.has(who))) {
      broken('a page climbs the whole ladder', `${found.id} reached ${[...reached].join(' ')}`);
    }
    const ended = kinds.includes('case-resolved') || kinds.includes('case-merged');
    if (!ended && found.state === 'resolved') broken('every arrow is a journal entry', `${found.id} resolved`);
  }

  /** One thing that happens in the night. */
  async #act(): Promise<void> {
    const what = this.#random.fraction();
    if (what < 0.25) await this.#find();
    else if (what < 0.45) await this.#answer();
    else if (what < 0.55) await this.#respond();
    else if (what < 0.65) await this.#receive();
    else if (what < 0.9) await this.#work();
    else if (what < 0.97) this.#clock.advance(Math.floor(this.#random.fraction() * 900_000));
    else this.#clock.jumpTo(this.#clock.nowMs() - 30_000);
  }

  /** Both servers at once. */
  async #work(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => workOnce(worker)));
  }

  /** A crash loses the process, not what was committed; the inbox hands a batch out again until it was conducted. */
  async #survive(body: () => Promise<void>): Promise<void> {
    try {
      await body();
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.crashes += 1;
      const mayCrash = this.#mayCrash;
      this.#mayCrash = false;
      for (const finding of this.#findings.values()) await this.#conductOne(finding);
      this.#mayCrash = mayCrash;
    }
  }

  async #find(): Promise<void> {
    const actor = `${this.#name}-${ACTORS[Math.floor(this.#random.fraction() * ACTORS.length)] ?? 'alice'}`;
    const id = `${this.#name}-event-${this.#findings.size + 1}`;
    const facts = sampleFacts({ id, timeMs: this.#clock.nowMs(), actor: sampleActor({ id: actor, name: actor }) });
    const finding = sampleFinding({ id, facts, risk: 30 + Math.floor(this.#random.fraction() * 65) });
    this.#findings.set(id, finding);
    await this.#store.addFinding(finding, actor);
    await this.#conductOne(finding);
  }

  async #conductOne(finding: Finding): Promise<void> {
    const cases = await this.#store.cases();
    if (cases.some(({ findingIds }) => findingIds.includes(finding.id))) return;
    const nowMs = this.#clock.nowMs();
    await this.#server().transact((unit) =>
      conductFindings(unit, finding.facts.actor.id, [finding], { ...this.#conduct, nowMs, receivedMs: nowMs }),
    );
  }

  async #answer(): Promise<void> {
    const found = await this.#pick((state) => state !== 'resolved');
    if (found === null) return;
    const honest = found.person ?? { id: 'alice', name: 'alice' };
    const by = this.#random.fraction() < 0.15 ? { id: 'mallory', name: 'mallory' } : honest;
    const kind = this.#random.fraction();
    if (kind < 0.2) return this.#send(found.id, { type: 'answered-no', by, reason: '' });
    if (kind < 0.35) return this.#send(found.id, { type: 'code-refused', by, factor: 'totp' });
    if (kind < 0.4) return this.#send(found.id, { type: 'fraud-reported', by, factor: 'duo-push' });
    if (kind < 0.5) return this.#send(found.id, { type: 'proof-failed', by, factor: 'duo-push', why: 'timed-out' });
    const digest = this.#random.fraction() < 0.2 ? 'an older digest' : found.digest;
    this.#answers.push({ caseId: found.id, by: by.id, digest });
    return this.#send(found.id, { type: 'answered-yes', by, reason: 'mine', proof: { factor: 'totp', digest } });
  }

  async #respond(): Promise<void> {
    const found = await this.#pick((state) => state === 'paged' || state === 'acknowledged' || state === 'resolved');
    if (found === null) return;
    const nowMs = this.#clock.nowMs();
    const inputs: readonly CaseInput[] = [
      { type: 'acknowledged', by: ONCALL },
      { type: 'acknowledged', by: ONCALL },
      { type: 'unacknowledged', by: ONCALL },
      { type: 'snoozed', by: ONCALL, untilMs: nowMs + 600_000 },
      { type: 'escalated', by: ONCALL },
      { type: 'reassigned', by: ONCALL, to: [BEN], escalation: null },
      { type: 'responders-added', by: ONCALL, people: [ANN] },
      { type: 'noted', by: ONCALL, text: 'looking' },
      { type: 'prioritised', by: ONCALL, priority: 'P2' },
      { type: 'resolved', by: ONCALL, note: '' },
      { type: 'reopened', by: ONCALL, why: '' },
    ];
    const input = inputs[Math.floor(this.#random.fraction() * (inputs.length + 1))];
    if (input !== undefined) return this.#send(found.id, input);
    const into = await this.#pick((state) => state === 'paged' || state === 'acknowledged');
    if (into === null) return;
    await this.#server().transact((unit) =>
      conductMerge(unit, { from: found.id, into: into.id }, ONCALL, { followers: ['chat'], nowMs }),
    );
  }

  /** Now, or on its way to come later, twice, out of order or never. */
  async #send(caseId: string, input: CaseInput): Promise<void> {
    const way = this.#random.fraction();
    if (way < 0.6) await this.#input(caseId, input);
    if (way >= 0.5 && way < 0.95) this.#onTheirWay.push({ caseId, input });
  }

  async #receive(): Promise<void> {
    const index = Math.floor(this.#random.fraction() * this.#onTheirWay.length);
    const [late] = this.#onTheirWay.splice(index, 1);
    if (late !== undefined) await this.#input(late.caseId, late.input);
  }

  async #input(caseId: string, input: CaseInput): Promise<void> {
    const nowMs = this.#clock.nowMs();
    await this.#server().transact((unit) => conductInput(unit, caseId, input, { followers: ['chat'], nowMs }));
  }

  #server() {
    const { servers } = this.#store;
    const store = servers[Math.floor(this.#random.fraction() * servers.length)];
    if (store === undefined) throw new Error('a night has a server');
    return store;
  }

  async #pick(wanted: (state: string) => boolean): Promise<Case | null> {
    const all = (await this.#store.cases()).filter(({ state }) => wanted(state));
    return all[Math.floor(this.#random.fraction() * all.length)] ?? null;
  }
}
