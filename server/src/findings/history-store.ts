/**
 * What actors did before, in the state database: the rows that a batch of findings touches are read, worked on in memory
 * and written back in the batch's own transaction.
 */
import { sql } from 'kysely';
import type { StateTransaction } from '../ground/state.ts';
import type { EventFacts } from '../sources/source.ts';
import { type ActorHistory, accountKey, actorIdOf, History } from './history.ts';
import type { FindingsTables } from './tables.ts';

/** A `History` that holds the actors and accounts of `facts`; their rows stay locked until the transaction ends. */
export async function loadHistory(trx: StateTransaction, facts: readonly EventFacts[]): Promise<History> {
  const db = trx.withTables<FindingsTables>();
  const history = new History();
  if (facts.length === 0) {
    return history;
  }
  const accounts = unique(facts.map(accountKey));
  const actorIds = unique(facts.map(actorIdOf));
  const rows = await db
    .selectFrom('actor_history')
    .selectAll()
    .where('account', 'in', accounts)
    .where('actor_id', 'in', actorIds)
    .orderBy('account')
    .orderBy('actor_id')
    .forUpdate()
    .execute();
  for (const row of rows) {
    history.restore({
      account: row.account,
      actorId: row.actor_id,
      count: row.finding_count,
      dayCount: row.day_count,
      lastDay: row.last_day,
      hourCounts: JSON.parse(row.hour_counts) as number[],
      actions: new Map(JSON.parse(row.actions) as [string, number][]),
    });
  }
  const since = await db.selectFrom('account_history').selectAll().where('account', 'in', accounts).execute();
  for (const row of since) {
    history.restoreAccount(row.account, row.since_ms);
  }
  return history;
}

/** Writes back everything that `history` holds. */
export async function saveHistory(trx: StateTransaction, history: History): Promise<void> {
  const db = trx.withTables<FindingsTables>();
  for (const actor of history.actors()) {
    const { account, actor_id, ...counts } = rowOf(actor);
    await db
      .insertInto('actor_history')
      .values({ account, actor_id, ...counts })
      .onConflict((conflict) => conflict.columns(['account', 'actor_id']).doUpdateSet(counts))
      .execute();
  }
  for (const [account, sinceMs] of history.accounts()) {
    await db
      .insertInto('account_history')
      .values({ account, since_ms: sinceMs })
      .onConflict((conflict) =>
        conflict.column('account').doUpdateSet({ since_ms: sql`least(account_history.since_ms, excluded.since_ms)` }),
      )
      .execute();
  }
}

function rowOf(actor: ActorHistory): FindingsTables['actor_history'] {
  return {
    account: actor.account,
    actor_id: actor.actorId,
    finding_count: actor.count,
    day_count: actor.dayCount,
    last_day: actor.lastDay,
    hour_counts: JSON.stringify(actor.hourCounts),
    actions: JSON.stringify([...actor.actions]),
  };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
