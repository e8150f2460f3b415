/**
 * What people do in PagerDuty, as inputs of the same case: state is kept in step both ways.
 *
 * The surprise: our own acknowledgement comes back to us as PagerDuty's. It finds the case acknowledged and changes nothing, so
 * that nothing ever goes round in circles. Messages are taken once by their id, and one that is older than what we know of its
 * incident changes nothing any more.
 */
import {
  type PagerDutyWebhook,
  readPagerDutyWebhook,
  verifyPagerDutySignature,
} from '../../vendors/pagerduty-webhook.ts';
import { Priority } from '@countersign/contract';
import { Check } from 'typebox/value';
import type { StateTransaction } from '../../ground/state.ts';
import type { CaseInput, PersonRef } from '../case.ts';
import type { Cases } from '../cases.ts';
import type { CaseTables } from '../tables.ts';

const OUR_KEY = /^countersign-([\w-]{1,64})$/;
const KEPT_MS = 7 * 86_400_000;

export type WebhookTaken = 'taken' | 'known' | 'late' | 'other' | 'unsigned' | 'malformed';

/** Everything that follows is one transaction: PagerDuty sends again what was not answered. */
export async function takePagerDutyWebhook(
  cases: Cases,
  secrets: readonly string[],
  request: { readonly body: string; readonly signature: string | undefined },
): Promise<WebhookTaken> {
  if (!verifyPagerDutySignature(secrets, request.body, request.signature)) return 'unsigned';
  const message = readPagerDutyWebhook(request.body);
  if (message === null) return 'malformed';
  return cases.state.transaction(async (trx) => {
    const { fresh, late } = await remember(trx, message, cases.nowMs());
    if (!fresh) return 'known';
    const caseId = OUR_KEY.exec(message.incidentKey ?? '')?.[1];
    if (caseId === undefined) return 'other';
    const input = inputOf(message);
    if (input === null) return 'other';
    // Notes are true whenever they come; states are only true while nothing newer is known.
    if (late && input.type !== 'noted') return 'late';
    await cases.conductIn(trx, caseId, input);
    return 'taken';
  });
}

async function remember(trx: StateTransaction, message: PagerDutyWebhook, nowMs: number) {
  const db = trx.withTables<CaseTables>();
  const incidentId = message.incidentId ?? '';
  const newest = await db
    .selectFrom('pagerduty_webhook')
    .select('occurred_ms')
    .where('incident_id', '=', incidentId)
    .orderBy('occurred_ms', 'desc')
    .limit(1)
    .executeTakeFirst();
  const inserted = await db
    .insertInto('pagerduty_webhook')
    .values({ id: message.id, incident_id: incidentId, occurred_ms: message.occurredMs, received_ms: nowMs })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning('id')
    .executeTakeFirst();
  await db
    .deleteFrom('pagerduty_webhook')
    .where('received_ms', '<', nowMs - KEPT_MS)
    .execute();
  return { fresh: inserted !== undefined, late: newest !== undefined && newest.occurred_ms > message.occurredMs };
}

function inputOf(message: PagerDutyWebhook): CaseInput | null {
  const by: PersonRef =
    message.agent === null
      ? { id: 'pagerduty', name: 'PagerDuty' }
      : { id: `pagerduty:${message.agent.id}`, name: message.agent.name };
  switch (message.eventType) {
    case 'incident.acknowledged':
      return { type: 'acknowledged', by };
    case 'incident.unacknowledged':
      return { type: 'unacknowledged', by };
    case 'incident.resolved':
      return { type: 'resolved', by, note: 'in PagerDuty' };
    case 'incident.reopened':
      return { type: 'reopened', by, why: 'in PagerDuty' };
    case 'incident.annotated':
      return message.note === null ? null : { type: 'noted', by, text: message.note };
    case 'incident.priority_updated':
      return { type: 'prioritised', by, priority: Check(Priority, message.priority) ? message.priority : null };
    case 'incident.escalated':
    case 'incident.reassigned':
    case 'incident.delegated':
    case 'incident.responder.added':
    case 'incident.responder.replied':
    case 'incident.status_update_published': {
      const to = message.assignees.length === 0 ? '' : `: ${message.assignees.join(', ')}`;
      return {
        type: 'noted',
        by,
        text: `${message.eventType.replace('incident.', 'PagerDuty: ').replaceAll('_', ' ')}${to}`,
      };
    }
    default:
      return null;
  }
}
