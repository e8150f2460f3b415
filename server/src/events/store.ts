/**
 * What happened: events stored once, found by id, searched by time, actor, action and text.
 *
 * Storing the same event again changes nothing that anybody can see, so a batch that was stored just before a crash may be
 * stored again after it. Every question is bounded in rows and in time.
 */
import type { EventEngine, EventEngineStatus } from '../ground/event-engine.ts';
import type { EventFacts, SourceName, SourceRecord } from '../sources/source.ts';
import { ensureEventTable } from './event-table.ts';

export interface NewEvent {
  readonly facts: EventFacts;
  readonly record: SourceRecord;
}

/** An event as a list shows it. Texts that the event does not have are null. */
export interface EventSummary {
  readonly source: SourceName;
  readonly id: string;
  readonly timeMs: number;
  readonly account: string | null;
  readonly region: string | null;
  readonly service: string;
  readonly action: string;
  readonly actorKind: string;
  readonly actorId: string;
  readonly actorName: string;
  readonly session: string | null;
  readonly sourceIp: string | null;
  readonly userAgent: string | null;
  readonly errorCode: string | null;
  readonly readOnly: boolean | null;
  readonly resources: readonly { readonly type: string; readonly id: string }[];
}

export interface StoredEvent extends EventSummary {
  /** The record as it came, as JSON text. */
  readonly raw: string;
}

/** All conditions that are given must hold. Times in ms since 1970, both included. */
export interface EventSearch {
  readonly fromMs: number;
  readonly toMs: number;
  readonly source?: SourceName | undefined;
  /** The whole id, name or session of the actor. */
  readonly actor?: string | undefined;
  readonly account?: string | undefined;
  readonly action?: string | undefined;
  readonly sourceIp?: string | undefined;
  /** Anywhere in the record, whatever the case. */
  readonly text?: string | undefined;
  /** Continue after this one of the former answer. */
  readonly before?: { readonly timeMs: number; readonly id: string } | undefined;
  /** At most `MOST_FOUND`. */
  readonly limit: number;
}

export interface EventStore {
  insertEvents(events: readonly NewEvent[], nowMs: number): Promise<void>;
  findEvent(source: SourceName, id: string): Promise<StoredEvent | null>;
  /** Those that are there, in any order. At most `MOST_FOUND` ids. */
  findEvents(source: SourceName, ids: readonly string[]): Promise<readonly StoredEvent[]>;
  /** Newest first. */
  searchEvents(search: EventSearch): Promise<readonly EventSummary[]>;
  /** Events a minute, oldest first; minutes without events are left out. At most `MOST_MINUTES`. */
  eventCounts(range: { readonly fromMs: number; readonly toMs: number }): Promise<readonly MinuteCount[]>;
  status(): EventEngineStatus;
}

export interface MinuteCount {
  readonly minuteMs: number;
  readonly source: SourceName;
  readonly count: number;
}

export const MOST_FOUND = 1_000;
export const MOST_MINUTES = 20_000;
export const DEFAULT_KEEP_DAYS = 90;
/** ClickHouse's DateTime64 ends in 2299; times outside are stored as the nearest one inside. */
const EARLIEST_MS = Date.UTC(1900, 0, 1);
const LATEST_MS = Date.UTC(2299, 11, 31);
const MOST_ROWS_AT_ONCE = 1_000;
const BOUNDS = 'SETTINGS max_execution_time = 20, max_result_bytes = 268435456';
const SUMMARY_COLUMNS = `source, id, toUnixTimestamp64Milli(time) AS time_ms, account, region, service, action, actor_kind,
  actor_id, actor_name, session, source_ip, user_agent, error_code, read_only, resource_types, resource_ids`;

/** Makes the table if it is missing. Throws a Failure when the engine cannot be reached. */
export async function openEventStore(
  engine: EventEngine,
  options: { readonly keepDays?: number | undefined } = {},
): Promise<EventStore> {
  await ensureEventTable(engine, options.keepDays ?? DEFAULT_KEEP_DAYS);
  return {
    insertEvents: async (events, nowMs) => {
      for (let start = 0; start < events.length; start += MOST_ROWS_AT_ONCE) {
        const rows = events.slice(start, start + MOST_ROWS_AT_ONCE).map((event) => rowOf(event, nowMs));
        await engine.insert('event', rows);
      }
    },
    findEvent: async (source, id) => {
      const [row] = await engine.query<EventRow & { readonly raw: string }>(
        `SELECT ${SUMMARY_COLUMNS}, raw FROM event FINAL
          WHERE source = {source:String} AND id = {id:String} ORDER BY time DESC LIMIT 1 ${BOUNDS}`,
        { source, id: wellFormed(id) },
      );
      return row === undefined ? null : { ...summaryOf(row), raw: row.raw };
    },
    findEvents: async (source, ids) => {
      if (ids.length === 0) return [];
      const rows = await engine.query<EventRow & { readonly raw: string }>(
        `SELECT ${SUMMARY_COLUMNS}, raw FROM event FINAL
          WHERE source = {source:String} AND id IN {ids:Array(String)} ORDER BY time DESC LIMIT 1 BY id ${BOUNDS}`,
        { source, ids: ids.slice(0, MOST_FOUND).map(wellFormed) },
      );
      return rows.map((row) => ({ ...summaryOf(row), raw: row.raw }));
    },
    searchEvents: async (search) => {
      const { conditions, parameters } = conditionsOf(search);
      const rows = await engine.query<EventRow>(
        `SELECT ${SUMMARY_COLUMNS} FROM event FINAL WHERE ${conditions.join(' AND ')}
          ORDER BY time DESC, id DESC LIMIT {limit:UInt32} ${BOUNDS}`,
        { ...parameters, limit: Math.min(Math.max(search.limit, 1), MOST_FOUND) },
      );
      return rows.map(summaryOf);
    },
    eventCounts: async ({ fromMs, toMs }) => {
      const rows = await engine.query<{ minute_ms: number | string; source: string; events: number | string }>(
        `SELECT toUnixTimestamp(toStartOfMinute(time)) * 1000 AS minute_ms, source, count() AS events FROM event FINAL
          WHERE ${TIME_RANGE} GROUP BY minute_ms, source ORDER BY minute_ms, source LIMIT ${MOST_MINUTES} ${BOUNDS}`,
        { from: clampMs(fromMs), to: clampMs(toMs) },
      );
      return rows.map((row) => ({
        minuteMs: Number(row.minute_ms),
        source: row.source as SourceName,
        count: Number(row.events),
      }));
    },
    status: () => engine.status(),
  };
}

const TIME_RANGE = 'time >= fromUnixTimestamp64Milli({from:Int64}) AND time <= fromUnixTimestamp64Milli({to:Int64})';

function conditionsOf(search: EventSearch) {
  const conditions = [TIME_RANGE];
  const parameters: Record<string, string | number> = { from: clampMs(search.fromMs), to: clampMs(search.toMs) };
  const add = (name: string, value: string | undefined, condition: string) => {
    if (value === undefined) return;
    conditions.push(condition);
    parameters[name] = wellFormed(value);
  };
  add('source', search.source, 'source = {source:String}');
  add('account', search.account, 'account = {account:String}');
  add('action', search.action, 'action = {action:String}');
  add('source_ip', search.sourceIp, 'source_ip = {source_ip:String}');
  add('actor', search.actor, '(actor_id = {actor:String} OR actor_name = {actor:String} OR session = {actor:String})');
  add('text', search.text, 'positionCaseInsensitiveUTF8(raw, {text:String}) > 0');
  if (search.before !== undefined) {
    conditions.push('(time, id) < (fromUnixTimestamp64Milli({before:Int64}), {before_id:String})');
    parameters['before'] = clampMs(search.before.timeMs);
    parameters['before_id'] = wellFormed(search.before.id);
  }
  return { conditions, parameters };
}

interface EventRow {
  readonly source: string;
  readonly id: string;
  readonly time_ms: number | string;
  readonly account: string;
  readonly region: string;
  readonly service: string;
  readonly action: string;
  readonly actor_kind: string;
  readonly actor_id: string;
  readonly actor_name: string;
  readonly session: string;
  readonly source_ip: string;
  readonly user_agent: string;
  readonly error_code: string;
  readonly read_only: boolean | null;
  readonly resource_types: readonly string[];
  readonly resource_ids: readonly string[];
}

/** Half a surrogate pair is no text for ClickHouse, and one such record must not hold up its batch. */
function wellFormed(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

function rowOf({ facts, record }: NewEvent, nowMs: number) {
  const text = (value: string | null) => wellFormed(value ?? '');
  return {
    source: facts.source,
    id: text(facts.id),
    time: clickhouseTime(facts.timeMs),
    stored: clickhouseTime(nowMs),
    account: text(facts.account),
    region: text(facts.region),
    service: text(facts.service),
    action: text(facts.action),
    actor_kind: facts.actor.kind,
    actor_id: text(facts.actor.id),
    actor_name: text(facts.actor.name),
    session: text(facts.actor.session),
    source_ip: text(facts.sourceIp),
    user_agent: text(facts.userAgent),
    error_code: text(facts.errorCode),
    read_only: facts.readOnly,
    resource_types: facts.resources.map(({ type }) => text(type)),
    resource_ids: facts.resources.map(({ id }) => text(id)),
    raw: JSON.stringify(record),
  };
}

function summaryOf(row: EventRow): EventSummary {
  const orNull = (text: string) => (text === '' ? null : text);
  return {
    // Only `insertEvents` writes the table, and only from a SourceName.
    source: row.source as SourceName,
    id: row.id,
    timeMs: Number(row.time_ms),
    account: orNull(row.account),
    region: orNull(row.region),
    service: row.service,
    action: row.action,
    actorKind: row.actor_kind,
    actorId: row.actor_id,
    actorName: row.actor_name,
    session: orNull(row.session),
    sourceIp: orNull(row.source_ip),
    userAgent: orNull(row.user_agent),
    errorCode: orNull(row.error_code),
    readOnly: row.read_only,
    resources: row.resource_types.map((type, index) => ({ type, id: row.resource_ids[index] ?? '' })),
  };
}

function clampMs(ms: number): number {
  return Number.isFinite(ms)
    ? Math.trunc(Math.min(Math.max(ms, EARLIEST_MS), LATEST_MS))
    : ms > 0
      ? LATEST_MS
      : EARLIEST_MS;
}

/** `2026-01-02 03:04:05.678` */
function clickhouseTime(ms: number): string {
  return new Date(clampMs(ms)).toISOString().replace('T', ' ').replace('Z', '');
}
