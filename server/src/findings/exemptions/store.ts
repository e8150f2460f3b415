/** Exemptions in the state database, and what one would have hidden. */
import type { ExemptionParts } from '@countersign/contract';
import { sql } from 'kysely';
import { appendJournal } from '../../ground/journal.ts';
import type { State, StateTransaction } from '../../ground/state.ts';
import type { Finding } from '../finding.ts';
import { covers, type Exemption } from './exemption.ts';

type Reader = Pick<State['db'], 'withTables'>;

export type ExemptionTables = {
  exemption: {
    id: string;
    rule: string;
    actor: string;
    resource: string;
    account: string;
    reason: string;
    created_by: string;
    created_ms: number;
    expires_ms: number;
    ended_ms: number | null;
    hidden_count: number;
    last_hidden_ms: number | null;
  };
};

const MOST_EXEMPTIONS = 1_000;
const MOST_LOOKED_AT = 20_000;

export async function activeExemptions(reader: Reader, nowMs: number): Promise<readonly Exemption[]> {
  const rows = await reader
    .withTables<ExemptionTables>()
    .selectFrom('exemption')
    .selectAll()
    .where('expires_ms', '>', nowMs)
    .where('ended_ms', 'is', null)
    .orderBy('created_ms')
    .limit(MOST_EXEMPTIONS)
    .execute();
  return rows.map(({ id, rule, actor, resource, account, expires_ms: expiresMs }) => {
    return { id, rule, actor, resource, account, expiresMs };
  });
}

/** Newest first, ended ones too. */
export async function listExemptions(reader: Reader): Promise<readonly ExemptionTables['exemption'][]> {
  return reader
    .withTables<ExemptionTables>()
    .selectFrom('exemption')
    .selectAll()
    .orderBy('created_ms', 'desc')
    .limit(MOST_EXEMPTIONS)
    .execute();
}

export async function addExemption(
  trx: StateTransaction,
  exemption: Exemption & { readonly reason: string },
  { by, nowMs }: { readonly by: string; readonly nowMs: number },
): Promise<void> {
  const { id, rule, actor, resource, account, reason, expiresMs } = exemption;
  await trx
    .withTables<ExemptionTables>()
    .insertInto('exemption')
    .values({
      id,
      rule,
      actor,
      resource,
      account,
      reason,
      created_by: by,
      created_ms: nowMs,
      expires_ms: expiresMs,
      hidden_count: 0,
    })
    .execute();
  const parameters = { id, rule, exemptActor: actor, resource, account, reason, expiresMs };
  await appendJournal(trx, { kind: 'exemption-created', caseId: null, actor: by, parameters, timeMs: nowMs });
}

/** False when there is no such exemption, or it has ended. */
export async function endExemption(
  trx: StateTransaction,
  id: string,
  { by, nowMs }: { readonly by: string; readonly nowMs: number },
): Promise<boolean> {
  const ended = await trx
    .withTables<ExemptionTables>()
    .updateTable('exemption')
    .set({ ended_ms: nowMs })
    .where('id', '=', id)
    .where('ended_ms', 'is', null)
    .returning('id')
    .executeTakeFirst();
  if (ended === undefined) return false;
  await appendJournal(trx, { kind: 'exemption-ended', caseId: null, actor: by, parameters: { id }, timeMs: nowMs });
  return true;
}

/** Counts what was hidden; in the transaction that stores the findings. */
export async function noteHidden(trx: StateTransaction, ids: readonly string[], nowMs: number): Promise<void> {
  for (const id of [...new Set(ids)].sort()) {
    const count = ids.filter((one) => one === id).length;
    await sql`
      update exemption set hidden_count = hidden_count + ${count}, last_hidden_ms = ${nowMs} where id = ${id}`.execute(
      trx,
    );
  }
}

/** Findings since then that the parts cover, newest first. */
export async function coveredFindings(
  state: State,
  parts: ExemptionParts,
  sinceMs: number,
): Promise<{ readonly findings: readonly Finding[]; readonly cut: boolean }> {
  const { rows } = await sql<{ document: string }>`
    select document from finding
    where rule = ${parts.rule} and account = ${parts.account} and time_ms >= ${sinceMs}
    order by time_ms desc limit ${MOST_LOOKED_AT + 1}`.execute(state.db);
  const findings = rows.slice(0, MOST_LOOKED_AT).map(({ document }) => JSON.parse(document) as Finding);
  return { findings: findings.filter((finding) => covers(parts, finding)), cut: rows.length > MOST_LOOKED_AT };
}
