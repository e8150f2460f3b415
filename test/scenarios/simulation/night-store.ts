/**
 * Where a night is kept: in memory, for thousands of nights a minute, or on a real PostgreSQL with two servers at once. A process of
 * either dies between any two calls.
 */
import type { Case } from '../../../server/src/cases/case.ts';
import type { Planner } from '../../../server/src/cases/page/planner.ts';
import { createSqlStore, parseCase } from '../../../server/src/cases/sql-store.ts';
import type { CaseStore, CaseUnit } from '../../../server/src/cases/store.ts';
import type { Finding } from '../../../server/src/findings/finding.ts';
import { sql } from 'kysely';
import type { State } from '../../../server/src/ground/state.ts';
import type { Chaos, Process } from './chaos.ts';
import { MemoryStore } from './memory-store.ts';

/** A server's view of what is kept, for as long as its process lives. */
export interface NightServer extends CaseStore {
  /** A transaction; `committed` is called when it is kept, whatever becomes of the process right after. */
  transactThen<T>(body: (unit: CaseUnit) => Promise<T>, committed: (result: T) => void): Promise<T>;
}

export interface NightStore {
  /** How many servers there are; all share what is kept. */
  readonly servers: number;
  open(server: number, process: Process): NightServer;
  addFinding(finding: Finding, burstKey: string): Promise<void>;
  cases(): Promise<readonly Case[]>;
  /** Entries of a case, in order. */
  entriesOf(caseId: string): Promise<readonly KeptEntry[]>;
}

export interface KeptEntry {
  readonly kind: string;
  readonly actor: string | null;
}

export interface NightOptions {
  readonly planner: () => Planner;
  readonly chaos: Chaos;
}

export type OpenNight = (night: string, options: NightOptions) => NightStore;

export const memoryNight: OpenNight = (_night, { planner, chaos }) => {
  const store = new MemoryStore();
  store.planner = planner;
  return {
    servers: 2,
    open: (_server, process) => mortal(store, process, chaos),
    addFinding: async (finding) => {
      store.findings.set(finding.id, finding);
    },
    cases: async () => [...store.cases.values()],
    entriesOf: async (caseId) => store.journal.filter((entry) => entry.caseId === caseId),
  };
};

/** @param states connections of different servers to one database; the night's name keeps its nights apart. */
export function sqlNights(states: readonly State[]): OpenNight {
  const [first] = states;
  if (first === undefined) throw new Error('a night needs a database');
  return (night, { planner, chaos }) => ({
    servers: states.length,
    open: (server, process) =>
      mortal(
        createSqlStore(states[server] ?? first, async () => planner()),
        process,
        chaos,
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
        select document from case_record where burst_key like ${`${night}-%`} order by opened_ms, id`.execute(first.db);
      return rows.map(({ document }) => parseCase(document));
    },
    entriesOf: async (caseId) => {
      const { rows } = await sql<KeptEntry>`
        select kind, actor from journal where case_id = ${caseId} order by sequence`.execute(first.db);
      return rows;
    },
  });
}

/** Dies before any call of a transaction, before its commit and after it. */
function mortal(store: CaseStore, process: Process, chaos: Chaos): NightServer {
  const step = (place: string) => chaos.step(process, place);
  const transactThen: NightServer['transactThen'] = async (body, committed) => {
    step('transaction: before it begins');
    const result = await store.transact(async (unit) => {
      const answer = await body(stepping(unit, step));
      step('transaction: before it commits');
      return answer;
    });
    committed(result);
    step('transaction: after it committed');
    return result;
  };
  return {
    transactThen,
    transact: (body) => transactThen(body, () => undefined),
    nextDueMs: () => store.nextDueMs(),
    takeDue: async (options) => {
      step('work: before it is taken');
      const due = await store.takeDue(options);
      step('work: after it was taken');
      return due;
    },
  };
}

function stepping(unit: CaseUnit, step: (place: string) => void): CaseUnit {
  return new Proxy(unit, {
    get: (target, name: keyof CaseUnit) => {
      const method = target[name] as (...given: unknown[]) => unknown;
      return (...given: unknown[]) => {
        step(`transaction: ${name}`);
        return method.apply(target, given);
      };
    },
  });
}
