/**
 * How the small PagerDuty tells of its incidents: webhooks v3, signed with every secret of a rotation, one after the other for an
 * incident, again while they are not answered, with one delivery id for all tries.
 */
import { createHmac, randomUUID } from 'node:crypto';
import type { Incident } from './pagerduty.ts';

export interface WebhookAgent {
  readonly id: string;
  readonly summary: string;
  readonly type: string;
}

export interface About {
  readonly incident: Incident;
  readonly client?: { readonly name: string | null; readonly url: string | null };
  /** What is about an incident and is none: a note, a responder. */
  readonly data?: Readonly<Record<string, unknown>>;
  readonly priority?: string | undefined;
  readonly assignees?: readonly string[];
}

export interface Outlet {
  sendTo(url: string, ...secrets: string[]): void;
  send(eventType: string, agent: WebhookAgent | null, about: About): void;
  delivered(): Promise<readonly string[]>;
  replay(index: number): Promise<string>;
  newId(): string;
}

/** Who acknowledges when an event of ours does. */
export const INTEGRATION: WebhookAgent = {
  id: 'PINTEGRATION',
  summary: 'Events API V2',
  type: 'inbound_integration_reference',
};

const MOST_TRIES = 5;
const AGAIN_MS = 100;

export function createOutlet(): Outlet {
  let ids = 0;
  let target: { readonly url: string; readonly secrets: readonly string[] } | null = null;
  const sent: { readonly deliveryId: string; readonly body: string }[] = [];
  const answers: string[] = [];
  let turn: Promise<void> = Promise.resolve();
  const newId = () => String((ids += 1)).padStart(13, '0');
  const post = async (deliveryId: string, body: string): Promise<string> => {
    const signatures = (target?.secrets ?? []).map(
      (secret) => `v1=${createHmac('sha256', secret).update(body).digest('hex')}`,
    );
    for (let tries = 1; ; tries += 1) {
      const answer = await fetch(target?.url ?? '', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-pagerduty-signature': signatures.join(','),
          'x-webhook-id': deliveryId,
          'user-agent': 'PagerDuty-Webhook/V3.0',
        },
        body,
        signal: AbortSignal.timeout(5_000),
      }).catch(() => null);
      if (answer !== null && answer.status < 500 && answer.status !== 429) return answer.text();
      if (tries >= MOST_TRIES) return 'dropped';
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  };
  return {
    newId,
    sendTo: (url, ...secrets) => {
      target = { url, secrets };
    },
    send: (eventType, agent, about) => {
      if (target === null) return;
      const body = JSON.stringify({ event: eventOf(newId(), eventType, agent, about) });
      const deliveryId = randomUUID();
      sent.push({ deliveryId, body });
      turn = turn.then(async () => {
        answers.push(await post(deliveryId, body));
      });
    },
    delivered: async () => {
      await turn;
      return answers;
    },
    replay: (index) => {
      const again = sent.at(index);
      if (again === undefined) throw new Error('nothing was sent');
      return post(again.deliveryId, again.body);
    },
  };
}

function eventOf(id: string, eventType: string, agent: WebhookAgent | null, about: About) {
  const { incident, client = null, data, priority, assignees = [] } = about;
  const reference = { id: incident.id, type: 'incident_reference', summary: incident.triggers[0] ?? '' };
  const whole = {
    id: incident.id,
    type: 'incident',
    number: Number(incident.id.slice(1)),
    status: incident.status,
    incident_key: null,
    created_at: incident.createdAt,
    title: incident.triggers[0] ?? '',
    assignees: assignees.map((name) => ({ id: 'PSOMEBODY', summary: name, type: 'user_reference' })),
    priority: priority === undefined ? null : { id: 'PPRIORITY', summary: priority, type: 'priority_reference' },
    urgency: 'high',
    resolve_reason: null,
  };
  return {
    id: `01${id}`,
    event_type: eventType,
    resource_type: 'incident',
    occurred_at: new Date().toISOString(),
    agent,
    client,
    data: data === undefined ? whole : { incident: reference, id: `P${id}`, ...data },
  };
}
