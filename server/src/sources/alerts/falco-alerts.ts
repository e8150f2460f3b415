/**
 * Falco's own alerts, as its `http_output` and falcosidekick's webhook send them: one JSON object an alert, sometimes several.
 *
 * The surprise: Falco repeats itself. A rule that matches a thousand times in one container is one alert here, known by rule,
 * host, container and program.
 */
import { asText, isObject, list, member, textOrNull } from '../json-value.ts';
import type { AlertRecord, AlertSeverity } from './alert.ts';
import { fingerprintOf } from './fingerprint.ts';

type AlertDraft = Omit<AlertRecord, 'alertId' | 'receivedAt' | 'integration' | 'account'>;

const MOST_ALERTS = 1_000;
const LONGEST_SUMMARY = 1_024;
const SEVERITIES: Readonly<Record<string, AlertSeverity>> = {
  emergency: 'critical',
  alert: 'critical',
  critical: 'critical',
  error: 'error',
  warning: 'warning',
  notice: 'warning',
  informational: 'info',
  information: 'info',
  debug: 'info',
};

export function readFalco(
  body: unknown,
):
  | { readonly type: 'alerts'; readonly alerts: readonly AlertDraft[]; readonly leftOut: 0 }
  | { readonly type: 'invalid'; readonly reason: string } {
  const given = Array.isArray(body) ? body : [body];
  if (given.length > MOST_ALERTS) return { type: 'invalid', reason: `more than ${MOST_ALERTS} alerts in one message` };
  const alerts: AlertDraft[] = [];
  for (const [index, one] of given.entries()) {
    if (!isObject(one) || textOrNull(one['rule']) === null || textOrNull(one['output']) === null) {
      return { type: 'invalid', reason: `alert ${index + 1}: no alert of Falco's: 'rule' or 'output' is missing` };
    }
    alerts.push(alertOf(one));
  }
  return { type: 'alerts', alerts, leftOut: 0 };
}

function alertOf(alert: Readonly<Record<string, unknown>>): AlertDraft {
  const fields = alert['output_fields'];
  const fieldOf = (name: string) => asText(member(fields, name));
  const rule = textOrNull(alert['rule']) ?? '';
  const host = textOrNull(alert['hostname']);
  const container = fieldOf('container.id');
  const pod = fieldOf('k8s.pod.name') ?? fieldOf('ka.target.name');
  return {
    sender: 'falco',
    action: 'trigger',
    dedupKey: fingerprintOf([
      rule,
      host,
      container,
      pod,
      fieldOf('proc.name'),
      fieldOf('ct.user'),
      fieldOf('ka.user.name'),
    ]),
    summary: (textOrNull(alert['output']) ?? rule).slice(0, LONGEST_SUMMARY),
    severity: SEVERITIES[String(alert['priority']).toLowerCase()] ?? 'error',
    source: host ?? container ?? 'falco',
    timestamp: textOrNull(alert['time']),
    component: container ?? pod,
    group: fieldOf('k8s.ns.name'),
    class: rule,
    tags: list(alert['tags']).flatMap((tag) => textOrNull(tag) ?? []),
    details: fields ?? null,
    links: [],
    client: 'Falco',
    clientUrl: null,
  };
}
