/**
 * Alerts into the inbox: of other systems, and of our own (a heartbeat that is late, an account that fell silent, an exercise).
 * From there on both go the same way.
 */
import type { Random } from '../../ground/random.ts';
import type { StateTransaction } from '../../ground/state.ts';
import { acceptBatchIn, type NewRecord } from '../inbox.ts';
import type { AlertRecord, AlertSeverity } from './alert.ts';

export type AlertDraft = Omit<AlertRecord, 'alertId' | 'receivedAt'>;

export interface OwnAlert {
  readonly action: 'trigger' | 'resolve';
  readonly dedupKey: string;
  readonly summary: string;
  readonly severity: AlertSeverity;
  readonly source: string;
  readonly component?: string | null;
  readonly class: string;
  readonly tags?: readonly string[];
  readonly details?: unknown;
  readonly account?: string | null;
}

/** The integration under which our own alerts stand. */
export const OWN_INTEGRATION = 'countersign';

/** The rule under which a person's own call for help stands. */
export const CALL_FOR_HELP = 'Paged by a person';

/** Puts alerts into the inbox, in the caller's transaction. */
export async function acceptAlerts(
  trx: StateTransaction,
  alerts: readonly AlertDraft[],
  { nowMs, random }: { readonly nowMs: number; readonly random: Random },
): Promise<void> {
  if (alerts.length === 0) return;
  const receivedAt = new Date(nowMs).toISOString();
  const records = alerts.map((alert): NewRecord => {
    const record: AlertRecord = { alertId: random.id(nowMs), receivedAt, ...alert };
    const toldMs = record.timestamp === null ? Number.NaN : Date.parse(record.timestamp);
    return {
      id: record.alertId,
      timeMs: Number.isNaN(toldMs) ? nowMs : Math.min(toldMs, nowMs),
      json: JSON.stringify(record),
    };
  });
  await acceptBatchIn(trx, { source: 'alert', origin: alerts[0]?.integration ?? '', records }, nowMs);
}

/** An alert of our own. */
export async function raiseAlert(
  trx: StateTransaction,
  alert: OwnAlert,
  at: { readonly nowMs: number; readonly random: Random },
): Promise<void> {
  const draft: AlertDraft = {
    sender: 'countersign',
    integration: OWN_INTEGRATION,
    timestamp: new Date(at.nowMs).toISOString(),
    component: null,
    group: null,
    tags: [],
    details: null,
    links: [],
    client: 'Countersign',
    clientUrl: null,
    account: null,
    ...alert,
  };
  await acceptAlerts(trx, [draft], at);
}
