/**
 * The source `alert`: what other systems found out by themselves and tell us, each in its own protocol, as one shape.
 *
 * The surprise: "acknowledged" and "resolved" are records too. They travel the same way as the alert they speak of, so that a
 * crash can neither lose them nor let them overtake it.
 */
import type { FieldCatalogue, FieldDefinition } from '@countersign/falco';
import { parseEventTime } from '../event-time.ts';
import { field, jsonFields } from '../json-fields.ts';
import { asText, at, isObject, list, member, textOrNull } from '../json-value.ts';
import type { Admission, EventFacts, Source, SourceRecord } from '../source.ts';

export type AlertSeverity = 'critical' | 'error' | 'warning' | 'info';
export type AlertSender = 'pagerduty-events' | 'alertmanager' | 'falco' | 'countersign';

/** One alert, or one word about it, as the inbox keeps it. */
export interface AlertRecord {
  /** Unique for each accepted message. */
  readonly alertId: string;
  /** ISO 8601. */
  readonly receivedAt: string;
  readonly sender: AlertSender;
  /** Which of the configured integrations it came by. */
  readonly integration: string;
  readonly action: 'trigger' | 'acknowledge' | 'resolve';
  /** Equal keys of one integration are one alert. */
  readonly dedupKey: string;
  readonly summary: string;
  readonly severity: AlertSeverity;
  /** The thing that is wrong: a host, a service. */
  readonly source: string;
  /** When it happened, ISO 8601; null: when it was received. */
  readonly timestamp: string | null;
  readonly component: string | null;
  readonly group: string | null;
  readonly class: string | null;
  readonly tags: readonly string[];
  readonly details: unknown;
  readonly links: readonly { readonly href: string; readonly text: string }[];
  readonly client: string | null;
  readonly clientUrl: string | null;
  readonly account: string | null;
}

const TEXTS: Readonly<Record<string, string>> = {
  'alert.summary': 'summary',
  'alert.severity': 'severity',
  'alert.source': 'source',
  'alert.component': 'component',
  'alert.group': 'group',
  'alert.class': 'class',
  'alert.integration': 'integration',
  'alert.sender': 'sender',
  'alert.action': 'action',
  'alert.dedup_key': 'dedupKey',
  'alert.client': 'client',
  'alert.account': 'account',
};

export const alertSource: Source = {
  name: 'alert',
  catalogue: alertCatalogue(),
  claims: (value) => isObject(value) && 'alertId' in value && 'dedupKey' in value && 'integration' in value,
  admit,
  describe,
};

const OWN_SENDER = 'countersign';

/** What we say of ourselves: a heartbeat that is late, an account that fell silent, an exercise. */
export function isOwnAlert({ source, service }: Pick<EventFacts, 'source' | 'service'>): boolean {
  return source === 'alert' && service === OWN_SENDER;
}

/** What an admitted record asks for: routing for whoever keeps the cases. */
export function alertActionOf(record: SourceRecord): Pick<AlertRecord, 'action' | 'integration' | 'dedupKey'> {
  const action = record['action'];
  return {
    action: action === 'acknowledge' || action === 'resolve' ? action : 'trigger',
    integration: textOrNull(record['integration']) ?? '',
    dedupKey: textOrNull(record['dedupKey']) ?? '',
  };
}

function admit(value: unknown): Admission {
  if (!isObject(value)) return { type: 'malformed', reason: 'not a JSON object' };
  for (const name of ['alertId', 'integration', 'dedupKey', 'summary', 'receivedAt', 'action']) {
    if (textOrNull(value[name]) === null) return { type: 'malformed', reason: `${name} is missing or not a text` };
  }
  const timeMs = timeOf(value);
  if (timeMs === null) return { type: 'malformed', reason: 'receivedAt is not a time' };
  return { type: 'record', record: value, id: textOrNull(value['alertId']) ?? '', timeMs };
}

/** When it happened, as far as its sender's clock can be believed: never after it was received. */
function timeOf(record: SourceRecord): number | null {
  const receivedMs = parseEventTime(record['receivedAt']);
  const toldMs = parseEventTime(record['timestamp']);
  return receivedMs === null || toldMs === null ? receivedMs : Math.min(receivedMs, toldMs);
}

function describe(record: SourceRecord): EventFacts {
  const { action, integration, dedupKey } = alertActionOf(record);
  const component = textOrNull(record['component']);
  const source = textOrNull(record['source']);
  return {
    source: 'alert',
    id: textOrNull(record['alertId']) ?? '',
    timeMs: timeOf(record) ?? 0,
    account: textOrNull(record['account']),
    region: null,
    action: textOrNull(record['class']) ?? action,
    service: textOrNull(record['sender']) ?? '',
    actor: {
      kind: 'service',
      id: integration,
      name: integration,
      session: null,
      sessionKey: dedupKey,
      isProvider: false,
    },
    resources: [
      ...(source === null ? [] : [{ type: 'source', id: source }]),
      ...(component === null ? [] : [{ type: 'component', id: component }]),
    ],
    sourceIp: null,
    userAgent: textOrNull(record['client']),
    errorCode: null,
    readOnly: false,
    change: { before: null, after: null, request: record['details'] ?? null },
  };
}

function alertCatalogue(): FieldCatalogue<SourceRecord> {
  const details: FieldDefinition<SourceRecord> = {
    name: 'alert.details',
    type: 'string',
    isList: false,
    argument: { required: false, kind: 'key' },
    description: 'the details, or one member of them by its name (a.b for nested ones)',
    extract: (record, argument) => {
      const all = member(record, 'details');
      return asText(argument === null ? all : (member(all, argument) ?? at(all, ...argument.split('.'))));
    },
  };
  const tags: FieldDefinition<SourceRecord> = {
    name: 'alert.tags',
    type: 'string',
    isList: true,
    argument: null,
    description: 'the tags',
    extract: (record) => list(record['tags']).flatMap((tag) => textOrNull(tag) ?? []),
  };
  const definitions = [
    ...Object.entries(TEXTS).map(([name, path]) => field(name, 'string', (record) => textOrNull(record[path]))),
    details,
    tags,
    ...jsonFields({
      source: 'alert',
      plugin: 'alert',
      timeMs: timeOf,
      info: (record) => textOrNull(record['summary']),
    }),
  ];
  return {
    source: 'alert',
    fields: new Map(definitions.map((definition) => [definition.name, definition])),
    indexFields: ['alert.class'],
  };
}
