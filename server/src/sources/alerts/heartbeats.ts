/**
 * Heartbeat monitors: something that must be heard from, and an alert when it is not.
 *
 * The surprise: a monitor that never beat is late too, counted from when it was first configured; a job that never ran once is
 * what such a monitor is for.
 */
import type { HeartbeatHealth } from '@countersign/contract';
import { type Static, Type } from 'typebox';
import type { Clock } from '../../ground/clock.ts';
import type { ConfigProblem } from '../../ground/config.ts';
import { parseDurationMs } from '../../ground/duration.ts';
import { Failure } from '../../ground/failure.ts';
import { type Access, type HttpServer, publicRoute } from '../../ground/http.ts';
import type { Log } from '../../ground/log.ts';
import type { Random } from '../../ground/random.ts';
import { SecretReference } from '../../ground/secret.ts';
import type { State, StateTransaction } from '../../ground/state.ts';
import { hashKey } from './integration.ts';
import { raiseAlert } from './raise.ts';
import { bearerOf } from './routes.ts';
import type { AlertTables } from './tables.ts';

export const HeartbeatsSection = Type.Array(
  Type.Object(
    {
      name: Type.String({ minLength: 1, maxLength: 100, pattern: '^[\\w.-]+$' }),
      every: Type.String({ maxLength: 20 }),
      grace: Type.Optional(Type.String({ maxLength: 20 })),
      severity: Type.Optional(
        Type.Union([Type.Literal('critical'), Type.Literal('error'), Type.Literal('warning'), Type.Literal('info')]),
      ),
      key: SecretReference,
    },
    { additionalProperties: false },
  ),
  { maxItems: 500 },
);

export interface ConfiguredHeartbeat {
  readonly name: string;
  readonly everyMs: number;
  readonly graceMs: number;
  readonly severity: 'critical' | 'error' | 'warning' | 'info';
  readonly key: SecretReference;
}

export interface Heartbeat extends ConfiguredHeartbeat {
  readonly keyHash: string;
}

export interface HeartbeatOptions {
  readonly state: State;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly heartbeats: readonly Heartbeat[];
  /** Who may list them. */
  readonly access: Access;
}

const DEFAULT_GRACE_MS = 60_000;
const SHORTEST_EVERY_MS = 10_000;
const LONGEST_EVERY_MS = 31 * 86_400_000;
const LOOK_MS = 5_000;
const Name = Type.Object({ name: Type.String({ maxLength: 100 }) });

export function buildHeartbeats(section: Static<typeof HeartbeatsSection>): {
  readonly heartbeats: readonly ConfiguredHeartbeat[];
  readonly problems: readonly ConfigProblem[];
} {
  const problems: ConfigProblem[] = [];
  const heartbeats = section.map(({ name, every, grace, severity, key }, index) => {
    const everyMs = parseDurationMs(every);
    const graceMs = grace === undefined ? DEFAULT_GRACE_MS : parseDurationMs(grace);
    const complain = (part: string, message: string) =>
      problems.push({ severity: 'error', path: ['heartbeats', index, part], message, hint: "write it like '5m'" });
    if (everyMs === null || everyMs < SHORTEST_EVERY_MS || everyMs > LONGEST_EVERY_MS) {
      complain('every', `'${every}' is no time from 10s to 31d`);
    }
    if (graceMs === null || graceMs > LONGEST_EVERY_MS) complain('grace', `'${grace}' is no time up to 31d`);
    if (section.findIndex((other) => other.name === name) !== index)
      complain('name', `the name '${name}' is used twice`);
    return { name, everyMs: everyMs ?? 0, graceMs: graceMs ?? 0, severity: severity ?? ('critical' as const), key };
  });
  return { heartbeats, problems };
}

/** How each monitored job is doing, in the order of the configuration. */
export async function heartbeatHealth(
  state: State,
  heartbeats: readonly ConfiguredHeartbeat[],
): Promise<HeartbeatHealth[]> {
  const rows = await state.db.withTables<AlertTables>().selectFrom('heartbeat_monitor').selectAll().execute();
  const byName = new Map(rows.map((row) => [row.name, row]));
  const iso = (ms: number | null | undefined) => (ms === null || ms === undefined ? null : new Date(ms).toISOString());
  return heartbeats.map(({ name, everyMs }) => ({
    name,
    everySeconds: everyMs / 1_000,
    lastBeatAt: iso(byName.get(name)?.last_beat_ms),
    lateSince: iso(byName.get(name)?.late_since_ms),
  }));
}

export function registerHeartbeatRoutes(server: HttpServer, options: HeartbeatOptions): void {
  const { state, clock, heartbeats } = options;
  const access = publicRoute('programs beat here, and the key of their monitor is checked');
  server.route({
    method: ['GET', 'POST'],
    url: '/api/heartbeats/:name',
    config: { access },
    schema: { params: Name },
    handler: async (request) => {
      const { name } = request.params;
      const key = bearerOf(request);
      const found = heartbeats.find((one) => one.name === name);
      if (found === undefined || key === null || found.keyHash !== hashKey(key)) {
        const message = 'no heartbeat monitor of this name and key; send Authorization: Bearer KEY';
        throw new Failure(message, { code: 'sign-in-required', httpStatus: 401, retryable: false });
      }
      await state.transaction((trx) => beat(trx, found, options));
      return { beaten: new Date(clock.nowMs()).toISOString() };
    },
  });
  server.get('/api/heartbeats', { config: { access: options.access } }, async () => ({
    heartbeats: await heartbeatHealth(state, heartbeats),
  }));
}

async function beat(
  trx: StateTransaction,
  monitor: Heartbeat,
  { clock, random }: Pick<HeartbeatOptions, 'clock' | 'random'>,
): Promise<void> {
  const db = trx.withTables<AlertTables>();
  const nowMs = clock.nowMs();
  const before = await db
    .selectFrom('heartbeat_monitor')
    .select('late_since_ms')
    .where('name', '=', monitor.name)
    .forUpdate()
    .executeTakeFirst();
  await db
    .insertInto('heartbeat_monitor')
    .values({ name: monitor.name, since_ms: nowMs, last_beat_ms: nowMs, late_since_ms: null })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ last_beat_ms: nowMs, late_since_ms: null }))
    .execute();
  if (before !== undefined && before.late_since_ms !== null) {
    await raiseAlert(trx, alertOf(monitor, 'resolve'), { nowMs, random });
  }
}

function alertOf({ name, severity }: Heartbeat, action: 'trigger' | 'resolve') {
  return {
    action,
    dedupKey: `heartbeat:${name}`,
    summary: `Nothing has been heard from ${name}: its heartbeat is late`,
    severity,
    source: name,
    class: 'Heartbeat late',
  };
}

/** Looks for monitors that are late until `signal` aborts. The row decides, so that any number of servers raise one alert. */
export async function watchHeartbeats(options: Omit<HeartbeatOptions, 'access'>, signal: AbortSignal): Promise<void> {
  if (options.heartbeats.length === 0) return;
  while (!signal.aborted) {
    try {
      for (const monitor of options.heartbeats) await options.state.transaction((trx) => look(trx, monitor, options));
    } catch (error) {
      options.log.error('heartbeat monitors could not be looked at; trying again', { error });
    }
    await options.clock.sleep(LOOK_MS, signal);
  }
}

async function look(
  trx: StateTransaction,
  monitor: Heartbeat,
  { clock, random }: Pick<HeartbeatOptions, 'clock' | 'random'>,
): Promise<void> {
  const db = trx.withTables<AlertTables>();
  const nowMs = clock.nowMs();
  await db
    .insertInto('heartbeat_monitor')
    .values({ name: monitor.name, since_ms: nowMs })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  const lateMs = nowMs - monitor.everyMs - monitor.graceMs;
  const late = await db
    .updateTable('heartbeat_monitor')
    .set({ late_since_ms: nowMs })
    .where('name', '=', monitor.name)
    .where('late_since_ms', 'is', null)
    .where((where) => where(where.fn.coalesce('last_beat_ms', 'since_ms'), '<', lateMs))
    .returning('name')
    .executeTakeFirst();
  if (late !== undefined) await raiseAlert(trx, alertOf(monitor, 'trigger'), { nowMs, random });
}
