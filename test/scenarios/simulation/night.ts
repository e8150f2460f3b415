/**
 * One night: findings come in bursts, people answer, lie, err, answer late, twice or not at all, respond here and in PagerDuty, snooze,
 * hand over and merge; reverts succeed and fail; planned work holds pages back; schedules have gaps; clocks jump; two servers race for the
 * same work and their processes die. Then the night is played to its end in peace, and the promises are checked.
 */
import type { Case, CaseInput } from '../../../server/src/cases/case.ts';
import { conductFindings, conductInput, conductMerge, type ConductOptions } from '../../../server/src/cases/conduct.ts';
import type { Planner } from '../../../server/src/cases/page/planner.ts';
import type { CaseUnit } from '../../../server/src/cases/store.ts';
import { type WorkerOptions, workOnce } from '../../../server/src/cases/worker.ts';
import type { Escalation, Target } from '../../../server/src/people/on-call/escalation.ts';
import type { Finding } from '../../../server/src/findings/finding.ts';
import { ManualClock } from '../../../server/src/ground/clock.ts';
import { silentLog } from '../../../server/src/ground/log.ts';
import { seededRandom } from '../../../server/src/ground/random.ts';
import type { PagerDutyWebhook } from '../../../server/src/vendors/pagerduty-webhook.ts';
import { sampleConduct, samplePlanner } from '../../sample-case.ts';
import { MONDAY_MS, sampleActor, sampleFacts, sampleFinding } from '../../sample-finding.ts';
import { Chaos, type ChaosOptions, Crash, Process } from './chaos.ts';
import { memoryNight, type NightServer, type NightStore, type OpenNight } from './night-store.ts';
import { SimulatedPagerDuty, WebhookMemory } from './pagerduty.ts';
import { checkEnd, checkPeace, type Evidence, type Violation } from './promises.ts';
import { responsesAt, revertSteps } from './responses.ts';
import { Outside, type Vendor } from './vendors.ts';

export interface NightChoice extends ChaosOptions {
  readonly seed: number;
  readonly open?: OpenNight;
  /** A planted fault: a vendor that takes messages and tells nobody, to prove that the promises are looked at. */
  readonly lyingVendor?: boolean;
}

export interface NightReport {
  readonly chaos: Chaos;
  readonly cases: number;
  readonly pages: number;
  readonly webhooks: number;
  readonly violations: readonly Violation[];
}

const ACTIONS = 44;
const ACTORS = ['alice', 'bob', 'nobody-knows'];
const ANN = { id: 'ann', name: 'Ann', email: 'ann@example.com' };
const BEN = { id: 'ben', name: 'Ben', email: 'ben@example.com' };
const ONCALL = { id: 'oncall', name: 'On call' };
/** Ann has gaps; the second step is always empty; then Ben; then the pager and PagerDuty, which is called first in every other night. */
function ladderOf(isPagerDutyFirst: boolean): Escalation {
  const target = (name: string): Target =>
    name.startsWith('pager') ? { type: 'channel', name } : { type: 'schedule', name };
  const steps = [
    isPagerDutyFirst ? ['first', 'pagerduty'] : ['first'],
    ['empty'],
    ['second'],
    ['pager'],
    ['pagerduty'],
  ];
  return {
    name: 'default',
    repeat: 2,
    acknowledgementMs: null,
    steps: steps.map((names) => ({ targets: names.map(target), waitMs: 300_000, roundRobin: false })),
  };
}

/** The whole ladder, and the last message of each step. */
const LADDER_MS = 30 * 60_000;
/** Minutes in which the night is played to its end: first with nobody there, then with somebody who ends everything. */
const ALONE_MINUTES = 75;
const ENDING_MINUTES = 45;
const OFFSETS_MS = [0, -30_000, 30_000, -3_600_000];
const HELD_UNTIL_MS = MONDAY_MS + 40 * 60_000;

export async function playNight(choice: NightChoice): Promise<NightReport> {
  const night = new Night(choice);
  return night.play();
}

class Night {
  readonly #name: string;
  readonly #chaos: Chaos;
  readonly #clock = new ManualClock(MONDAY_MS);
  /** The time that others have, however wrong our clock is. */
  #trueMs = MONDAY_MS;
  #offsetMs = 0;
  readonly #outside: Outside;
  readonly #pagerDuty: SimulatedPagerDuty;
  readonly #memory = new WebhookMemory();
  readonly #store: NightStore;
  readonly #servers: { process: Process; server: NightServer; worker: WorkerOptions }[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  readonly #findings = new Map<string, Finding>();
  readonly #evidence: Evidence;
  readonly #conduct: ConductOptions;
  readonly #ladder: Escalation;
  readonly #vendors: readonly Vendor[];
  /** Inputs on their way: chat and phones deliver late, twice and out of order. */
  readonly #onTheirWay: { readonly caseId: string; readonly input: CaseInput }[] = [];
  #webhooks = 0;
  #pages = 0;
  #ids = 0;

  constructor({ seed, open = memoryNight, lyingVendor = false, ...chaos }: NightChoice) {
    this.#name = `night-${seed}`;
    this.#chaos = new Chaos(seededRandom(seed), chaos);
    this.#outside = new Outside(this.#chaos);
    this.#pagerDuty = new SimulatedPagerDuty(this.#chaos, () => this.#trueMs);
    this.#store = open(this.#name, { chaos: this.#chaos, planner: () => this.#planner() });
    const isHeld = this.#chaos.random.fraction() < 0.2;
    this.#ladder = ladderOf(this.#chaos.random.fraction() < 0.5);
    this.#evidence = {
      seed,
      delivered: new Map(),
      followed: new Map(),
      answers: [],
      findings: this.#findings,
      unexpected: [],
      statusOf: (caseId) => this.#pagerDuty.statusOf(`countersign-${caseId}`),
      nowMs: () => this.#clock.nowMs(),
      ladderMs: LADDER_MS,
    };
    this.#conduct = {
      ...sampleConduct(null),
      followers: ['chat'],
      newId: () => `${this.#name}-case-${(this.#ids += 1)}`,
      heldUntil: (_finding, risk) =>
        isHeld && risk < 85 && this.#clock.nowMs() < HELD_UNTIL_MS ? HELD_UNTIL_MS : null,
      whoToAsk: ({ facts }) =>
        facts.actor.id.endsWith('nobody-knows')
          ? { person: null, why: 'no-owner' }
          : { person: { id: facts.actor.id, name: facts.actor.id }, why: null },
    };
    this.#vendors = ['console', 'pager', 'slack', 'sms', 'pagerduty'].map((name) => ({
      name,
      take: (message) => {
        if (lyingVendor && name === 'pager') return;
        if (name === 'pagerduty') this.#pagerDuty.take(message);
        if (message.action !== 'trigger') return;
        const reached = this.#evidence.delivered.get(message.case.id) ?? new Set();
        this.#evidence.delivered.set(message.case.id, reached.add(`${message.person?.id ?? ''}:${name}`));
        this.#pages += 1;
      },
    }));
    for (let index = 0; index < this.#store.servers; index += 1) this.#servers.push(this.#start(index, 1));
  }

  async play(): Promise<NightReport> {
    for (let action = 0; action < ACTIONS; action += 1) {
      await this.#survive(() => this.#act());
      this.#restart();
    }
    const violations = await this.#endInPeace();
    const cases = await this.#store.cases();
    violations.push(...(await checkEnd(this.#evidence, cases, (caseId) => this.#store.entriesOf(caseId))));
    return { chaos: this.#chaos, cases: cases.length, pages: this.#pages, webhooks: this.#webhooks, violations };
  }

  /** Ann is on call every other hour. */
  #planner(): Planner {
    const hour = Math.floor(this.#clock.nowMs() / 3_600_000);
    return samplePlanner({
      channels: ['console', 'pager', 'pagerduty'],
      escalations: [this.#ladder],
      onCall: { first: hour % 2 === 0 ? ANN : null, empty: null, second: BEN },
      people: [ANN, BEN],
    });
  }

  #start(index: number, life: number) {
    const process = new Process(`server-${index}-${life}`);
    const server = this.#store.open(index, process);
    const channels = this.#vendors.map((vendor) => this.#outside.channel(vendor, process));
    const chat = this.#outside.follower('chat', process, async (caseId) => {
      const found = (await this.#store.cases()).find(({ id }) => id === caseId);
      const { followed } = this.#evidence;
      followed.set(caseId, Math.max(found?.version ?? 0, followed.get(caseId) ?? 0));
    });
    const worker: WorkerOptions = {
      store: server,
      channels: new Map(channels.map((channel) => [channel.name, channel])),
      followers: new Map([['chat', chat]]),
      ask: async () => {
        this.#chaos.step(process, 'the question: before it is asked');
        const isDown = this.#chaos.happens('questions that could not be put', 0.3);
        return isDown ? { type: 'failed', failure: 'chat is down', afterMs: null } : { type: 'delivered' };
      },
      prove: async () => null,
      caseUrl: (caseId) => caseId,
      clock: this.#clock,
      random: this.#chaos.random,
      log: silentLog,
      name: process.name,
    };
    return { process, server, worker, life };
  }

  /** A supervisor starts again what died. */
  #restart(): void {
    for (const [index, { process }] of this.#servers.entries()) {
      if (!process.alive) this.#servers[index] = this.#start(index, this.#chaos.crashes + 1);
    }
  }

  /** One thing that happens in the night. */
  async #act(): Promise<void> {
    const what = this.#chaos.random.fraction();
    if (what < 0.2) await this.#find();
    else if (what < 0.34) await this.#answer();
    else if (what < 0.46) await this.#respond();
    else if (what < 0.55) await this.#receive();
    else if (what < 0.6) this.#pagerDuty.act();
    else if (what < 0.68) await this.#pagerDuty.deliverOne((message) => this.#hear(message));
    else if (what < 0.72) this.#outside.answerOne();
    else if (what < 0.92) await this.#work();
    else if (what < 0.98) this.#pass(this.#chaos.below(900_000));
    else this.#jump();
  }

  #pass(ms: number): void {
    this.#trueMs += ms;
    this.#clock.jumpTo(this.#trueMs + this.#offsetMs);
  }

  #jump(): void {
    this.#offsetMs = this.#chaos.pick(OFFSETS_MS) ?? 0;
    this.#chaos.count('clock jumps');
    this.#pass(0);
  }

  /** Both servers at once, until everything is done or waits for a slow vendor. */
  async #work(): Promise<void> {
    const slow = this.#outside.slowness();
    const mine = this.#servers.map(({ worker, process }) => {
      const work = workOnce(worker).then(
        () => undefined,
        (error: unknown) => this.#buried(error, process),
      );
      const settled = work.finally(() => this.#inFlight.delete(settled));
      this.#inFlight.add(settled);
      return settled;
    });
    await Promise.race([Promise.all(mine), slow]);
  }

  #buried(error: unknown, process: Process): void {
    if (!(error instanceof Crash)) this.#evidence.unexpected.push(`${process.name}: ${String(error)}`);
  }

  /** A crash loses the process, not what was committed; the inbox hands a batch out again until it was conducted. */
  async #survive(body: () => Promise<void>): Promise<void> {
    try {
      await body();
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
  }

  async #endInPeace(): Promise<Violation[]> {
    this.#chaos.isOn = false;
    this.#restart();
    this.#offsetMs = 0;
    this.#pass(0);
    await this.#settle();
    for (const finding of this.#findings.values()) await this.#conductOne(finding);
    for (let minute = 0; minute < ALONE_MINUTES; minute += 1) await this.#minute();
    const violations = checkPeace(this.#evidence, await this.#store.cases());
    for (let minute = 0; minute < ENDING_MINUTES; minute += 1) {
      for (const { id, state } of await this.#store.cases()) {
        if (state === 'paged') await this.#input(id, { type: 'acknowledged', by: ONCALL });
        if (state === 'acknowledged') await this.#input(id, { type: 'resolved', by: ONCALL, note: '' });
      }
      await this.#minute();
    }
    return violations;
  }

  async #minute(): Promise<void> {
    await this.#settle();
    while (this.#pagerDuty.waiting > 0) await this.#pagerDuty.deliverOne((message) => this.#hear(message));
    this.#pass(60_000);
  }

  /** Until nothing is due and nobody waits. */
  async #settle(): Promise<void> {
    while (this.#outside.waiting > 0) this.#outside.answerOne();
    await Promise.all(this.#inFlight);
    await this.#work();
    await Promise.all(this.#inFlight);
  }

  async #find(): Promise<void> {
    const actor = `${this.#name}-${this.#chaos.pick(ACTORS) ?? ''}`;
    const id = `${this.#name}-event-${this.#findings.size + 1}`;
    const facts = sampleFacts({ id, timeMs: this.#clock.nowMs(), actor: sampleActor({ id: actor, name: actor }) });
    const finding = sampleFinding({ id, facts, risk: 30 + this.#chaos.below(65) });
    this.#findings.set(id, finding);
    await this.#store.addFinding(finding, actor);
    await this.#conductOne(finding);
  }

  async #conductOne(finding: Finding): Promise<void> {
    const cases = await this.#store.cases();
    if (cases.some(({ findingIds }) => findingIds.includes(finding.id))) return;
    const nowMs = this.#clock.nowMs();
    await this.#transact((unit) =>
      conductFindings(unit, finding.facts.actor.id, [finding], { ...this.#conduct, nowMs, receivedMs: nowMs }),
    );
  }

  async #answer(): Promise<void> {
    const found = await this.#pick((state) => state !== 'resolved');
    if (found === null) return;
    const honest = found.person ?? { id: 'alice', name: 'alice' };
    const by = this.#chaos.random.fraction() < 0.15 ? { id: 'mallory', name: 'mallory' } : honest;
    const kind = this.#chaos.random.fraction();
    if (kind < 0.2) return this.#send(found.id, { type: 'answered-no', by, reason: '' });
    if (kind < 0.35) return this.#send(found.id, { type: 'code-refused', by, factor: 'totp' });
    if (kind < 0.4) return this.#send(found.id, { type: 'fraud-reported', by, factor: 'duo-push' });
    if (kind < 0.5) return this.#send(found.id, { type: 'proof-failed', by, factor: 'duo-push', why: 'timed-out' });
    const digest = this.#chaos.random.fraction() < 0.2 ? 'an older digest' : found.digest;
    this.#evidence.answers.push({ caseId: found.id, by: by.id, digest });
    return this.#send(found.id, { type: 'answered-yes', by, reason: 'mine', proof: { factor: 'totp', digest } });
  }

  async #respond(): Promise<void> {
    if (this.#chaos.random.fraction() < 0.2) return this.#putBack();
    const found = await this.#pick((state) => state === 'paged' || state === 'acknowledged' || state === 'resolved');
    if (found === null) return;
    const nowMs = this.#clock.nowMs();
    const inputs = responsesAt(nowMs, { by: ONCALL, other: ANN, to: BEN });
    const input = inputs[this.#chaos.below(inputs.length + 1)];
    if (input !== undefined) return this.#send(found.id, input);
    const into = await this.#pick((state) => state === 'paged' || state === 'acknowledged');
    if (into === null) return;
    await this.#transact((unit) =>
      conductMerge(unit, { from: found.id, into: into.id }, ONCALL, { followers: ['chat'], nowMs }),
    );
  }

  /** A revert takes a step beside the case. */
  async #putBack(): Promise<void> {
    const found = await this.#pick(() => true);
    const input = this.#chaos.pick(revertSteps());
    if (found === null || input === undefined) return;
    const nowMs = this.#clock.nowMs();
    const stepped = await this.#transact((unit) => conductInput(unit, found.id, input, { followers: ['chat'], nowMs }));
    if (input.type === 'revert-stepped' && input.outcome === 'failed' && stepped?.case.state !== 'paged')
      this.#evidence.unexpected.push(`${found.id}: a revert failed and nobody is called`);
  }

  /** Now, or on its way to come later, twice, out of order or never. */
  async #send(caseId: string, input: CaseInput): Promise<void> {
    const way = this.#chaos.random.fraction();
    if (way >= 0.5 && way < 0.95) {
      this.#chaos.count(way < 0.6 ? 'inputs that come twice' : 'inputs that come late');
      this.#onTheirWay.push({ caseId, input });
    } else if (way >= 0.95) this.#chaos.count('inputs that never come');
    if (way < 0.6) await this.#input(caseId, input);
  }

  async #receive(): Promise<void> {
    const [late] = this.#onTheirWay.splice(this.#chaos.below(this.#onTheirWay.length), 1);
    if (late !== undefined) await this.#input(late.caseId, late.input);
  }

  async #input(caseId: string, input: CaseInput): Promise<void> {
    const nowMs = this.#clock.nowMs();
    await this.#transact((unit) => conductInput(unit, caseId, input, { followers: ['chat'], nowMs }));
  }

  /** False when PagerDuty heard no answer: it sends the webhook again. */
  async #hear(message: PagerDutyWebhook): Promise<boolean> {
    this.#webhooks += 1;
    if (this.#memory.isKnown(message)) return true;
    const caseId = this.#memory.caseOf(message);
    const nowMs = this.#clock.nowMs();
    try {
      await this.#server().transactThen(
        async (unit) => {
          if (caseId === null) return;
          const input = this.#memory.inputOf(message, caseId, await unit.loadCase(caseId));
          if (input !== null) await conductInput(unit, caseId, input, { followers: ['chat'], nowMs });
        },
        () => this.#memory.remember(message, caseId),
      );
      return true;
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      return false;
    }
  }

  #transact<T>(body: (unit: CaseUnit) => Promise<T>): Promise<T> {
    return this.#server().transact(body);
  }

  #server(): NightServer {
    const found = this.#chaos.pick(this.#servers.filter(({ process }) => process.alive));
    if (found === undefined) throw new Crash('no server is up at this moment');
    return found.server;
  }

  async #pick(wanted: (state: string) => boolean): Promise<Case | null> {
    return this.#chaos.pick((await this.#store.cases()).filter(({ state }) => wanted(state))) ?? null;
  }
}
