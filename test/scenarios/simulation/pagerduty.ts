/**
 * PagerDuty in a night: incidents by dedup key, people who do things with them, and webhooks that come late, twice, or again long after.
 * And what our side remembers of them, as `cases/page/pagerduty/incidents.ts` keeps it in its tables.
 */
import type { Case, CaseInput } from '../../../server/src/cases/case.ts';
import type { PageMessage } from '../../../server/src/cases/page/page.ts';
import { caseNamedBy, judge, topicOf } from '../../../server/src/cases/page/pagerduty/webhooks.ts';
import type { PagerDutyWebhook } from '../../../server/src/vendors/pagerduty-webhook.ts';
import type { Chaos } from './chaos.ts';

type Status = 'triggered' | 'acknowledged' | 'resolved';

interface Incident {
  readonly id: string;
  readonly key: string;
  readonly createdMs: number;
  status: Status;
}

const PAT = { id: 'PAT', name: 'Pat', type: 'user_reference' };
const INTEGRATION = { id: 'PINT', name: 'Events API V2', type: 'inbound_integration_reference' };
const TIMER = { id: 'PSVC', name: 'Shop', type: 'service_reference' };
type Agent = typeof PAT;

export class SimulatedPagerDuty {
  readonly #chaos: Chaos;
  readonly #nowMs: () => number;
  readonly #incidents: Incident[] = [];
  /** By incident, in order: PagerDuty sends the next one when the one before was answered. */
  readonly #queues = new Map<string, PagerDutyWebhook[]>();
  readonly #sent: PagerDutyWebhook[] = [];
  #ids = 0;

  constructor(chaos: Chaos, nowMs: () => number) {
    this.#chaos = chaos;
    this.#nowMs = nowMs;
  }

  /** As `pagerDutyChannel` sends it. */
  take({ action, anew, dedupKey, url }: PageMessage): void {
    if (action === 'trigger' && anew) this.#event('resolve', dedupKey, url);
    this.#event(action, dedupKey, url);
  }

  statusOf(dedupKey: string): Status | null {
    return this.#newest(dedupKey)?.status ?? null;
  }

  get waiting(): number {
    return [...this.#queues.values()].reduce((sum, queue) => sum + queue.length, 0);
  }

  /** Somebody, or a timer, does something with an open incident. */
  act(): void {
    const incident = this.#chaos.pick(this.#incidents.filter((one) => this.#newest(one.key) === one));
    if (incident === undefined) return;
    const what = this.#chaos.random.fraction();
    if (incident.status === 'resolved') return this.#become(incident, 'reopened', 'triggered', PAT);
    if (what < 0.5) return this.#become(incident, 'acknowledged', 'acknowledged', PAT);
    if (what < 0.65) return this.#become(incident, 'resolved', 'resolved', PAT);
    if (what < 0.75) return this.#send(incident, 'annotated', PAT, { text: 'looking' });
    if (what < 0.8) return this.#send(incident, 'priority_updated', PAT, { priority: 'P3' });
    if (what < 0.85) return this.#become(incident, 'resolved', 'resolved', TIMER);
    if (incident.status === 'acknowledged') this.#become(incident, 'unacknowledged', 'triggered', TIMER);
  }

  /**
   * The next webhook: of any incident its first, sometimes one that was taken before. `take` answers whether it was heard; otherwise it
   * comes again.
   */
  async deliverOne(take: (message: PagerDutyWebhook) => Promise<boolean>): Promise<void> {
    const again = this.#chaos.happens('webhooks played again', 0.15) ? this.#chaos.pick(this.#sent) : undefined;
    if (again !== undefined) return void (await take(again));
    const queue = this.#chaos.pick([...this.#queues.values()].filter(({ length }) => length > 0));
    const [message] = queue ?? [];
    if (queue === undefined || message === undefined) return;
    const isHeard = await take(message);
    if (!isHeard || this.#chaos.happens('webhooks sent twice', 0.1)) return;
    queue.shift();
    this.#sent.push(message);
  }

  #event(action: PageMessage['action'], key: string, url: string): void {
    const open = this.#newest(key);
    if (action !== 'trigger') {
      if (open === undefined || open.status === 'resolved') return;
      const status = action === 'acknowledge' ? 'acknowledged' : 'resolved';
      return this.#become(open, status, status, INTEGRATION);
    }
    if (open !== undefined && open.status !== 'resolved') return;
    const id = `Q${(this.#ids += 1)}`;
    const incident: Incident = { id, key, createdMs: this.#nowMs(), status: 'triggered' };
    this.#incidents.push(incident);
    this.#send(incident, 'triggered', INTEGRATION, { client: { name: 'Countersign', url: `https://c/cases/${url}` } });
  }

  #newest(key: string): Incident | undefined {
    return this.#incidents.findLast((incident) => incident.key === key);
  }

  #become(incident: Incident, what: string, status: Status, agent: Agent): void {
    incident.status = status;
    this.#send(incident, what, agent, {});
  }

  #send(incident: Incident, what: string, agent: Agent, parts: Partial<PagerDutyWebhook>): void {
    const queue = this.#queues.get(incident.id) ?? [];
    this.#queues.set(incident.id, queue);
    queue.push({
      id: `E${(this.#ids += 1)}`,
      eventType: `incident.${what}`,
      occurredMs: this.#nowMs(),
      agent,
      incidentId: incident.id,
      incidentCreatedMs: incident.createdMs,
      incidentKey: null,
      client: null,
      priority: null,
      text: null,
      people: [],
      ...parts,
    });
  }
}

/** What our side knows of its webhooks. */
export class WebhookMemory {
  readonly #taken = new Set<string>();
  readonly #newest = new Map<string, number>();
  readonly #cases = new Map<string, { readonly caseId: string; readonly createdMs: number }>();

  isKnown({ id }: PagerDutyWebhook): boolean {
    return this.#taken.has(id);
  }

  caseOf(message: PagerDutyWebhook): string | null {
    return caseNamedBy(message) ?? this.#cases.get(message.incidentId ?? '')?.caseId ?? null;
  }

  inputOf(message: PagerDutyWebhook, caseId: string, current: Case | null): CaseInput | null {
    const newestMs = this.#newest.get(topicKey(message)) ?? null;
    const mine = this.#cases.get(message.incidentId ?? '') ?? { createdMs: message.occurredMs };
    const isReplaced = [...this.#cases].some(
      ([id, one]) => id !== message.incidentId && one.caseId === caseId && one.createdMs > mine.createdMs,
    );
    const judged = judge(message, { newestMs, isReplaced, current });
    return judged.type === 'taken' ? judged.input : null;
  }

  /** When what followed from it was committed. */
  remember(message: PagerDutyWebhook, caseId: string | null): void {
    this.#taken.add(message.id);
    if (topicOf(message.eventType) !== null) {
      const key = topicKey(message);
      this.#newest.set(key, Math.max(message.occurredMs, this.#newest.get(key) ?? 0));
    }
    const incidentId = message.incidentId ?? '';
    if (caseId !== null && caseNamedBy(message) !== null && !this.#cases.has(incidentId))
      this.#cases.set(incidentId, { caseId, createdMs: message.occurredMs });
  }
}

function topicKey({ incidentId, eventType }: PagerDutyWebhook): string {
  return `${incidentId ?? ''} ${topicOf(eventType) ?? ''}`;
}
