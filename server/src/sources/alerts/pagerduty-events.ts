/**
 * Events API v2 as PagerDuty takes it: fields, lengths, what is required, and what is answered.
 *
 * The surprise: without a dedup key PagerDuty makes a new incident each time. Senders that never give one (and there are
 * well-known ones) would page for every repetition, so that here a fingerprint of what stays the same is the key.
 */
import { isObject, list, member, textOrNull } from '../json-value.ts';
import type { AlertRecord, AlertSeverity } from './alert.ts';
import { fingerprintOf } from './fingerprint.ts';

export const LARGEST_EVENT_BYTES = 512 * 1024;
const LONGEST_DEDUP_KEY = 255;
const LONGEST_SUMMARY = 1_024;
const MOST_LINKS = 50;
const ACTIONS = ['trigger', 'acknowledge', 'resolve'] as const;
const SEVERITIES: readonly string[] = ['critical', 'error', 'warning', 'info'];

type AlertDraft = Omit<AlertRecord, 'alertId' | 'receivedAt' | 'integration' | 'account'>;

export type EventReading =
  | { readonly type: 'event'; readonly routingKey: string; readonly alert: AlertDraft }
  | { readonly type: 'invalid'; readonly routingKey: string | null; readonly errors: readonly string[] };

/** Never throws. Every complaint at once. */
export function readEvent(body: unknown): EventReading {
  if (!isObject(body)) return { type: 'invalid', routingKey: null, errors: ['the body is not a JSON object'] };
  const errors: string[] = [];
  const routingKey = textOrNull(body['routing_key']);
  if (routingKey === null || routingKey === '') errors.push("'routing_key' is missing or blank");
  const action = ACTIONS.find((known) => known === body['event_action']);
  if (action === undefined) errors.push("'event_action' must be one of: trigger, acknowledge, resolve");
  const key = body['dedup_key'];
  const given = textOrNull(key);
  if (key !== undefined && key !== null && given === null) errors.push("'dedup_key' must be a string");
  if (given !== null && given.length > LONGEST_DEDUP_KEY) {
    errors.push(`'dedup_key' is longer than ${LONGEST_DEDUP_KEY} characters`);
  }
  if (action !== undefined && action !== 'trigger' && (given === null || given === '')) {
    errors.push(`'dedup_key' is required to ${action}`);
  }
  const payload = body['payload'];
  if (action === 'trigger') errors.push(...complainAboutPayload(payload));
  if (errors.length > 0 || action === undefined || routingKey === null) return { type: 'invalid', routingKey, errors };
  return { type: 'event', routingKey, alert: alertOf(body, payload, action, given) };
}

function complainAboutPayload(payload: unknown): string[] {
  if (!isObject(payload)) return ["'payload' is missing or not an object"];
  const errors: string[] = [];
  for (const name of ['summary', 'source']) {
    const text = textOrNull(payload[name]);
    if (text === null || text === '') errors.push(`'payload.${name}' is missing or blank`);
  }
  const summary = textOrNull(payload['summary']);
  if (summary !== null && summary.length > LONGEST_SUMMARY) {
    errors.push(`'payload.summary' is longer than ${LONGEST_SUMMARY} characters`);
  }
  if (!SEVERITIES.includes(String(payload['severity']))) {
    errors.push("'payload.severity' must be one of: critical, error, warning, info");
  }
  const timestamp = payload['timestamp'];
  if (timestamp !== undefined && timestamp !== null && Number.isNaN(Date.parse(textOrNull(timestamp) ?? ''))) {
    errors.push("'payload.timestamp' is not a time: write ISO 8601");
  }
  return errors;
}

function alertOf(
  body: Readonly<Record<string, unknown>>,
  payload: unknown,
  action: AlertRecord['action'],
  given: string | null,
): AlertDraft {
  const text = (name: string) => textOrNull(member(payload, name));
  const summary = text('summary') ?? action;
  const source = text('source') ?? '';
  const timestamp = text('timestamp');
  return {
    sender: 'pagerduty-events',
    action,
    dedupKey:
      given === null || given === ''
        ? fingerprintOf([text('class'), source, text('component'), text('group')], summary)
        : given,
    summary,
    severity: (text('severity') ?? 'error') as AlertSeverity,
    source,
    timestamp: timestamp === null ? null : new Date(Date.parse(timestamp)).toISOString(),
    component: text('component'),
    group: text('group'),
    class: text('class'),
    tags: [],
    details: member(payload, 'custom_details') ?? null,
    links: linksOf(body),
    client: textOrNull(body['client']),
    clientUrl: webAddress(body['client_url']),
  };
}

function linksOf(body: Readonly<Record<string, unknown>>): AlertRecord['links'] {
  const links = list(body['links']).map((link) => ({ href: member(link, 'href'), text: member(link, 'text') }));
  const images = list(body['images']).map((image) => ({
    href: member(image, 'href') ?? member(image, 'src'),
    text: member(image, 'alt'),
  }));
  return [...links, ...images].slice(0, MOST_LINKS).flatMap(({ href, text }) => {
    const address = webAddress(href);
    return address === null ? [] : [{ href: address, text: textOrNull(text) ?? address }];
  });
}

/** What a browser may open; anything else in its place would be a script of the sender's. */
export function webAddress(value: unknown): string | null {
  const text = textOrNull(value);
  return text !== null && /^https?:\/\//i.test(text) && URL.canParse(text) ? text : null;
}

/** A change: nothing is wrong, somebody deployed. Kept, shown, and never a page. */
export interface ChangeEvent {
  readonly summary: string;
  readonly source: string | null;
  /** ISO 8601. */
  readonly timestamp: string | null;
  readonly details: unknown;
  readonly links: AlertRecord['links'];
}

export type ChangeReading =
  | { readonly type: 'change'; readonly routingKey: string; readonly change: ChangeEvent }
  | { readonly type: 'invalid'; readonly routingKey: string | null; readonly errors: readonly string[] };

export function readChange(body: unknown): ChangeReading {
  if (!isObject(body)) return { type: 'invalid', routingKey: null, errors: ['the body is not a JSON object'] };
  const errors: string[] = [];
  const routingKey = textOrNull(body['routing_key']);
  if (routingKey === null || routingKey === '') errors.push("'routing_key' is missing or blank");
  const payload = body['payload'];
  const summary = textOrNull(member(payload, 'summary'));
  if (summary === null || summary === '') errors.push("'payload.summary' is missing or blank");
  if (summary !== null && summary.length > LONGEST_SUMMARY) {
    errors.push(`'payload.summary' is longer than ${LONGEST_SUMMARY} characters`);
  }
  const timestamp = textOrNull(member(payload, 'timestamp'));
  if (timestamp !== null && Number.isNaN(Date.parse(timestamp))) errors.push("'payload.timestamp' is not a time");
  if (errors.length > 0 || routingKey === null || summary === null) return { type: 'invalid', routingKey, errors };
  return {
    type: 'change',
    routingKey,
    change: {
      summary,
      source: textOrNull(member(payload, 'source')),
      timestamp: timestamp === null ? null : new Date(Date.parse(timestamp)).toISOString(),
      details: member(payload, 'custom_details') ?? null,
      links: linksOf(body),
    },
  };
}
