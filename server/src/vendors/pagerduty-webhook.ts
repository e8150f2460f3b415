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
  /** `user_reference` for people; services and integrations otherwise. */
  readonly type: string;
}

export interface PagerDutyWebhook {
  readonly id: string;
  /** `incident.acknowledged` … */
  readonly eventType: string;
  readonly occurredMs: number;
  /** Null when no person did it. */
  readonly agent: PagerDutyAgent | null;
  readonly incidentId: string | null;
  /** The dedup key that we gave; null for incidents that are not ours. */
  readonly incidentKey: string | null;
  readonly priority: string | null;
  readonly note: string | null;
  readonly assignees: readonly string[];
}

const MOST_SIGNATURES = 10;
const LONGEST_NOTE = 10_000;

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
  // Notes and responders carry the incident one level down.
  const nested = part(data, 'incident');
  const incident = text(data, 'type') === 'incident' || nested === undefined ? data : nested;
  const agent = part(event, 'agent');
  const agentId = text(agent, 'id');
  const assignees = part(data, 'assignees');
  return {
    id,
    eventType,
    occurredMs,
    agent:
      agentId === null
        ? null
        : { id: agentId, name: text(agent, 'summary') ?? agentId, type: text(agent, 'type') ?? '' },
    incidentId: text(incident, 'id'),
    incidentKey: text(data, 'incident_key') ?? text(nested, 'incident_key'),
    priority: text(part(data, 'priority'), 'summary'),
    note: text(data, 'content')?.slice(0, LONGEST_NOTE) ?? null,
    assignees: Array.isArray(assignees) ? assignees.flatMap((one) => text(one, 'summary') ?? []) : [],
  };
}

function part(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function text(value: unknown, name: string): string | null {
  const found = part(value, name);
  return typeof found === 'string' && found !== '' ? found : null;
}
