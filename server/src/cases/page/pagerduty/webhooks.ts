/**
 * What people do in PagerDuty, as inputs of the same case: state is kept in step both ways. Judging is pure; what is known of a message
 * was read before.
 *
 * The surprise: our own acknowledgement comes back to us as PagerDuty's, done by an integration. Only what a person did ends a page
 * here, so that nothing goes round in circles and no timer of theirs puts a case of ours to sleep.
 */
import { Priority } from '@countersign/contract';
import { Check } from 'typebox/value';
import type { PagerDutyWebhook } from '../../../vendors/pagerduty-webhook.ts';
import type { Case, CaseInput, PersonRef } from '../../case.ts';

/** What a message changes; a newer one about the same thing makes it late. Notes are true whenever they come. */
export type Topic = 'state' | 'priority' | null;

export interface KnownOfMessage {
  /** The newest that we know of its incident about the same topic. */
  readonly newestMs: number | null;
  /** A newer incident stands for the same case. */
  readonly isReplaced: boolean;
  /** Null when there is no such case. */
  readonly current: Case | null;
}

export type Judgement =
  | { readonly type: 'taken'; readonly input: CaseInput }
  /** Older than what we know, and not true any more. */
  | { readonly type: 'late' }
  /** Our own doing, told back to us. */
  | { readonly type: 'echo' }
  /** Nothing of ours, or nothing that means anything here. */
  | { readonly type: 'other' };

const PAGERDUTY: PersonRef = { id: 'pagerduty', name: 'PagerDuty' };
const OUR_KEY = /^countersign-([\w-]{1,64})$/;
const OUR_CLIENT = 'Countersign';
const OUR_LINK = /\/cases\/([\w-]{1,64})$/;
/** Clocks differ, and a page is noted here before it arrives there. */
const SKEW_MS = 60_000;

/** The case that a message names itself, by the key or the link that we gave. */
export function caseNamedBy({ incidentKey, client }: PagerDutyWebhook): string | null {
  const byKey = OUR_KEY.exec(incidentKey ?? '')?.[1];
  const byLink = client?.name === OUR_CLIENT ? OUR_LINK.exec(client.url ?? '')?.[1] : undefined;
  return byKey ?? byLink ?? null;
}

export function topicOf(eventType: string): Topic {
  switch (eventType) {
    case 'incident.triggered':
    case 'incident.acknowledged':
    case 'incident.unacknowledged':
    case 'incident.resolved':
    case 'incident.reopened':
      return 'state';
    case 'incident.priority_updated':
      return 'priority';
    default:
      return null;
  }
}

export function judge(message: PagerDutyWebhook, { newestMs, isReplaced, current }: KnownOfMessage): Judgement {
  if (current === null) return { type: 'other' };
  if (message.eventType === 'incident.triggered') return begunAfterTheEnd(message, current);
  const input = inputOf(message);
  if (input === null) return { type: 'other' };
  const topic = topicOf(message.eventType);
  if (topic !== null && (isReplaced || (newestMs !== null && newestMs > message.occurredMs))) return { type: 'late' };
  if (input === 'echo')
    return message.eventType === 'incident.acknowledged' ? asleep(current, 'echo') : { type: 'echo' };
  return input.type === 'acknowledged' && isOver(message, current) ? asleep(current, 'late') : { type: 'taken', input };
}

/** It was acknowledged there before it was acknowledged here and began to page again: that is no acknowledgement of this page. */
function isOver({ occurredMs }: PagerDutyWebhook, current: Case): boolean {
  return current.state === 'paged' && current.hushed.length > 0 && occurredMs < current.pagedMs - SKEW_MS;
}

/** Held for acknowledged there while it pages here: nobody is called there, until a call begins anew. */
function asleep(current: Case, otherwise: 'echo' | 'late'): Judgement {
  const isNews = current.state === 'paged' && current.called.some((channel) => !current.hushed.includes(channel));
  return isNews ? { type: 'taken', input: { type: 'held-elsewhere', by: PAGERDUTY } } : { type: otherwise };
}

/**
 * A request of ours that was long on its way begins an incident after the case had ended, or was in somebody's hands: what we told of that
 * met no incident, or an older one, and is told again.
 */
function begunAfterTheEnd({ occurredMs }: PagerDutyWebhook, { state, times }: Case): Judgement {
  const quietMs = state === 'resolved' ? times.resolvedMs : state === 'acknowledged' ? times.acknowledgedMs : null;
  const isAfter = quietMs !== null && occurredMs >= quietMs - SKEW_MS;
  return isAfter ? { type: 'taken', input: { type: 'called-elsewhere', by: PAGERDUTY } } : { type: 'other' };
}

function inputOf(message: PagerDutyWebhook): CaseInput | 'echo' | null {
  const { agent, text, people, priority } = message;
  const by: PersonRef = agent === null ? PAGERDUTY : { id: `pagerduty:${agent.id}`, name: agent.name };
  const note = (words: string): CaseInput => ({ type: 'noted', by, text: `PagerDuty: ${words}` });
  switch (message.eventType) {
    case 'incident.acknowledged':
      return endsHere(agent, { type: 'acknowledged', by }) ?? note('acknowledged, by nobody who is a person');
    case 'incident.resolved':
      return (
        endsHere(agent, { type: 'resolved', by, note: 'in PagerDuty' }) ?? note('resolved, by nobody who is a person')
      );
    case 'incident.unacknowledged':
      return { type: 'unacknowledged', by, elsewhere: true };
    case 'incident.reopened':
      return { type: 'reopened', by, why: 'in PagerDuty' };
    case 'incident.annotated':
      return text === null ? null : { type: 'noted', by, text };
    case 'incident.priority_updated':
      return { type: 'prioritised', by, priority: Check(Priority, priority) ? priority : null };
    case 'incident.escalated':
    case 'incident.reassigned':
    case 'incident.delegated':
    case 'incident.responder.added':
    case 'incident.responder.replied':
    case 'incident.status_update_published': {
      const what = message.eventType.replace('incident.', '').replaceAll(/[._]/g, ' ');
      return note([what, people.join(', '), text ?? ''].filter((part) => part !== '').join(': '));
    }
    default:
      return null;
  }
}

/** Null where neither a person nor we did it. */
function endsHere(agent: PagerDutyWebhook['agent'], input: CaseInput): CaseInput | 'echo' | null {
  if (agent === null) return null;
  if (agent.type.endsWith('integration_reference')) return 'echo';
  return agent.type.startsWith('service') ? null : input;
}
