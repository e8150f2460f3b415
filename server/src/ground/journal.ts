/**
 * The journal: append-only and hash-chained, written in the transaction of what it records.
 *
 * An entry's hash is SHA-256 (hex) over the UTF-8 bytes of its canonical text, which is this JSON array without spaces:
 *
 * ```
 *  ["<previous hash>",<sequence>,<time in ms>,"<kind>","<case id>"|null,"<actor>"|null,<parameters, keys sorted>]
 * ```
 *
 * The head row says how many entries there must be and what the last hash is, so that cutting the tail off is seen
 * too. Who can rewrite the whole database can also rewrite the head: keep what `journal verify` prints (length and
 * hash) somewhere else and hand it to the next verification as its anchor.
 */
import { createHash } from 'node:crypto';
import type { Selectable } from 'kysely';
import type { State, StateTransaction } from './state.ts';
import type { JournalTable } from './tables.ts';

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

export type JournalFault =
  | 'altered'
  | 'missing'
  | 'broken-chain'
  | 'head-missing'
  | 'head-differs'
  | 'beyond-head'
  | 'anchor-differs';

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
/** Of one statement. */
const MOST_ROWS = 1_000;
export const MOST_FAULTS = 100;

/** What a transaction has to say, until its end. */
const unwritten = new WeakMap<object, JournalEntry[]>();

/**
 * Appends in the caller's transaction. It is written when the body of the transaction has ended, right before the commit: the head row
 * puts all writers of all servers in line, and who held it while waiting for another row would wait for somebody who waits for it.
 */
export async function appendJournal(trx: StateTransaction, entry: JournalEntry): Promise<void> {
  const entries = unwritten.get(trx);
  if (entries === undefined) throw new Error('the journal is written in a transaction of the state, and in no other');
  entries.push(entry);
}

/** Runs the body of a transaction and writes what it appended. */
export async function journaled<T>(trx: StateTransaction, body: (trx: StateTransaction) => Promise<T>): Promise<T> {
  const entries: JournalEntry[] = [];
  unwritten.set(trx, entries);
  const result = await body(trx);
  unwritten.delete(trx);
  await writeJournal(trx, entries);
  return result;
}

async function writeJournal(trx: StateTransaction, entries: readonly JournalEntry[]): Promise<void> {
  if (entries.length === 0) return;
  const head = await trx
    .selectFrom('journal_head')
    .select(['entries', 'hash'])
    .where('id', '=', 1)
    .forUpdate()
    .executeTakeFirstOrThrow();
  let { hash } = head;
  const rows = entries.map((entry, index) => {
    const sequence = head.entries + index + 1;
    const previousHash = hash;
    const parameters = JSON.stringify(sorted(entry.parameters));
    hash = hashOf({ ...entry, previousHash, sequence, parameters });
    const { timeMs: time_ms, kind, caseId: case_id, actor } = entry;
    return { sequence, time_ms, kind, case_id, actor, parameters, previous_hash: previousHash, hash };
  });
  for (let start = 0; start < rows.length; start += MOST_ROWS) {
    await trx
      .insertInto('journal')
      .values(rows.slice(start, start + MOST_ROWS))
      .execute();
  }
  const written = { entries: head.entries + rows.length, hash };
  await trx.updateTable('journal_head').set(written).where('id', '=', 1).execute();
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
  return rows.map(toStored);
}

/** The newest of its kind in the timeline of a case, however long that is; null when there is none. */
export async function newestEntry(state: State, caseId: string, kind: string): Promise<StoredEntry | null> {
  const entries = state.db.selectFrom('journal').selectAll().where('case_id', '=', caseId).where('kind', '=', kind);
  const row = await entries.orderBy('sequence', 'desc').limit(1).executeTakeFirst();
  return row === undefined ? null : toStored(row);
}

function toStored(row: Selectable<JournalTable>): StoredEntry {
  return {
    sequence: row.sequence,
    hash: row.hash,
    kind: row.kind,
    caseId: row.case_id,
    actor: row.actor,
    parameters: JSON.parse(row.parameters) as Readonly<Record<string, unknown>>,
    timeMs: row.time_ms,
  };
}

/** A length and hash that were written down earlier, outside the database. */
export interface JournalAnchor {
  readonly entries: number;
  readonly hash: string;
}

/**
 * Reads the whole chain in pages of one snapshot and reports every altered, missing, repeated or reordered entry. With an
 * `anchor` it also proves that the journal still begins with what was there when the anchor was written down.
 */
export async function verifyJournal(state: State, anchor?: JournalAnchor): Promise<JournalVerification> {
  return state.db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (trx) => {
      const head = await trx.selectFrom('journal_head').selectAll().where('id', '=', 1).executeTakeFirst();
      const walk = new ChainWalk(anchor);
      for (let after = Number.MIN_SAFE_INTEGER; ; ) {
        const rows = await trx
          .selectFrom('journal')
          .selectAll()
          .where('sequence', '>', after)
          .orderBy('sequence')
          .limit(VERIFY_PAGE)
          .execute();
        for (const row of rows) walk.step(row);
        const last = rows.at(-1);
        if (last === undefined) break;
        after = last.sequence;
      }
      return walk.finish(head ?? null);
    });
}

class ChainWalk {
  readonly #anchor: JournalAnchor | undefined;
  readonly #faults: { sequence: number; fault: JournalFault }[] = [];
  #entries = 0;
  #expected = 1;
  #hash = FIRST_PREVIOUS;

  constructor(anchor: JournalAnchor | undefined) {
    this.#anchor = anchor;
    if (anchor?.entries === 0 && anchor.hash !== FIRST_PREVIOUS) this.#report(0, 'anchor-differs');
  }

  step(row: Selectable<JournalTable>): void {
    if (row.sequence !== this.#expected) this.#report(this.#expected, 'missing');
    else if (row.previous_hash !== this.#hash) this.#report(row.sequence, 'broken-chain');
    const hash = hashOf({
      previousHash: row.previous_hash,
      sequence: row.sequence,
      timeMs: row.time_ms,
      kind: row.kind,
      caseId: row.case_id,
      actor: row.actor,
      parameters: row.parameters,
    });
    if (hash !== row.hash) this.#report(row.sequence, 'altered');
    if (row.sequence === this.#anchor?.entries && row.hash !== this.#anchor.hash) {
      this.#report(row.sequence, 'anchor-differs');
    }
    this.#entries += 1;
    this.#expected = row.sequence + 1;
    this.#hash = row.hash;
  }

  finish(head: { readonly entries: number; readonly hash: string } | null): JournalVerification {
    const last = this.#expected - 1;
    const owed = Math.max(head?.entries ?? 0, this.#anchor?.entries ?? 0);
    if (head === null) this.#report(0, 'head-missing');
    if (last < owed) this.#report(last + 1, 'missing');
    else if (head !== null && last > head.entries) this.#report(head.entries + 1, 'beyond-head');
    else if (head !== null && this.#hash !== head.hash) this.#report(last, 'head-differs');
    return { ok: this.#faults.length === 0, entries: this.#entries, head: this.#hash, faults: this.#faults };
  }

  #report(sequence: number, fault: JournalFault): void {
    if (this.#faults.length < MOST_FAULTS) this.#faults.push({ sequence, fault });
  }
}

interface HashedEntry {
  readonly previousHash: string;
  readonly sequence: number;
  readonly timeMs: number;
  readonly kind: string;
  readonly caseId: string | null;
  readonly actor: string | null;
  /** JSON text. */
  readonly parameters: string;
}

function hashOf({ previousHash, sequence, timeMs, kind, caseId, actor, parameters }: HashedEntry): string {
  const start = JSON.stringify([previousHash, sequence, timeMs, kind, caseId, actor]).slice(0, -1);
  return createHash('sha256').update(`${start},${parameters}]`, 'utf8').digest('hex');
}

/** Sorted keys, so that one set of parameters has one text and hash. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(
    entries.sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, member]) => [key, sorted(member)]),
  );
}

/** How many entries there are; cheap, for live views that ask whether anything happened. */
export async function journalLength(state: State): Promise<number> {
  const row = await state.db.selectFrom('journal_head').select('entries').where('id', '=', 1).executeTakeFirst();
  return row?.entries ?? 0;
}
