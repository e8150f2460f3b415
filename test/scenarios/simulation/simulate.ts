/**
 * Thousands of nights in memory: findings come in bursts, people answer, lie, err, answer late or not at all, vendors fail, clocks
 * jump, and the process crashes between any two steps. Afterwards the night is played to its end and the promises are checked.
 *
 * Everything random comes from the seed, so that a violation can be seen again.
 */
import type { CaseInput } from '../../../server/src/cases/case.ts';
import { conductFindings, conductInput, type ConductOptions } from '../../../server/src/cases/conduct.ts';
import type { PageChannel } from '../../../server/src/cases/page/page.ts';
import { compilePolicy, DEFAULT_POLICY } from '../../../server/src/cases/policy.ts';
import { type WorkerOptions, workOnce } from '../../../server/src/cases/worker.ts';
import type { Finding } from '../../../server/src/findings/finding.ts';
import { ManualClock } from '../../../server/src/ground/clock.ts';
import { silentLog } from '../../../server/src/ground/log.ts';
import { type Random, seededRandom } from '../../../server/src/ground/random.ts';
import { MONDAY_MS, sampleActor, sampleFacts, sampleFinding } from '../../sample-finding.ts';
import { MemoryStore } from './memory-store.ts';

export interface Violation {
  readonly seed: number;
  readonly promise: string;
  readonly detail: string;
}

export interface SimulationReport {
  readonly seeds: number;
  readonly steps: number;
  readonly crashes: number;
  readonly violations: readonly Violation[];
}

export interface SimulateOptions {
  readonly seeds: number;
  readonly from: number;
  /** A planted fault: a channel that says "delivered" and delivers nothing, to prove that the promises are looked at. */
  readonly lyingChannel?: boolean;
}

class Crash extends Error {}

const ACTIONS = 40;
const CRASH_SHARE = 0.04;
const ACTORS = ['alice', 'bob', 'nobody-knows'];
/** The night is over when nothing has been due for this many rounds. */
const MOST_ROUNDS = 120;

export async function simulate(options: SimulateOptions): Promise<SimulationReport> {
  let steps = 0;
  let crashes = 0;
  const violations: Violation[] = [];
  for (let seed = options.from; seed < options.from + options.seeds; seed += 1) {
    const night = new Night(seed, options.lyingChannel === true);
    await night.play();
    steps += night.steps;
    crashes += night.crashes;
    violations.push(...night.check());
  }
  return { seeds: options.seeds, steps, crashes, violations };
}

class Night {
  steps = 0;
  crashes = 0;
  readonly #seed: number;
  readonly #random: Random;
  readonly #clock = new ManualClock(MONDAY_MS);
  readonly #store = new MemoryStore();
  readonly #delivered = new Map<string, Set<string>>();
  readonly #conduct: ConductOptions;
  readonly #worker: WorkerOptions;
  readonly #answers: { readonly caseId: string; readonly by: string; readonly digest: string }[] = [];
  readonly #mustPage = new Set<string>();
  #mayCrash = true;
  #findings = 0;
  #ids = 0;

  constructor(seed: number, lying: boolean) {
    this.#seed = seed;
    this.#random = seededRandom(seed);
    const { policy } = compilePolicy(DEFAULT_POLICY);
    if (policy === null) throw new Error('the default policy compiles');
    this.#store.step = () => {
      this.steps += 1;
      if (this.#mayCrash && this.#random.fraction() < CRASH_SHARE) throw new Crash('the process died');
    };
    const channels = new Map(['console', 'pager'].map((name) => [name, this.#channel(name, lying)]));
    this.#conduct = {
      policy,
      channels: [...channels.keys()],
      newId: () => `case-${(this.#ids += 1)}`,
      isPerson: () => true,
      whoToAsk: ({ facts }) =>
        facts.actor.id === 'nobody-knows'
          ? { person: null, why: 'no-owner' }
          : { person: { id: facts.actor.id, name: facts.actor.id }, why: null },
    };
    this.#worker = {
      store: this.#store,
      channels,
      ask: async () =>
        this.#random.fraction() < 0.3
          ? { type: 'failed', failure: 'chat is down', afterMs: null }
          : { type: 'delivered' },
      caseUrl: (caseId) => caseId,
      clock: this.#clock,
      random: this.#random,
      log: silentLog,
      name: 'worker',
    };
  }

  async play(): Promise<void> {
    for (let action = 0; action < ACTIONS; action += 1) await this.#survive(() => this.#act());
    this.#mayCrash = false;
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      await workOnce(this.#worker);
      this.#clock.advance(60_000);
      // Nobody has acknowledged for an hour: whoever acknowledged earlier may have been faster than a channel that was down.
      if (round === MOST_ROUNDS / 2)
        for (const { id, state } of this.#store.cases.values()) if (state === 'paged') this.#mustPage.add(id);
      for (const found of this.#store.cases.values()) {
        if (found.state === 'paged' && round > MOST_ROUNDS / 2)
          await this.#input(found.id, { type: 'acknowledged', by: { id: 'oncall', name: 'On call' } });
        if (found.state === 'acknowledged' && round > MOST_ROUNDS / 2)
          await this.#input(found.id, { type: 'resolved', by: { id: 'oncall', name: 'On call' }, note: '' });
      }
    }
  }

  check(): Violation[] {
    const violations: Violation[] = [];
    const broken = (promise: string, detail: string) => violations.push({ seed: this.#seed, promise, detail });
    for (const found of this.#store.cases.values()) {
      const kinds = this.#store.journal.filter(({ caseId }) => caseId === found.id).map(({ kind }) => kind);
      if (found.state === 'asked') broken('a challenge ends', `${found.id} still waits`);
      if (found.state === 'confirmed') {
        const proven = this.#answers.some(
          ({ caseId, by, digest }) => caseId === found.id && by === found.person?.id && digest === found.digest,
        );
        if (!proven) broken('confirmed only with a proof of exactly these changes by the person asked', found.id);
        if (!kinds.includes('challenge-confirmed')) broken('every arrow is a journal entry', `${found.id} confirmed`);
        continue;
      }
      if (!kinds.includes('paged')) broken('a case that is not confirmed has paged', found.id);
      const reached = ['console', 'pager'].every((name) => this.#delivered.get(found.id)?.has(name) === true);
      if (!reached && this.#mustPage.has(found.id)) broken('no page is swallowed', found.id);
      if (!kinds.includes('case-resolved') && found.state === 'resolved')
        broken('every arrow is a journal entry', `${found.id} resolved`);
    }
    for (const finding of this.#store.findings.values()) {
      const owners = [...this.#store.cases.values()].filter(({ findingIds }) => findingIds.includes(finding.id));
      if (owners.length > 1) broken('a finding belongs to one case', finding.id);
      if (owners.length === 0 && finding.risk >= 50) broken('no finding is lost', finding.id);
    }
    return violations;
  }

  /** One thing that happens in the night. */
  async #act(): Promise<void> {
    const what = this.#random.fraction();
    if (what < 0.3) await this.#find();
    else if (what < 0.55) await this.#answer();
    else if (what < 0.65) await this.#respond();
    else if (what < 0.9) await workOnce(this.#worker);
    else if (what < 0.97) this.#clock.advance(Math.floor(this.#random.fraction() * 900_000));
    else this.#clock.jumpTo(this.#clock.nowMs() - 30_000);
  }

  /** A crash loses the process, not what was committed; the inbox hands a batch out again until it was conducted. */
  async #survive(body: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await body();
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
        this.crashes += 1;
        const loose = [...this.#store.findings.values()].filter(
          ({ id }) => ![...this.#store.cases.values()].some(({ findingIds }) => findingIds.includes(id)),
        );
        const mayCrash = this.#mayCrash;
        this.#mayCrash = false;
        for (const finding of loose) await this.#conductOne(finding);
        this.#mayCrash = mayCrash;
        return;
      }
    }
  }

  async #find(): Promise<void> {
    this.#findings += 1;
    const actor = ACTORS[Math.floor(this.#random.fraction() * ACTORS.length)] ?? 'alice';
    const id = `event-${this.#findings}`;
    const facts = sampleFacts({ id, timeMs: this.#clock.nowMs(), actor: sampleActor({ id: actor, name: actor }) });
    const finding = sampleFinding({ id, facts, risk: 30 + Math.floor(this.#random.fraction() * 65) });
    this.#store.findings.set(id, finding);
    await this.#conductOne(finding);
  }

  async #conductOne(finding: Finding): Promise<void> {
    const nowMs = this.#clock.nowMs();
    await this.#store.transact((unit) =>
      conductFindings(unit, finding.facts.actor.id, [finding], { ...this.#conduct, nowMs }),
    );
  }

  async #answer(): Promise<void> {
    const found = this.#pick((state) => state !== 'resolved');
    if (found === null) return;
    const honest = found.person ?? { id: 'alice', name: 'alice' };
    const by = this.#random.fraction() < 0.15 ? { id: 'mallory', name: 'mallory' } : honest;
    const kind = this.#random.fraction();
    if (kind < 0.25) return this.#input(found.id, { type: 'answered-no', by, reason: '' });
    if (kind < 0.45) return this.#input(found.id, { type: 'code-refused', by, factor: 'totp' });
    const digest = this.#random.fraction() < 0.2 ? 'an older digest' : found.digest;
    this.#answers.push({ caseId: found.id, by: by.id, digest });
    return this.#input(found.id, { type: 'answered-yes', by, reason: 'mine', proof: { factor: 'totp', digest } });
  }

  async #respond(): Promise<void> {
    const found = this.#pick((state) => state === 'paged' || state === 'acknowledged');
    if (found === null) return;
    const by = { id: 'oncall', name: 'On call' };
    await this.#input(
      found.id,
      found.state === 'paged' ? { type: 'acknowledged', by } : { type: 'resolved', by, note: '' },
    );
  }

  async #input(caseId: string, input: CaseInput): Promise<void> {
    const nowMs = this.#clock.nowMs();
    await this.#store.transact((unit) =>
      conductInput(unit, caseId, input, { channels: this.#conduct.channels, nowMs }),
    );
  }

  #pick(wanted: (state: string) => boolean) {
    const all = [...this.#store.cases.values()].filter(({ state }) => wanted(state));
    return all[Math.floor(this.#random.fraction() * all.length)] ?? null;
  }

  #channel(name: string, lying: boolean): PageChannel {
    return {
      name,
      deliver: async ({ action, case: paged }) => {
        this.#store.step();
        if (this.#mayCrash && this.#random.fraction() < 0.3) return { type: 'failed', failure: 'down', afterMs: null };
        if (action === 'trigger' && !(lying && name === 'pager')) {
          const reached = this.#delivered.get(paged.id) ?? new Set();
          this.#delivered.set(paged.id, reached.add(name));
        }
        this.#store.step();
        return { type: 'delivered' };
      },
    };
  }
}
