/**
 * The case store in memory: the port's contract (all or nothing, leases, keys that exist once) without a database, so that
 * thousands of nights fit in a minute. A transaction that crashes leaves nothing.
 */
import type { Case } from '../../../server/src/cases/case.ts';
import {
  type CaseChange,
  type CaseStore,
  type CaseUnit,
  type DueEffect,
  effectKey,
} from '../../../server/src/cases/store.ts';
import type { CaseEffect, CaseEntry } from '../../../server/src/cases/case.ts';
import type { Planner } from '../../../server/src/cases/page/planner.ts';
import type { Finding } from '../../../server/src/findings/finding.ts';

interface Row {
  readonly key: string;
  readonly caseId: string;
  readonly effect: CaseEffect;
  dueMs: number;
  attempts: number;
  leaseMs: number;
  owner: string | null;
  done: boolean;
}

interface TakeOptions {
  readonly nowMs: number;
  readonly leaseMs: number;
  readonly limit: number;
  readonly worker: string;
}

interface World {
  cases: Map<string, Case>;
  owned: Map<string, string>;
  outbox: Map<string, Row>;
  journal: (CaseEntry & { readonly caseId: string })[];
}

export class MemoryStore implements CaseStore {
  readonly findings = new Map<string, Finding>();
  /** Whom a page would reach. */
  planner: () => Planner = () => {
    throw new Error('the simulation gives a planner');
  };
  #world: World = { cases: new Map(), owned: new Map(), outbox: new Map(), journal: [] };

  get cases(): ReadonlyMap<string, Case> {
    return this.#world.cases;
  }

  get journal(): World['journal'] {
    return this.#world.journal;
  }

  get outbox(): ReadonlyMap<string, Row> {
    return this.#world.outbox;
  }

  /** One after the other, as a database's locks would have it. */
  #turn: Promise<unknown> = Promise.resolve();

  #alone<T>(body: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(body);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  transact<T>(body: (unit: CaseUnit) => Promise<T>): Promise<T> {
    return this.#alone(() => this.#transact(body));
  }

  async #transact<T>(body: (unit: CaseUnit) => Promise<T>): Promise<T> {
    const draft: World = {
      cases: new Map(this.#world.cases),
      owned: new Map(this.#world.owned),
      outbox: new Map([...this.#world.outbox].map(([key, row]) => [key, { ...row }])),
      journal: [...this.#world.journal],
    };
    const result = await body(this.#unit(draft));
    this.#world = draft;
    return result;
  }

  takeDue(options: TakeOptions): Promise<readonly DueEffect[]> {
    return this.#alone(() => this.#takeDue(options));
  }

  async #takeDue(options: TakeOptions): Promise<readonly DueEffect[]> {
    const due = [...this.#world.outbox.values()]
      .filter((row) => !row.done && row.dueMs <= options.nowMs && row.leaseMs <= options.nowMs)
      .sort((one, other) => one.dueMs - other.dueMs)
      .slice(0, options.limit);
    for (const row of due) {
      row.attempts += 1;
      row.leaseMs = options.nowMs + options.leaseMs;
      row.owner = options.worker;
    }
    return due.map(({ key, caseId, effect, attempts, dueMs }) => ({
      key,
      dueMs,
      caseId,
      effect,
      attempt: attempts,
      handle: options.worker,
    }));
  }

  async nextDueMs(): Promise<number | null> {
    const waiting = [...this.#world.outbox.values()].filter(({ done }) => !done);
    return waiting.length === 0 ? null : Math.min(...waiting.map(({ dueMs, leaseMs }) => Math.max(dueMs, leaseMs)));
  }

  #unit(world: World): CaseUnit {
    const held = (effect: DueEffect): Row | null => {
      const row = world.outbox.get(effect.key);
      return row === undefined || row.done || row.owner !== effect.handle ? null : row;
    };
    return {
      loadPlanner: async () => this.planner(),
      lockBurst: async () => undefined,
      openCaseOfBurst: async (burstKey, fromMs, toMs) =>
        [...world.cases.values()].find(
          (found) =>
            found.burstKey === burstKey &&
            ['asked', 'paged', 'acknowledged'].includes(found.state) &&
            found.lastMs >= fromMs &&
            found.firstMs <= toMs,
        ) ?? null,
      loadCase: async (caseId) => world.cases.get(caseId) ?? null,
      looseFindings: async (burstKey, fromMs, toMs) =>
        [...this.findings.values()].filter(
          ({ id, facts }) =>
            facts.actor.id === burstKey && facts.timeMs >= fromMs && facts.timeMs <= toMs && !world.owned.has(id),
        ),
      findingsOfCase: async (caseId) => [...this.findings.values()].filter(({ id }) => world.owned.get(id) === caseId),
      save: async (change) => this.#save(world, change),
      finish: async (effect) => {
        const row = held(effect);
        if (row !== null) row.done = true;
        return row !== null;
      },
      waitingPages: async (caseId) =>
        [...world.outbox.values()].flatMap(({ key, effect, owner, leaseMs, ...row }) =>
          row.caseId === caseId && !row.done && effect.type === 'page'
            ? [{ key, effect, takenUntilMs: owner === null ? null : leaseMs }]
            : [],
        ),
      retry: async (effect, { dueMs }) => {
        const row = held(effect);
        if (row !== null) Object.assign(row, { dueMs, leaseMs: 0, owner: null });
        return row !== null;
      },
    };
  }

  #save(world: World, { case: next, entries, effects }: CaseChange): void {
    world.cases.set(next.id, next);
    for (const id of next.findingIds) if (!world.owned.has(id)) world.owned.set(id, next.id);
    for (const entry of entries) world.journal.push({ ...entry, caseId: next.id });
    for (const { effect, dueMs } of effects) {
      const key = effectKey(next.id, next.version, effect);
      if (!world.outbox.has(key))
        world.outbox.set(key, {
          key,
          caseId: next.id,
          effect,
          dueMs,
          attempts: 0,
          leaseMs: 0,
          owner: null,
          done: false,
        });
    }
  }
}
