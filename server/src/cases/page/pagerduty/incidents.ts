/**
 * Takes webhooks of PagerDuty: each once, in the order of what happened there, for the case that its incident stands for.
 *
 * The surprise: most messages name an incident and nothing of ours. Which case it stands for is learnt when it is triggered, from
 * the key or the link that our event carried.
 */
import { sql } from 'kysely';
import type { StateTransaction } from '../../../ground/state.ts';
import {
  type PagerDutyWebhook,
  readPagerDutyWebhook,
  verifyPagerDutySignature,
} from '../../../vendors/pagerduty-webhook.ts';
import type { Cases } from '../../cases.ts';
import type { CaseTables } from '../../tables.ts';
import { caseNamedBy, judge, topicOf } from './webhooks.ts';

export interface WebhookRequest {
  readonly body: string;
  readonly signature: string | undefined;
  /** `X-Webhook-Id`. */
  readonly deliveryId: string | undefined;
}

export type WebhookTaken = 'taken' | 'known' | 'late' | 'echo' | 'other' | 'unsigned' | 'malformed';

const LOCK = 0x70646964;
/** PagerDuty gives up long before. What is older is played again by somebody. */
const KEPT_MS = 7 * 86_400_000;
const LONGEST_ID = 200;

/** Everything that follows is one transaction: PagerDuty sends again what was not answered. */
export async function takePagerDutyWebhook(
  cases: Cases,
  secrets: readonly string[],
  { body, signature, deliveryId }: WebhookRequest,
): Promise<WebhookTaken> {
  if (!verifyPagerDutySignature(secrets, body, signature)) return 'unsigned';
  const message = readPagerDutyWebhook(body);
  if (message === null) return 'malformed';
  const nowMs = cases.nowMs();
  if (message.occurredMs < nowMs - KEPT_MS) return 'late';
  return cases.state.transaction(async (trx) => {
    const { incidentId } = message;
    if (incidentId === null) return 'other';
    await sql`select pg_advisory_xact_lock(${LOCK}, hashtext(${incidentId}))`.execute(trx);
    const newestMs = await newestOf(trx, message);
    if (!(await remember(trx, message, { deliveryId, nowMs }))) return 'known';
    const caseId = await caseOf(trx, message);
    if (caseId === null) return 'other';
    const isReplaced = await hasNewer(trx, caseId, incidentId);
    const current = await cases.unit(trx).loadCase(caseId);
    const judged = judge(message, { newestMs, isReplaced, current });
    if (judged.type === 'taken') await cases.conductIn(trx, caseId, judged.input);
    return judged.type;
  });
}

async function newestOf(trx: StateTransaction, { incidentId, eventType }: PagerDutyWebhook): Promise<number | null> {
  const newest = await trx
    .withTables<CaseTables>()
    .selectFrom('pagerduty_webhook')
    .select('occurred_ms')
    .where('incident_id', '=', incidentId ?? '')
    .where('topic', '=', topicOf(eventType))
    .orderBy('occurred_ms', 'desc')
    .limit(1)
    .executeTakeFirst();
  return newest?.occurred_ms ?? null;
}

/** False when it was taken before: the same event, or another try of the same delivery. */
async function remember(
  trx: StateTransaction,
  message: PagerDutyWebhook,
  { deliveryId, nowMs }: { readonly deliveryId: string | undefined; readonly nowMs: number },
): Promise<boolean> {
  const db = trx.withTables<CaseTables>();
  const inserted = await db
    .insertInto('pagerduty_webhook')
    .values({
      id: message.id.slice(0, LONGEST_ID),
      incident_id: message.incidentId ?? '',
      occurred_ms: message.occurredMs,
      received_ms: nowMs,
      delivery_id: deliveryId?.slice(0, LONGEST_ID) ?? null,
      topic: topicOf(message.eventType),
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  await db
    .deleteFrom('pagerduty_webhook')
    .where('received_ms', '<', nowMs - KEPT_MS)
    .execute();
  return inserted !== undefined;
}

/** Learns which case the incident stands for where the message says so, else recalls it. */
async function caseOf(trx: StateTransaction, message: PagerDutyWebhook): Promise<string | null> {
  const db = trx.withTables<CaseTables>();
  const incidentId = message.incidentId ?? '';
  const named = caseNamedBy(message);
  if (named !== null) {
    // To the millisecond where it is known so exactly: one incident may follow another within a second.
    const isBeginning = message.eventType === 'incident.triggered';
    const createdMs = (isBeginning ? null : message.incidentCreatedMs) ?? message.occurredMs;
    await db
      .insertInto('pagerduty_incident')
      .values({ incident_id: incidentId, case_id: named, created_ms: createdMs })
      .onConflict((conflict) => conflict.column('incident_id').doNothing())
      .execute();
    return named;
  }
  const row = await db
    .selectFrom('pagerduty_incident')
    .select('case_id')
    .where('incident_id', '=', incidentId)
    .executeTakeFirst();
  return row?.case_id ?? null;
}

async function hasNewer(trx: StateTransaction, caseId: string, incidentId: string): Promise<boolean> {
  const newest = await trx
    .withTables<CaseTables>()
    .selectFrom('pagerduty_incident')
    .select('incident_id')
    .where('case_id', '=', caseId)
    .orderBy('created_ms', 'desc')
    .orderBy('incident_id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return newest !== undefined && newest.incident_id !== incidentId;
}
