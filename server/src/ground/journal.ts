/**
 * The journal: append-only and hash-chained, written in the transaction of what it records.
 *
 * An entry's hash is SHA-256 (hex) over the UTF-8 bytes of its canonical text, which is this JSON array without spaces:
 *
 * ```
 *  [ previous hash, sequence, time in ms, kind, case id | null, actor | null, parameters with sorted keys ]
 * ```
 *
 * The head row says how many entries there must be and what the last hash is, so that cutting the tail off is seen
 * too. Who can rewrite the whole database can also rewrite the head: keep the hash that `journal verify` prints
 * somewhere else from time to time.
 */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { State, StateTransaction } from './state.ts';

export interface JournalEntry {
  /** A stable code: `case-opened`, `challenge-answered` … */
  readonly kind: string;
  readonly caseId: string | null;
  /** The id of the person who did it, or null when the product did. */
  readonly actor: string | null;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly timeMs: number;
}

export interface StoredEntry extends JournalEntry {
  readonly sequence: number;
  readonly hash: string;
}

export type JournalFault = 'altered' | 'missing' | 'broken-chain' | 'head-differs' | 'beyond-head';

export interface JournalVerification {
  readonly ok: boolean;
  readonly entries: number;
  /** The hash of the last entry: write it down elsewhere to prove later that nothing before it changed. */
  readonly head: string;
  /** The first faults, at most `MOST_FAULTS`. */
  readonly faults: readonly { readonly sequence: number; readonly fault: JournalFault }[];
}

const FIRST_PREVIOUS = '0'.repeat(64);
const VERIFY_PAGE = 2_000;
export const MOST_FAULTS = 100;

/** Appends in the caller's transaction; the head row's lock puts concurrent writers in line. */
export async function appendJournal(trx: StateTransaction, entry: JournalEntry): Promise<StoredEntry> {
  const head = await trx
    .selectFrom('journal_head')
    .select(['entries', 'hash'])
    .where('id', '=', 1)
    .forUpdate()
    .executeTakeFirstOrThrow();
  const sequence = head.entries + 1;
  const canonical = canonicalText(head.hash, sequence, entry);
  const hash = hashOf(canonical);
  await trx
    .insertInto('journal')
    .values({
      sequence,
      time_ms: entry.timeMs,
      kind: entry.kind,
      case_id: entry.caseId,
      actor: entry.actor,
      parameters: JSON.stringify(entry.parameters),
      canonical,
      previous_hash: head.hash,
      hash,
    })
    .execute();
  await trx.updateTable('journal_head').set({ entries: sequence, hash }).where('id', '=', 1).execute();
  return { ...entry, sequence, hash };
}

/** The entries of one case in order: its timeline. */
export async function journalOfCase(state: State, caseId: string, limit: number): Promise<readonly StoredEntry[]> {
  const rows = await state.db
    .selectFrom('journal')
    .selectAll()
    .where('case_id', '=', caseId)
    .orderBy('sequence')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    sequence: row.sequence,
    hash: row.hash,
    kind: row.kind,
    caseId: row.case_id,
    actor: row.actor,
    parameters: row.parameters as Readonly<Record<string, unknown>>,
    timeMs: row.time_ms,
  }));
}

/** Reads the whole chain in pages of one snapshot and reports every altered, missing or reordered entry. */
export async function verifyJournal(state: State): Promise<JournalVerification> {
  return state.db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (trx) => {
      const head = await trx.selectFrom('journal_head').selectAll().executeTakeFirst();
      const walk = new ChainWalk();
      for (let after = Number.MIN_SAFE_INTEGER; ; ) {
        const rows = await trx
          .selectFrom('journal')
          .selectAll()
          .where('sequence', '>', after)
          .orderBy('sequence')
          .limit(VERIFY_PAGE)
          .execute();
        for (const row of rows) walk.step({ ...row, parameters: row.parameters });
        const last = rows.at(-1);
        if (last === undefined) break;
        after = last.sequence;
      }
      return walk.finish(head ?? { entries: 0, hash: FIRST_PREVIOUS });
    });
}

interface JournalRow {
  readonly sequence: number;
  readonly time_ms: number;
  readonly kind: string;
  readonly case_id: string | null;
  readonly actor: string | null;
  readonly parameters: unknown;
  readonly canonical: string;
  readonly previous_hash: string;
  readonly hash: string;
}

class ChainWalk {
  readonly #faults: { sequence: number; fault: JournalFault }[] = [];
  #entries = 0;
  #expected = 1;
  #hash = FIRST_PREVIOUS;

  step(row: JournalRow): void {
    if (row.sequence !== this.#expected) this.#report(this.#expected, 'missing');
    else if (row.previous_hash !== this.#hash) this.#report(row.sequence, 'broken-chain');
    const canonical = canonicalText(row.previous_hash, row.sequence, {
      kind: row.kind,
      caseId: row.case_id,
      actor: row.actor,
      parameters: row.parameters as Readonly<Record<string, unknown>>,
      timeMs: row.time_ms,
    });
    if (canonical !== row.canonical || hashOf(row.canonical) !== row.hash) this.#report(row.sequence, 'altered');
    this.#entries += 1;
    this.#expected = row.sequence + 1;
    this.#hash = row.hash;
  }

  finish(head: { readonly entries: number; readonly hash: string }): JournalVerification {
    const last = this.#expected - 1;
    if (last < head.entries) this.#report(last + 1, 'missing');
    else if (last > head.entries) this.#report(head.entries + 1, 'beyond-head');
    else if (this.#hash !== head.hash) this.#report(last, 'head-differs');
    return { ok: this.#faults.length === 0, entries: this.#entries, head: this.#hash, faults: this.#faults };
  }

  #report(sequence: number, fault: JournalFault): void {
    if (this.#faults.length < MOST_FAULTS) this.#faults.push({ sequence, fault });
  }
}

function canonicalText(previousHash: string, sequence: number, entry: JournalEntry): string {
  const { timeMs, kind, caseId, actor, parameters } = entry;
  return JSON.stringify([previousHash, sequence, timeMs, kind, caseId, actor, sorted(parameters)]);
}

/** JSON with sorted keys: what `jsonb` gives back has another key order than what was put in. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(
    entries.sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, member]) => [key, sorted(member)]),
  );
}

function hashOf(canonical: string): string {
  return createHash('sha256').update(canonical, 'utf8').digest('hex');
}

/** How many entries there are; cheap, for live views that ask whether anything happened. */
export async function journalLength(state: State): Promise<number> {
  const row = await sql<{ entries: number }>`select entries from journal_head where id = 1`.execute(state.db);
  return row.rows[0]?.entries ?? 0;
}
