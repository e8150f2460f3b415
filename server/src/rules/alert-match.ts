/**
 * An alert of another system is a match that somebody else's rule made: it becomes a finding as it is, and our own rules may say
 * more about it. Words about an alert (acknowledged, resolved) match nothing.
 */
import type { Priority } from '@countersign/falco';
import { alertActionOf, alertSource } from '../sources/alerts/alert.ts';
import { withoutNumbers } from '../sources/alerts/fingerprint.ts';
import type { SourceRecord } from '../sources/source.ts';
import { metadataOf } from './metadata.ts';
import type { RuleMatch } from './runner.ts';

const SEVERITIES: Readonly<Record<string, { readonly priority: Priority; readonly risk: number }>> = {
  critical: { priority: 'Critical', risk: 90 },
  error: { priority: 'Error', risk: 70 },
  warning: { priority: 'Warning', risk: 50 },
  info: { priority: 'Informational', risk: 10 },
};
const LONGEST_RULE = 200;
const MOST_DETAILS = 100;
const LONGEST_DETAIL = 4_000;

export function matchOfAlert(record: SourceRecord): RuleMatch | null {
  if (alertActionOf(record).action !== 'trigger') return null;
  const severity = SEVERITIES[String(record['severity'])] ?? { priority: 'Error', risk: 70 };
  const summary = String(record['summary']);
  const named = record['class'];
  const listed = record['tags'];
  const tags = Array.isArray(listed) ? listed.filter((tag) => typeof tag === 'string') : [];
  const { techniques, risk } = metadataOf(tags);
  return {
    rule: (typeof named === 'string' && named !== '' ? named : withoutNumbers(summary)).slice(0, LONGEST_RULE),
    priority: severity.priority,
    tags,
    techniques,
    risk: risk ?? severity.risk,
    facts: alertSource.describe(record),
    output: summary,
    outputFields: detailsOf(record['details']),
  };
}

function detailsOf(details: unknown): Readonly<Record<string, unknown>> {
  if (typeof details !== 'object' || details === null)
    return details === undefined || details === null ? {} : { details };
  return Object.fromEntries(
    Object.entries(details)
      .slice(0, MOST_DETAILS)
      .map(([name, value]) => [name, shorten(value)]),
  );
}

function shorten(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > LONGEST_DETAIL ? `${text.slice(0, LONGEST_DETAIL)}…` : text;
}
