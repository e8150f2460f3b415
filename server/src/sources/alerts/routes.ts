/**
 * The doors for other people's alerts. Each commits to the inbox before it answers, so that "accepted" is never a lie.
 *
 * The surprise: a wrong key on Events API v2 is answered like an invalid event, as its senders expect; elsewhere it is 401.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Clock } from '../../ground/clock.ts';
import { Failure } from '../../ground/failure.ts';
import { type Access, type HttpServer, publicRoute } from '../../ground/http.ts';
import { httpFailures } from '../../ground/http-error.ts';
import { unpackBody } from '../../ground/packed-body.ts';
import type { Random } from '../../ground/random.ts';
import type { State } from '../../ground/state.ts';
import { storable } from '../../ground/storable.ts';
import { acceptBatch, MOST_RECORDS } from '../inbox.ts';
import { isObject, jsonText, list } from '../json-value.ts';
import { kubernetesSource } from '../kubernetes/kubernetes.ts';
import { readAlertmanager } from './alertmanager.ts';
import { readFalco } from './falco-alerts.ts';
import { hashKey, type Integration } from './integration.ts';
import { LARGEST_EVENT_BYTES, readChange, readEvent } from './pagerduty-events.ts';
import { acceptAlerts, type AlertDraft, type OwnAlert, raiseAlert } from './raise.ts';
import type { AlertTables } from './tables.ts';

export interface AlertRoutesOptions {
  readonly state: State;
  readonly clock: Clock;
  readonly random: Random;
  readonly integrations: readonly Integration[];
  /** Who may list changes. */
  readonly access: Access;
}

/** The API server batches up to 400 events of up to 1.5 MB; ours take what it sends by default. */
const LARGEST_AUDIT_BYTES = 16 * 1024 * 1024;
const LARGEST_MESSAGE_BYTES = 4 * 1024 * 1024;
/** What Events API v2 allows a key a minute. */
const EVENTS_PER_MINUTE = 120;
const MINUTE_MS = 60_000;
const CHANGES_KEPT_MS = 90 * 86_400_000;
const MOST_CHANGES = 200;
const Name = Type.Object({ name: Type.String({ maxLength: 100 }) });

/** The key of Events API v2 stands in the body. */
const BY_KEY = publicRoute('programs send here, and the key of their integration is checked');

export function registerAlertRoutes(server: HttpServer, options: AlertRoutesOptions): void {
  registerEvents(server, options);
  registerMessages(server, options);
  registerAudit(server, options);
}

/** What both doors of Events API v2 share. */
interface EventDoor {
  readonly settings: {
    readonly config: { readonly access: Access; readonly rateLimit: false };
    readonly bodyLimit: number;
    readonly errorHandler: typeof answerInvalid;
  };
  readonly byHash: ReadonlyMap<string, Integration>;
  readonly refuse: (reply: FastifyReply, integration: Integration) => FastifyReply | null;
}

function registerEvents(server: HttpServer, options: AlertRoutesOptions): void {
  const { state, clock, random, integrations } = options;
  const byHash = new Map(integrations.filter(({ type }) => type === 'events').map((one) => [one.keyHash, one]));
  const limit = slidingLimit(EVENTS_PER_MINUTE, MINUTE_MS);
  const config = { access: BY_KEY, rateLimit: false as const };
  const settings = { config, bodyLimit: LARGEST_EVENT_BYTES, errorHandler: answerInvalid };
  const refuse = (reply: FastifyReply, integration: Integration): FastifyReply | null => {
    const waitMs = limit(integration.name, clock.steadyMs());
    if (waitMs === 0) return null;
    const seconds = Math.ceil(waitMs / 1_000);
    const body = { status: 'throttle exceeded', message: 'Requests for this service are arriving too quickly.' };
    return reply.code(429).header('retry-after', seconds).send(body);
  };

  server.post('/v2/enqueue', settings, async (request, reply) => {
    const reading = readEvent(request.body);
    const integration = reading.routingKey === null ? undefined : byHash.get(hashKey(reading.routingKey));
    if (reading.type === 'invalid') return invalid(reply, reading.errors);
    if (integration === undefined) return invalid(reply, ["'routing_key' belongs to no integration here"]);
    const refusal = refuse(reply, integration);
    if (refusal !== null) return refusal;
    const nowMs = clock.nowMs();
    const alert: AlertDraft = { ...reading.alert, integration: integration.name, account: integration.account };
    await state.transaction((trx) => acceptAlerts(trx, [alert], { nowMs, random }));
    return reply.code(202).send({ status: 'success', message: 'Event processed', dedup_key: alert.dedupKey });
  });
  registerChanges(server, options, { settings, byHash, refuse });
}

function registerChanges(
  server: HttpServer,
  { state, clock, random, access }: AlertRoutesOptions,
  { settings, byHash, refuse }: EventDoor,
): void {
  server.post('/v2/change/enqueue', settings, async (request, reply) => {
    const reading = readChange(request.body);
    const integration = reading.routingKey === null ? undefined : byHash.get(hashKey(reading.routingKey));
    if (reading.type === 'invalid') return invalid(reply, reading.errors);
    if (integration === undefined) return invalid(reply, ["'routing_key' belongs to no integration here"]);
    const refusal = refuse(reply, integration);
    if (refusal !== null) return refusal;
    const nowMs = clock.nowMs();
    const { summary, source, timestamp, details, links } = reading.change;
    const toldMs = timestamp === null ? nowMs : Math.min(Date.parse(timestamp), nowMs);
    const db = state.db.withTables<AlertTables>();
    await db
      .insertInto('change_event')
      .values({
        id: random.id(nowMs),
        integration: integration.name,
        summary: storable(summary),
        source: source === null ? null : storable(source),
        time_ms: toldMs,
        received_ms: nowMs,
        details: jsonText(details),
        links: JSON.stringify(links),
      })
      .execute();
    await db
      .deleteFrom('change_event')
      .where('time_ms', '<', nowMs - CHANGES_KEPT_MS)
      .execute();
    return reply.code(202).send({ status: 'success', message: 'Change event processed' });
  });

  server.get('/api/changes', { config: { access: access } }, async () => {
    const rows = await state.db
      .withTables<AlertTables>()
      .selectFrom('change_event')
      .selectAll()
      .orderBy('time_ms', 'desc')
      .orderBy('id')
      .limit(MOST_CHANGES)
      .execute();
    return {
      changes: rows.map(({ id, integration, summary, source, time_ms, details, links }) => ({
        id,
        integration,
        summary,
        source,
        time: new Date(time_ms).toISOString(),
        details: JSON.parse(details) as unknown,
        links: JSON.parse(links) as unknown,
      })),
    };
  });
}

function invalid(reply: FastifyReply, errors: readonly string[]): FastifyReply {
  return reply.code(400).send({ status: 'invalid event', message: 'Event object is invalid', errors });
}

/** A body that is no JSON, or too large, in the words that senders of events understand. */
function answerInvalid(error: { readonly code?: string }, _request: FastifyRequest, reply: FastifyReply): void {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    void reply.code(413).send({
      status: 'invalid event',
      message: 'Event object is too large',
      errors: [`larger than ${LARGEST_EVENT_BYTES} bytes`],
    });
  } else if (error.code?.startsWith('FST_ERR_CTP') === true) void invalid(reply, ['the body is not JSON']);
  else throw error as Error;
}

function registerMessages(server: HttpServer, options: AlertRoutesOptions): void {
  const { state, clock, random } = options;
  for (const [type, read] of [
    ['alertmanager', readAlertmanager],
    ['falco', readFalco],
  ] as const) {
    const settings = {
      config: { access: keyOf(type, options), rateLimit: false as const },
      bodyLimit: LARGEST_MESSAGE_BYTES,
      schema: { params: Name },
      preParsing: unpackBody,
    };
    server.post(`/api/intake/${type}/:name`, settings, async (request) => {
      const integration = integrationOf(request, options, type);
      const reading = read(request.body);
      if (reading.type === 'invalid') throw httpFailures.invalidInput('body', reading.reason);
      const alerts = reading.alerts.map((alert) => ({
        ...alert,
        integration: integration.name,
        account: integration.account,
      }));
      const nowMs = clock.nowMs();
      const { leftOut } = reading;
      await state.transaction(async (trx) => {
        await acceptAlerts(trx, alerts, { nowMs, random });
        if (leftOut > 0) await raiseAlert(trx, leftOutAlert(integration, leftOut), { nowMs, random });
      });
      return { accepted: alerts.length };
    });
  }
}

/** What a sender kept to itself nobody will see here: that is worth a word. */
function leftOutAlert({ name, account }: Integration, count: number): OwnAlert {
  return {
    action: 'trigger',
    dedupKey: `intake:left-out:${name}`,
    summary: `${count} alerts were left out of a message by ${name}: raise its max_alerts`,
    severity: 'warning',
    source: name,
    class: 'Alerts left out',
    account,
  };
}

/** The webhook backend of the API server: it sends again what is not answered with success, so only what is committed is. */
function registerAudit(server: HttpServer, options: AlertRoutesOptions): void {
  const { state, clock } = options;
  server.post(
    '/api/intake/kubernetes-audit/:name',
    {
      config: { access: keyOf('kubernetes_audit', options), rateLimit: false },
      bodyLimit: LARGEST_AUDIT_BYTES,
      schema: { params: Name },
      preParsing: unpackBody,
    },
    async (request) => {
      const integration = integrationOf(request, options, 'kubernetes_audit');
      const { body } = request;
      if (!isObject(body)) throw httpFailures.invalidInput('body', 'no EventList of the audit webhook');
      const events = body['kind'] === 'EventList' || Array.isArray(body['items']) ? list(body['items']) : [body];
      let accepted = 0;
      for (let start = 0; start < events.length; start += MOST_RECORDS) {
        const batch = admitAudit(events.slice(start, start + MOST_RECORDS), integration);
        await acceptBatch(state, batch, clock.nowMs());
        accepted += batch.records.length;
      }
      return { accepted, malformed: events.length - accepted };
    },
  );
}

function admitAudit(events: readonly unknown[], { name, account }: Integration) {
  const origin = `webhook ${name}`;
  const admitted = events.map((event) => {
    const named = account === null ? event : withCluster(event, account);
    return { named, admission: kubernetesSource.admit(named) };
  });
  return {
    source: kubernetesSource.name,
    origin,
    records: admitted.flatMap(({ named, admission }) =>
      admission.type === 'record' ? [{ id: admission.id, timeMs: admission.timeMs, json: jsonText(named) }] : [],
    ),
    malformed: admitted.flatMap(({ named, admission }, index) =>
      admission.type === 'malformed'
        ? [{ origin: { file: origin, index }, reason: admission.reason, raw: jsonText(named) }]
        : [],
    ),
  };
}

/** Audit events do not say which cluster they are of; the integration does. */
function withCluster(event: unknown, cluster: string): unknown {
  if (!isObject(event)) return event;
  const annotations = isObject(event['annotations']) ? event['annotations'] : {};
  return { ...event, annotations: { cluster_name: cluster, ...annotations } };
}

/** Checked before a byte of the body is read: it may be large, and whoever sends it is nobody yet. */
function keyOf(type: Integration['type'], options: AlertRoutesOptions): Access {
  return { type: 'guarded', by: 'key', guard: async (request) => void integrationOf(request, options, type) };
}

/** @throws Failure `sign-in-required` for a wrong key and an unknown name alike. */
function integrationOf(
  request: FastifyRequest,
  { integrations }: AlertRoutesOptions,
  type: Integration['type'],
): Integration {
  const { name } = request.params as { name: string };
  const key = bearerOf(request);
  const found = integrations.find((one) => one.name === name && one.type === type);
  if (key === null || found === undefined || found.keyHash !== hashKey(key)) {
    throw new Failure('no integration of this name and key; send Authorization: Bearer KEY, or KEY as password', {
      code: 'sign-in-required',
      httpStatus: 401,
      retryable: false,
    });
  }
  return found;
}

/** `Bearer KEY`, or the password of `Basic`. */
export function bearerOf({ headers }: Pick<FastifyRequest, 'headers'>): string | null {
  const [scheme, value] = (headers.authorization ?? '').split(' ', 2);
  if (value === undefined || value === '') return null;
  if (scheme?.toLowerCase() === 'bearer') return value;
  if (scheme?.toLowerCase() !== 'basic') return null;
  const [, ...password] = Buffer.from(value, 'base64').toString('utf8').split(':');
  return password.length === 0 ? null : password.join(':');
}

/** Ms to wait until one more is allowed; 0 when it is allowed now. Names come from the configuration, so that it is bounded. */
function slidingLimit(most: number, windowMs: number): (name: string, nowMs: number) => number {
  const seen = new Map<string, number[]>();
  return (name, nowMs) => {
    const recent = (seen.get(name) ?? []).filter((atMs) => atMs > nowMs - windowMs);
    const [oldest] = recent;
    const allowed = recent.length < most;
    if (allowed) recent.push(nowMs);
    seen.set(name, recent);
    return allowed ? 0 : Math.max(1, (oldest ?? nowMs) + windowMs - nowMs);
  };
}
