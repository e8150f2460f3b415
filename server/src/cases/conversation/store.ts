/** Which messages show which case, who is who in Slack, and which forms were done. */
import type { Finding } from '../../findings/finding.ts';
import { findingsById } from '../../findings/store.ts';
import type { State, StateTransaction } from '../../ground/state.ts';
import type { SlackClient, SlackPlace, SlackResult } from '../../vendors/slack/client.ts';
import type { Directory, KnownPerson } from '../../people/person.ts';
import type { Case } from '../case.ts';
import { parseCase } from '../sql-store.ts';
import type { CaseTables } from '../tables.ts';

export type ShownMessage = CaseTables['slack_message'];

/** An address that Slack does not know is asked about again this much later. */
const UNKNOWN_AGAIN_MS = 10 * 60_000;
const KNOWN_AGAIN_MS = 24 * 3_600_000;
const MOST_MESSAGES = 500;

export interface SlackPeople {
  /** Slack's id of a person; null when Slack has nobody of this address. */
  idOf(person: KnownPerson): Promise<SlackResult<string | null>>;
  /** Who clicked; null for strangers. */
  personOf(slackId: string): Promise<KnownPerson | null>;
}

export function createSlackPeople(options: {
  readonly state: State;
  readonly client: () => SlackClient;
  readonly directory: () => Promise<Directory>;
  readonly nowMs: () => number;
}): SlackPeople {
  const { state, client, directory, nowMs } = options;
  const remember = async (email: string, userId: string | null) => {
    const columns = { user_id: userId, looked_ms: nowMs() };
    // Whose address changed is nobody's namesake any more.
    if (userId !== null) {
      const others = state.db.withTables<CaseTables>().deleteFrom('slack_user').where('user_id', '=', userId);
      await others.where('email', '<>', email).execute();
    }
    await state.db
      .withTables<CaseTables>()
      .insertInto('slack_user')
      .values({ email, ...columns })
      .onConflict((conflict) => conflict.column('email').doUpdateSet(columns))
      .execute();
  };
  const known = async (where: { readonly email: string } | { readonly userId: string }) => {
    const rows = state.db.withTables<CaseTables>().selectFrom('slack_user').selectAll();
    const found = 'email' in where ? rows.where('email', '=', where.email) : rows.where('user_id', '=', where.userId);
    const row = await found.executeTakeFirst();
    const keptMs = row?.user_id === null ? UNKNOWN_AGAIN_MS : KNOWN_AGAIN_MS;
    return row === undefined || row.looked_ms < nowMs() - keptMs ? null : row;
  };
  return {
    async idOf({ email, identities }) {
      if (identities.slackUser !== null) return { type: 'ok', value: identities.slackUser };
      const row = await known({ email });
      if (row !== null) return { type: 'ok', value: row.user_id };
      const found = await client().lookUpByEmail(email);
      if (found.type === 'ok') await remember(email, found.value);
      return found;
    },
    async personOf(slackId) {
      const { people } = await directory();
      const listed = people.filter(({ identities }) => identities.slackUser === slackId);
      if (listed.length > 0) return listed.length === 1 ? (listed[0] ?? null) : null;
      const row = await known({ userId: slackId });
      const asked = row === null ? await client().emailOf(slackId) : null;
      const email = row?.email ?? (asked?.type === 'ok' ? (asked.value?.toLowerCase() ?? null) : null);
      if (email === null) return null;
      if (row === null) await remember(email, slackId);
      return people.find((person) => person.email === email) ?? null;
    },
  };
}

export async function shownMessages(state: State, caseId: string): Promise<readonly ShownMessage[]> {
  return state.db
    .withTables<CaseTables>()
    .selectFrom('slack_message')
    .selectAll()
    .where('case_id', '=', caseId)
    .limit(MOST_MESSAGES)
    .execute();
}

export async function shownMessage(state: State, caseId: string, purpose: string): Promise<ShownMessage | null> {
  const row = await state.db
    .withTables<CaseTables>()
    .selectFrom('slack_message')
    .selectAll()
    .where('case_id', '=', caseId)
    .where('purpose', '=', purpose)
    .executeTakeFirst();
  return row ?? null;
}

export async function rememberMessage(
  state: State,
  message: { readonly caseId: string; readonly purpose: string; readonly place: SlackPlace; readonly shown: string },
  nowMs: number,
): Promise<void> {
  const { caseId, purpose, place, shown } = message;
  const columns = { channel: place.channel, ts: place.ts, shown, updated_ms: nowMs };
  await state.db
    .withTables<CaseTables>()
    .insertInto('slack_message')
    .values({ case_id: caseId, purpose, last_sequence: 0, ...columns })
    .onConflict((conflict) => conflict.columns(['case_id', 'purpose']).doUpdateSet(columns))
    .execute();
}

/** How far the thread tells the journal; never backwards. */
export async function rememberTold(state: State, caseId: string, purpose: string, sequence: number): Promise<void> {
  await state.db
    .withTables<CaseTables>()
    .updateTable('slack_message')
    .set({ last_sequence: sequence })
    .where('case_id', '=', caseId)
    .where('purpose', '=', purpose)
    .where('last_sequence', '<', sequence)
    .execute();
}

/** A form is good for this long; what was done is remembered for longer, so that a form that comes again is always known. */
export const FORM_MS = 24 * 3_600_000;
const DONE_KEPT_MS = 2 * FORM_MS;

/** False when it was done before. In the transaction that does it: a second one waits until the first has ended. */
export async function takeForm(trx: StateTransaction, id: string, nowMs: number): Promise<boolean> {
  const db = trx.withTables<CaseTables>();
  const taken = await db
    .insertInto('slack_form')
    .values({ id, done_ms: nowMs })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning('id')
    .executeTakeFirst();
  await db
    .deleteFrom('slack_form')
    .where('done_ms', '<', nowMs - DONE_KEPT_MS)
    .execute();
  return taken !== undefined;
}

/** Nothing came of it: it may be submitted again. */
export async function giveBackForm(trx: StateTransaction, id: string): Promise<void> {
  await trx.withTables<CaseTables>().deleteFrom('slack_form').where('id', '=', id).execute();
}

/** Cases that page or were acknowledged, newest first. */
export async function openPages(
  state: State,
  limit: number,
): Promise<readonly { readonly current: Case; readonly headline: Finding }[]> {
  const rows = await state.db
    .withTables<CaseTables>()
    .selectFrom('case_record')
    .select('document')
    .where('state', 'in', ['paged', 'acknowledged'])
    .orderBy('opened_ms', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
  const open = rows.map(({ document }) => parseCase(document));
  const headlines = await findingsById(
    state.db,
    open.map(({ headlineId }) => headlineId),
  );
  const byId = new Map(headlines.map((headline) => [headline.id, headline]));
  return open.flatMap((current) => {
    const headline = byId.get(current.headlineId);
    return headline === undefined ? [] : [{ current, headline }];
  });
}
