/**
 * PagerDuty's webhooks, version 3: the signature, and the envelope as a value.
 *
 * ```
 *  X-PagerDuty-Signature: v1=<hex HMAC-SHA256(secret, body)>[,v1=…]      several while a secret is being replaced
 * ```
 *
 * The surprise: there is no timestamp in what is signed. An old message that is played again is told by its id alone, so that
 * ids must be remembered.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export interface PagerDutyAgent {
  readonly id: string;
  readonly name: string;
  /** `user_reference` for people; `service_reference`, `inbound_integration_reference` … for what is none. */
  readonly type: string;
}

export interface PagerDutyWebhook {
  readonly id: string;
  /** `incident.acknowledged` … */
  readonly eventType: string;
  readonly occurredMs: number;
  /** Null when nothing is said to have done it. */
  readonly agent: PagerDutyAgent | null;
  readonly incidentId: string | null;
  /** When the incident began; null where only a reference to it is sent. */
  readonly incidentCreatedMs: number | null;
  /** The dedup key that we gave; null for incidents that are not ours, and where the service has alerts besides incidents. */
  readonly incidentKey: string | null;
  /** What the event said of its sender (`client`, `client_url`); sent with `incident.triggered` alone. */
  readonly client: { readonly name: string | null; readonly url: string | null } | null;
  readonly priority: string | null;
  /** The words of a note, of a status update, of a request to a responder. */
  readonly text: string | null;
  /** Whom it is about: who has the incident, or who was called in. */
  readonly people: readonly string[];
}

const MOST_SIGNATURES = 10;
const LONGEST_NOTE = 10_000;
const MOST_PEOPLE = 50;

/** Constant time for each pair; any of our secrets may have signed. */
export function verifyPagerDutySignature(
  secrets: readonly string[],
  body: string,
  header: string | undefined,
): boolean {
  const given = (header ?? '')
    .split(',', MOST_SIGNATURES)
    .map((part) => part.trim())
    .filter((part) => part.startsWith('v1='))
    .map((part) => Buffer.from(part.slice('v1='.length), 'hex'));
  const expected = secrets.map((secret) => createHmac('sha256', secret).update(body).digest());
  let ok = false;
  for (const one of expected) {
    for (const other of given) if (one.length === other.length && timingSafeEqual(one, other)) ok = true;
  }
  return ok;
}

/** Null for what is no envelope. Unknown types of events are no error. */
export function readPagerDutyWebhook(body: string): PagerDutyWebhook | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return null;
  }
  const event = part(parsed, 'event');
  const id = text(event, 'id');
  const eventType = text(event, 'event_type');
  const occurredMs = Date.parse(text(event, 'occurred_at') ?? '');
  if (id === null || eventType === null || Number.isNaN(occurredMs)) return null;
  const data = part(event, 'data');
  // Notes, responders and updates carry a reference to the incident one level down.
  const nested = part(data, 'incident');
  const incident = text(data, 'type') === 'incident' || nested === undefined ? data : nested;
  const createdMs = Date.parse(text(incident, 'created_at') ?? '');
  const client = part(event, 'client');
  const words = text(data, 'content') ?? text(data, 'message');
  return {
    id,
    eventType,
    occurredMs,
    agent: agentOf(part(event, 'agent')),
    incidentId: text(incident, 'id'),
    incidentCreatedMs: Number.isNaN(createdMs) ? null : createdMs,
    incidentKey: text(data, 'incident_key') ?? text(nested, 'incident_key'),
    client: client === null || client === undefined ? null : { name: text(client, 'name'), url: text(client, 'url') },
    priority: text(part(data, 'priority'), 'summary'),
    text: words?.slice(0, LONGEST_NOTE) ?? null,
    people: [...namesOf(part(data, 'assignees')), ...namesOf([part(data, 'user')])],
  };
}

function agentOf(agent: unknown): PagerDutyAgent | null {
  const id = text(agent, 'id');
  return id === null ? null : { id, name: text(agent, 'summary') ?? id, type: text(agent, 'type') ?? '' };
}

function namesOf(people: unknown): readonly string[] {
  return Array.isArray(people) ? people.slice(0, MOST_PEOPLE).flatMap((one) => text(one, 'summary') ?? []) : [];
}

function part(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function text(value: unknown, name: string): string | null {
  const found = part(value, name);
  return typeof found === 'string' && found !== '' ? found : null;
}
