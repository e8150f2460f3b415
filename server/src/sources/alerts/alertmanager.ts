/**
 * Alertmanager's webhook: one message holds the alerts of a group, some firing, some resolved. Its own fingerprint is the key, so
 * that what fires again joins and what is resolved resolves.
 */
import { isObject, list, member, textOrNull } from '../json-value.ts';
import type { AlertRecord, AlertSeverity } from './alert.ts';
import { fingerprintOf } from './fingerprint.ts';
import { webAddress } from './pagerduty-events.ts';

type AlertDraft = Omit<AlertRecord, 'alertId' | 'receivedAt' | 'integration' | 'account'>;

const MOST_ALERTS = 1_000;
const LONGEST_SUMMARY = 1_024;

/** How labels name severities; anything else, and none, is an error: better awake than sorry. */
const SEVERITIES: Readonly<Record<string, AlertSeverity>> = {
  critical: 'critical',
  page: 'critical',
  emergency: 'critical',
  error: 'error',
  high: 'error',
  warning: 'warning',
  warn: 'warning',
  medium: 'warning',
  info: 'info',
  informational: 'info',
  low: 'info',
  none: 'info',
};

export function readAlertmanager(body: unknown):
  | {
      readonly type: 'alerts';
      readonly alerts: readonly AlertDraft[];
      /** What Alertmanager left out of the message itself (`max_alerts`). */
      readonly leftOut: number;
    }
  | { readonly type: 'invalid'; readonly reason: string } {
  if (!isObject(body) || !Array.isArray(body['alerts'])) {
    return { type: 'invalid', reason: "the body is no message of Alertmanager's webhook: 'alerts' is missing" };
  }
  const alerts = list(body['alerts']);
  if (alerts.length > MOST_ALERTS) {
    return { type: 'invalid', reason: `more than ${MOST_ALERTS} alerts in one message: set max_alerts lower` };
  }
  const odd = alerts.findIndex((alert) => !isObject(alert));
  if (odd !== -1) return { type: 'invalid', reason: `alert ${odd + 1} is not an object` };
  const client = webAddress(body['externalURL']);
  const truncated = body['truncatedAlerts'];
  const leftOut = typeof truncated === 'number' && truncated > 0 ? Math.trunc(truncated) : 0;
  return { type: 'alerts', alerts: alerts.filter(isObject).map((alert) => alertOf(alert, client)), leftOut };
}

function alertOf(alert: Readonly<Record<string, unknown>>, client: string | null): AlertDraft {
  const labels = textsOf(alert['labels']);
  const annotations = textsOf(alert['annotations']);
  const name = labels['alertname'] ?? 'alert';
  const generator = webAddress(alert['generatorURL']);
  return {
    sender: 'alertmanager',
    action: alert['status'] === 'resolved' ? 'resolve' : 'trigger',
    dedupKey:
      textOrNull(alert['fingerprint']) ??
      fingerprintOf(
        Object.entries(labels)
          .map(([label, value]) => JSON.stringify([label, value]))
          .sort((one, other) => (one < other ? -1 : 1)),
      ),
    summary: (annotations['summary'] ?? annotations['description'] ?? annotations['message'] ?? name).slice(
      0,
      LONGEST_SUMMARY,
    ),
    severity: SEVERITIES[(labels['severity'] ?? '').toLowerCase()] ?? 'error',
    source: labels['instance'] ?? labels['node'] ?? labels['job'] ?? name,
    timestamp: textOrNull(alert['startsAt']),
    component: labels['job'] ?? null,
    group: labels['namespace'] ?? null,
    class: name,
    tags: [],
    details: { labels, annotations },
    links: generator === null ? [] : [{ href: generator, text: 'Where it comes from' }],
    client: 'Alertmanager',
    clientUrl: client,
  };
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.keys(value).flatMap((name) => {
      const text = textOrNull(member(value, name));
      return text === null ? [] : [[name, text]];
    }),
  );
}
