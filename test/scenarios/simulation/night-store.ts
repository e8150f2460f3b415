/**
 * Where a night is kept: in memory, for thousands of nights a minute, or on a real PostgreSQL with two servers at once. Both can be
 * told to crash at any step.
 */
import type { Case } from '../../../server/src/cases/case.ts';
import type { Planner } from '../../../server/src/cases/page/planner.ts';
import { createSqlStore, parseCase } from '../../../server/src/cases/sql-store.ts';
import type { CaseStore, CaseUnit } from '../../../server/src/cases/store.ts';
import type { Finding } from '../../../server/src/findings/finding.ts';
import { sql } from 'kysely';
import type { State } from '../../../server/src/ground/state.ts';
import { MemoryStore } from './memory-store.ts';

export interface NightStore {
  /** One per server; all share what is kept. */
  readonly servers: readonly CaseStore[];
  addFinding(finding: Finding, burstKey: string): Promise<void>;
  cases(): Promise<readonly Case[]>;
  /** Kinds of the entries of a case, in order. */
  entriesOf(caseId: string): Promise<readonly string[]>;
}

export interface NightOptions {
  readonly planner: () => Planner;
  /** Called at every step; may throw a crash. */
  readonly step: () => void;
}

export function memoryNight({ planner, step }: NightOptions): NightStore {
  const store = new MemoryStore();
  store.step = step;
  store.planner = planner;
  return {
    servers: [store, store],
    addFinding: async (finding) => {
      store.findings.set(finding.id, finding);
    },
    cases: async () => [...store.cases.values()],
    entriesOf: async (caseId) => store.journal.filter((entry) => entry.caseId === caseId).map(({ kind }) => kind),
  };
}

/** `states` are connections of different servers to one database; `night` keeps its nights apart. */
export function sqlNight(states: readonly State[], night: string, { planner, step }: NightOptions): NightStore {
  const [first] = states;
  if (first === undefined) throw new Error('a night needs a database');
  const mine = `${night}-`;
  return {
    servers: states.map((state) =>
      crashing(
        createSqlStore(state, async () => planner()),
        step,
      ),
    ),
    addFinding: async (finding, burstKey) => {
      await sql`
        insert into finding (id, rule, source, account, burst_key, risk, time_ms, created_ms, document)
        values (${finding.id}, ${finding.rule}, ${finding.facts.source}, ${finding.facts.account}, ${burstKey},
          ${finding.risk}, ${finding.facts.timeMs}, ${finding.facts.timeMs}, ${JSON.stringify(finding)})
        on conflict do nothing`.execute(first.db);
    },
    cases: async () => {
      const { rows } = await sql<{ document: string }>`
        select document from case_record where burst_key like ${`${mine}%`}`.execute(first.db);
      return rows.map(({ document }) => parseCase(document));
    },
    entriesOf: async (caseId) => {
      const { rows } = await sql<{ kind: string }>`
        select kind from journal where case_id = ${caseId} order by sequence`.execute(first.db);
      return rows.map(({ kind }) => kind);
    },
  };
}

/** Dies between any two calls of a transaction, and before or after its commit. */
function crashing(store: CaseStore, step: () => void): CaseStore {
  return {
    nextDueMs: () => store.nextDueMs(),
    takeDue: async (options) => {
      const due = await store.takeDue(options);
      step();
      return due;
    },
    transact: async (body) => {
      const result = await store.transact(async (unit) => {
        const answer = await body(stepping(unit, step));
        step();
        return answer;
      });
      step();
      return result;
    },
  };
}

function stepping(unit: CaseUnit, step: () => void): CaseUnit {
  return new Proxy(unit, {
    get: (target, name: keyof CaseUnit) => {
      const method = target[name] as (...given: unknown[]) => unknown;
      return (...given: unknown[]) => {
        step();
        return method.apply(target, given);
      };
    },
  });
}
