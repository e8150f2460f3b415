/** Agents: invited with a token that works once, known by a secret of their own, retired by hand or by their successor. */
import { sql } from 'kysely';
import { appendJournal } from '../ground/journal.ts';
import type { Random } from '../ground/random.ts';
import type { State, StateTransaction } from '../ground/state.ts';
import { forgetHost } from '../sources/sensor/store.ts';
import { createToken, hashToken } from '../people/sign-in/token.ts';
import type { AgentBatch } from './batch.ts';
import type { FleetTables } from './tables.ts';

export interface Agent {
  readonly id: string;
  readonly host: string;
  readonly version: string;
  readonly enrolledMs: number;
  /** When a batch last came: what it watches is watched. */
  readonly lastHeardMs: number | null;
  /** When it last asked for orders; null: it takes none. */
  readonly readyMs: number | null;
  /** The highest batch of each lane that was taken. */
  readonly lastSequence: Readonly<Record<AgentBatch['lane'], number>>;
  readonly dropped: number;
}

interface At {
  readonly nowMs: number;
  readonly random: Random;
}

/** Secret scanners find them by how they begin. */
const INVITATION_PREFIX = 'csi_';
const SECRET_PREFIX = 'csa_';
const INVITATION_MS = 24 * 3_600_000;
const MOST_AGENTS = 100_000;

/** @returns a token with which one agent can join, within a day. */
export async function inviteAgent(trx: StateTransaction, by: string, { nowMs, random }: At): Promise<string> {
  const token = `${INVITATION_PREFIX}${createToken(random)}`;
  const times = { created_ms: nowMs, expires_ms: nowMs + INVITATION_MS };
  await trx
    .withTables<FleetTables>()
    .insertInto('agent_invitation')
    .values({ token_hash: hashToken(token), made_by: by, ...times, used_ms: null, agent_id: null })
    .execute();
  await appendJournal(trx, { kind: 'agent-invited', caseId: null, actor: by, parameters: {}, timeMs: nowMs });
  return token;
}

/** @returns the agent and its secret, which cannot be had again; null when the token is unknown, used or too old. */
export async function enrolAgent(
  trx: StateTransaction,
  asked: { readonly token: string; readonly host: string; readonly version: string },
  { nowMs, random }: At,
): Promise<{ readonly agent: Agent; readonly secret: string } | null> {
  const id = random.id(nowMs);
  const used = await trx
    .withTables<FleetTables>()
    .updateTable('agent_invitation')
    .set({ used_ms: nowMs, agent_id: id })
    .where('token_hash', '=', hashToken(asked.token))
    .where('used_ms', 'is', null)
    .where('expires_ms', '>', nowMs)
    .returning('made_by')
    .executeTakeFirst();
  if (used === undefined) return null;
  return admitAgent(trx, { ...asked, id, by: used.made_by }, { nowMs, random });
}

/** Lets an agent in that somebody answers for; it takes the place of the one that spoke for the host before. */
export async function admitAgent(
  trx: StateTransaction,
  {
    id,
    host,
    version,
    by,
  }: { readonly id: string; readonly host: string; readonly version: string; readonly by: string },
  { nowMs, random }: At,
): Promise<{ readonly agent: Agent; readonly secret: string }> {
  const db = trx.withTables<FleetTables>();
  await db
    .updateTable('agent')
    .set({ retired_ms: nowMs })
    .where('host', '=', host)
    .where('retired_ms', 'is', null)
    .execute();
  const secret = `${SECRET_PREFIX}${createToken(random)}`;
  await db
    .insertInto('agent')
    .values({
      id,
      host,
      version,
      secret_hash: hashToken(secret),
      enrolled_ms: nowMs,
      last_heard_ms: null,
      last_must_sequence: 0,
      last_may_sequence: 0,
      dropped: 0,
      retired_ms: null,
      ready_ms: null,
    })
    .execute();
  await appendJournal(trx, {
    kind: 'agent-joined',
    caseId: null,
    actor: by,
    parameters: { host, agent: id },
    timeMs: nowMs,
  });
  const agent = {
    id,
    host,
    version,
    enrolledMs: nowMs,
    lastHeardMs: null,
    readyMs: null,
    lastSequence: { must: 0, may: 0 },
    dropped: 0,
  };
  return { agent, secret };
}

/** Null when the secret is of no agent, or of one that was retired. */
export async function findAgent(state: State, secret: string): Promise<Agent | null> {
  if (!secret.startsWith(SECRET_PREFIX)) return null;
  const row = await state.db
    .withTables<FleetTables>()
    .selectFrom('agent')
    .selectAll()
    .where('secret_hash', '=', hashToken(secret))
    .where('retired_ms', 'is', null)
    .executeTakeFirst();
  return row === undefined ? null : agentOf(row);
}

export interface TakenBatch extends Pick<AgentBatch, 'lane' | 'sequence' | 'dropped'> {
  readonly agent: Pick<Agent, 'id'>;
}

/** Notes that batches were taken, after everything in them is stored: of many agents in one statement. */
export async function noteBatches(trx: StateTransaction, batches: readonly TakenBatch[], nowMs: number): Promise<void> {
  const notes = new Map<string, { readonly id: string; must?: number; may?: number; dropped: number }>();
  for (const { agent, lane, sequence, dropped } of batches)
    notes.set(agent.id, { ...(notes.get(agent.id) ?? { id: agent.id }), [lane]: sequence, dropped });
  await sql`UPDATE agent SET last_heard_ms = ${nowMs}, dropped = note.dropped,
      last_must_sequence = coalesce(note.must, agent.last_must_sequence),
      last_may_sequence = coalesce(note.may, agent.last_may_sequence)
    FROM json_to_recordset(${JSON.stringify([...notes.values()])}::json) AS note(id text, must bigint, may bigint, dropped bigint)
    WHERE agent.id = note.id`.execute(trx);
}

/** Those that are not retired, by host. */
export async function listAgents(state: State): Promise<readonly Agent[]> {
  const rows = await state.db
    .withTables<FleetTables>()
    .selectFrom('agent')
    .selectAll()
    .where('retired_ms', 'is', null)
    .orderBy('host')
    .limit(MOST_AGENTS)
    .execute();
  return rows.map(agentOf);
}

/** @returns false when there is no such agent. */
export async function retireAgent(
  trx: StateTransaction,
  id: string,
  by: { readonly actor: string; readonly nowMs: number },
): Promise<boolean> {
  const retired = await trx
    .withTables<FleetTables>()
    .updateTable('agent')
    .set({ retired_ms: by.nowMs })
    .where('id', '=', id)
    .where('retired_ms', 'is', null)
    .returning('host')
    .executeTakeFirst();
  if (retired === undefined) return false;
  // What its sensor last said is no longer true, and its silence no news.
  await forgetHost(trx, retired.host);
  const parameters = { agent: id, host: retired.host };
  await appendJournal(trx, { kind: 'agent-retired', caseId: null, actor: by.actor, parameters, timeMs: by.nowMs });
  return true;
}

/** Of the hosts that an agent watches, its version. */
export async function versionsOf(state: State, hosts: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (hosts.length === 0) return new Map();
  const rows = await state.db
    .withTables<FleetTables>()
    .selectFrom('agent')
    .select(['host', 'version'])
    .where('host', 'in', hosts)
    .where('retired_ms', 'is', null)
    .execute();
  return new Map(rows.map(({ host, version }) => [host, version]));
}

/** It may be another than when it joined. */
export async function noteVersion(state: State, { id }: Agent, version: string): Promise<void> {
  await state.db.withTables<FleetTables>().updateTable('agent').set({ version }).where('id', '=', id).execute();
}

function agentOf(row: FleetTables['agent']): Agent {
  return {
    id: row.id,
    host: row.host,
    version: row.version,
    enrolledMs: Number(row.enrolled_ms),
    lastHeardMs: row.last_heard_ms === null ? null : Number(row.last_heard_ms),
    readyMs: row.ready_ms === null ? null : Number(row.ready_ms),
    lastSequence: { must: Number(row.last_must_sequence), may: Number(row.last_may_sequence) },
    dropped: Number(row.dropped),
  };
}
