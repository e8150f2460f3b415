/**
 * On call in the state database: stand-ins, how people want to be reached, whose turn it is; and the snapshot that pages are
 * planned with.
 *
 * The surprise: a person whom nothing reaches is not skipped. They stay on the ladder, the page falls to the next step at once,
 * and the on-call page says so in red.
 */
import type { PersonalChannel } from '@countersign/contract';
import { sql } from 'kysely';
import { appendJournal } from '../../ground/journal.ts';
import type { State, StateTransaction } from '../../ground/state.ts';
import type { Directory, KnownPerson } from '../person.ts';
import type { OnCallConfiguration } from './configuration.ts';
import type { OnCallSnapshot, Reachable, Urgency } from './escalation.ts';
import { onCallAt, type Override } from './schedule.ts';
import type { OnCallTables } from './tables.ts';

type Reader = Pick<State['db'], 'withTables'>;

export interface Rule {
  readonly channel: PersonalChannel;
  readonly afterMs: number;
}

export interface Contact {
  readonly personId: string;
  readonly phone: string | null;
  readonly webhookUrl: string | null;
  readonly webhookSecretSealed: string | null;
  /** Read with `openBrowsers`. */
  readonly pushSealed: string | null;
  readonly rules: { readonly high: readonly Rule[]; readonly low: readonly Rule[] } | null;
}

export interface StoredOverride extends Override {
  readonly schedule: string;
  readonly personId: string;
}

const MOST_OVERRIDES = 5_000;
const MOST_CONTACTS = 20_000;
/** When a person said nothing: everything at once for what is urgent, what does not wake for the rest. */
const QUIET_CHANNELS: readonly PersonalChannel[] = ['slack', 'email', 'push', 'webhook'];

export interface SnapshotOptions {
  readonly onCall: OnCallConfiguration;
  readonly directory: Directory;
  /** Page channels of the configuration. */
  readonly channels: readonly string[];
  /** Personal channels that this server can send by. */
  readonly personal: readonly PersonalChannel[];
  readonly nowMs: number;
}

/** Everything a page looks at, read once. */
export async function loadSnapshot(reader: Reader, options: SnapshotOptions): Promise<OnCallSnapshot> {
  const { onCall, directory, nowMs } = options;
  const overrides = onCall.schedules.size === 0 ? [] : await readOverrides(reader, directory, nowMs);
  const contacts = await readContacts(reader);
  const byEmail = new Map(directory.people.map((person) => [person.email, person]));
  const byId = new Map(directory.people.map((person) => [person.id, person]));
  const reachable = (email: string | null): Reachable | null => {
    const person = email === null ? undefined : byEmail.get(email);
    return person === undefined ? null : { id: person.id, name: person.name, email: person.email };
  };
  return {
    channels: options.channels,
    catchAll: onCall.catchAll,
    person: reachable,
    onCall: (name) => {
      const schedule = onCall.schedules.get(name);
      if (schedule === undefined) return null;
      const own = overrides.filter((override) => override.schedule === name);
      return reachable(onCallAt(schedule, own, nowMs));
    },
    rulesOf: (personId, urgency) =>
      rulesOf(byId.get(personId), contacts.get(personId), { urgency, personal: options.personal }),
  };
}

/** A person's own rules where they lead anywhere, else the defaults; empty when nothing reaches them. */
export function rulesOf(
  person: KnownPerson | undefined,
  contact: Contact | undefined,
  { urgency, personal }: { readonly urgency: Urgency; readonly personal: readonly PersonalChannel[] },
): readonly Rule[] {
  if (person === undefined) return [];
  const reaches = personal.filter((channel) => hasAddress(channel, contact));
  const own = (contact?.rules?.[urgency] ?? []).filter(({ channel }) => reaches.includes(channel));
  if (own.length > 0) return own;
  const quiet = reaches.filter((channel) => QUIET_CHANNELS.includes(channel));
  const chosen = urgency === 'high' || quiet.length === 0 ? reaches : quiet;
  return chosen.map((channel) => ({ channel, afterMs: 0 }));
}

/** Slack and e-mail go by the person's address; the others need something from the person. */
function hasAddress(channel: PersonalChannel, contact: Contact | undefined): boolean {
  switch (channel) {
    case 'slack':
    case 'email':
      return true;
    case 'sms':
    case 'voice':
      return contact !== undefined && contact.phone !== null;
    case 'push':
      return contact !== undefined && contact.pushSealed !== null;
    case 'webhook':
      return contact !== undefined && contact.webhookUrl !== null;
  }
}

/** Those that have not ended before `fromMs`, in the order they were made: a later one wins. */
export async function readOverrides(
  reader: Reader,
  directory: Directory,
  fromMs: number,
): Promise<readonly StoredOverride[]> {
  const rows = await reader
    .withTables<OnCallTables>()
    .selectFrom('on_call_override')
    .selectAll()
    .where('to_ms', '>', fromMs)
    .where('ended_ms', 'is', null)
    .orderBy('created_ms')
    .orderBy('id')
    .limit(MOST_OVERRIDES)
    .execute();
  const byId = new Map(directory.people.map((person) => [person.id, person]));
  return rows.flatMap(({ id, schedule, person_id: personId, from_ms, to_ms }) => {
    const person = byId.get(personId);
    if (person === undefined) return [];
    return [{ id, schedule, personId, email: person.email, fromMs: from_ms, toMs: to_ms }];
  });
}

export async function addOverride(
  trx: StateTransaction,
  override: Omit<StoredOverride, 'email'>,
  { by, nowMs }: { readonly by: string; readonly nowMs: number },
): Promise<void> {
  const { id, schedule, personId, fromMs, toMs } = override;
  await trx
    .withTables<OnCallTables>()
    .insertInto('on_call_override')
    .values({ id, schedule, person_id: personId, from_ms: fromMs, to_ms: toMs, created_by: by, created_ms: nowMs })
    .execute();
  const parameters = { id, schedule, personId, fromMs, toMs };
  await appendJournal(trx, { kind: 'override-added', caseId: null, actor: by, parameters, timeMs: nowMs });
}

/** Null when there is no such override, or it was ended. */
export async function endOverride(
  trx: StateTransaction,
  id: string,
  { by, nowMs }: { readonly by: string; readonly nowMs: number },
): Promise<boolean> {
  const ended = await trx
    .withTables<OnCallTables>()
    .updateTable('on_call_override')
    .set({ ended_ms: nowMs })
    .where('id', '=', id)
    .where('ended_ms', 'is', null)
    .returning('id')
    .executeTakeFirst();
  if (ended === undefined) return false;
  await appendJournal(trx, { kind: 'override-ended', caseId: null, actor: by, parameters: { id }, timeMs: nowMs });
  return true;
}

export async function readContacts(reader: Reader): Promise<ReadonlyMap<string, Contact>> {
  const rows = await reader
    .withTables<OnCallTables>()
    .selectFrom('person_contact')
    .selectAll()
    .limit(MOST_CONTACTS)
    .execute();
  return new Map(rows.map((row) => [row.person_id, contactOf(row)]));
}

export async function readContact(reader: Reader, personId: string): Promise<Contact | null> {
  const row = await reader
    .withTables<OnCallTables>()
    .selectFrom('person_contact')
    .selectAll()
    .where('person_id', '=', personId)
    .executeTakeFirst();
  return row === undefined ? null : contactOf(row);
}

/** All but the browsers: those come and go by themselves. */
export async function saveContact(trx: StateTransaction, contact: Contact, nowMs: number): Promise<void> {
  const { personId, phone, webhookUrl, webhookSecretSealed, rules } = contact;
  const columns = {
    phone,
    webhook_url: webhookUrl,
    webhook_secret_sealed: webhookSecretSealed,
    rules: rules === null ? null : JSON.stringify(rules),
    updated_ms: nowMs,
  };
  await trx
    .withTables<OnCallTables>()
    .insertInto('person_contact')
    .values({ person_id: personId, push_sealed: null, ...columns })
    .onConflict((conflict) => conflict.column('person_id').doUpdateSet(columns))
    .execute();
}

function contactOf(row: OnCallTables['person_contact']): Contact {
  return {
    personId: row.person_id,
    phone: row.phone,
    webhookUrl: row.webhook_url,
    webhookSecretSealed: row.webhook_secret_sealed,
    pushSealed: row.push_sealed,
    rules: row.rules === null ? null : (JSON.parse(row.rules) as NonNullable<Contact['rules']>),
  };
}

/** Whose turn a new page is; each call takes one. */
export async function nextTurn(trx: StateTransaction, escalation: string): Promise<number> {
  const { rows } = await sql<{ turn: number }>`
    insert into escalation_turn as t (escalation, turn) values (${escalation}, 0)
    on conflict (escalation) do update set turn = t.turn + 1
    returning turn`.execute(trx);
  return rows[0]?.turn ?? 0;
}
