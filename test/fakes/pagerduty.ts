/**
 * A small PagerDuty: Events API v2 over real HTTP, with its required fields, lengths, replies and deduplication, and what its people do,
 * as signed webhooks v3. It can be told to fail, and remembers every incident by its key.
 *
 * The surprise: a service has alerts besides incidents, as new ones do. Then webhooks carry no key of ours: `incident.triggered` has
 * the link that our event gave, and everything else names the incident alone.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createOutlet, INTEGRATION, type Outlet, type WebhookAgent } from './pagerduty-outlet.ts';

export interface Incident {
  /** Of the newest: after a resolution a trigger begins another. */
  id: string;
  readonly dedupKey: string;
  status: 'triggered' | 'acknowledged' | 'resolved';
  createdAt: string;
  /** Summaries of all triggers, the first opened the incident. */
  readonly triggers: string[];
  readonly sources: string[];
  /** How often people were called. */
  calls: number;
}

/** What somebody, or something, does with the newest incident of a key. */
export interface PagerDutyAgent {
  acknowledge(dedupKey: string): void;
  unacknowledge(dedupKey: string): void;
  resolve(dedupKey: string): void;
  reopen(dedupKey: string): void;
  note(dedupKey: string, text: string): void;
  prioritise(dedupKey: string, priority: string | null): void;
  reassign(dedupKey: string, to: string): void;
  addResponder(dedupKey: string, who: string, message: string): void;
}

export interface FakePagerDuty {
  readonly url: string;
  readonly incidents: ReadonlyMap<string, Incident>;
  /** Bodies that PagerDuty would refuse; a test that ends with any has failed. */
  readonly refused: readonly string[];
  /** Answers with these statuses first; 202 afterwards. A 202 in it loses the connection after accepting. */
  fail(...statuses: number[]): void;
  /** Sends webhooks there from now on, signed with each of the secrets. */
  sendTo(url: string, ...secrets: string[]): void;
  person(name: string): PagerDutyAgent;
  /** Its own timers: nobody who is a person. */
  readonly timer: PagerDutyAgent;
  /** Until everything that was to be sent was answered; what each was answered, oldest first. */
  delivered(): Promise<readonly string[]>;
  /** Sends again what was sent, as the same delivery. */
  replay(index: number): Promise<string>;
  close(): Promise<void>;
}

const ROUTING_KEY_LENGTH = 32;
const LARGEST_BODY = 512 * 1024;

export async function startPagerDuty(routingKey: string): Promise<FakePagerDuty> {
  if (routingKey.length !== ROUTING_KEY_LENGTH) throw new Error('a routing key has 32 characters');
  const incidents = new Map<string, Incident>();
  const refused: string[] = [];
  const failures: number[] = [];
  const outlet = createOutlet();
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const reply = (status: number, value: unknown) => {
        response.writeHead(status, {
          'content-type': 'application/json',
          ...(status === 429 ? { 'retry-after': '1' } : {}),
        });
        response.end(JSON.stringify(value));
      };
      const failure = failures.shift();
      if (failure !== undefined && failure !== 202) return reply(failure, { status: 'error' });
      const errors =
        request.method === 'POST' && request.url === '/v2/enqueue'
          ? complaintsAbout(body, routingKey)
          : ['no such route'];
      if (errors.length > 0) {
        refused.push(`${errors.join('; ')}: ${body.slice(0, 300)}`);
        return reply(400, { status: 'invalid event', message: 'Event object is invalid', errors });
      }
      const event = JSON.parse(body) as {
        event_action: string;
        dedup_key: string;
        payload?: { summary: string; source: string };
        client?: string;
        client_url?: string;
      };
      take(incidents, event, outlet);
      if (failure === 202) return request.socket.destroy();
      return reply(202, { status: 'success', message: 'Event processed', dedup_key: event.dedup_key });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/enqueue`,
    incidents,
    refused,
    fail: (...statuses) => failures.push(...statuses),
    sendTo: (url, ...secrets) => outlet.sendTo(url, ...secrets),
    person: (name) =>
      agentOf(incidents, outlet, { id: `P${name.toUpperCase()}`, summary: name, type: 'user_reference' }),
    timer: agentOf(incidents, outlet, null),
    delivered: () => outlet.delivered(),
    replay: (index) => outlet.replay(index),
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
}

/** As PagerDuty: acknowledging or resolving what is not open is accepted and dropped; a trigger after a resolve opens another. */
function take(
  incidents: Map<string, Incident>,
  event: {
    event_action: string;
    dedup_key: string;
    payload?: { summary: string; source: string };
    client?: string;
    client_url?: string;
  },
  outlet: Outlet,
): void {
  const known = incidents.get(event.dedup_key);
  if (event.event_action !== 'trigger') {
    if (known === undefined || known.status === 'resolved') return;
    known.status = event.event_action === 'acknowledge' ? 'acknowledged' : 'resolved';
    outlet.send(`incident.${known.status}`, INTEGRATION, { incident: known });
    return;
  }
  const { summary = '', source = '' } = event.payload ?? {};
  if (known !== undefined && known.status !== 'resolved') {
    // One more alert of an open incident is a line in its log: nobody is called, and an acknowledged one stays so.
    known.triggers.push(summary);
    known.sources.push(source);
    return;
  }
  const incident: Incident = {
    id: `Q${outlet.newId()}`,
    dedupKey: event.dedup_key,
    status: 'triggered',
    createdAt: `${new Date().toISOString().slice(0, 19)}Z`,
    triggers: [...(known?.triggers ?? []), summary],
    sources: [...(known?.sources ?? []), source],
    calls: (known?.calls ?? 0) + 1,
  };
  incidents.set(event.dedup_key, incident);
  const client = { name: event.client ?? null, url: event.client_url ?? null };
  outlet.send('incident.triggered', INTEGRATION, { incident, client });
}

function agentOf(incidents: Map<string, Incident>, outlet: Outlet, agent: WebhookAgent | null): PagerDutyAgent {
  const of = (dedupKey: string): Incident => {
    const found = incidents.get(dedupKey);
    if (found === undefined) throw new Error(`no incident has the key ${dedupKey}`);
    return found;
  };
  const become = (dedupKey: string, what: string, status: Incident['status'], calls = 0) => {
    const incident = of(dedupKey);
    incident.status = status;
    incident.calls += calls;
    outlet.send(`incident.${what}`, agent, { incident });
  };
  const about = (dedupKey: string, what: string, data: Record<string, unknown>) =>
    outlet.send(`incident.${what}`, agent, { incident: of(dedupKey), data });
  return {
    acknowledge: (key) => become(key, 'acknowledged', 'acknowledged'),
    unacknowledge: (key) => become(key, 'unacknowledged', 'triggered', 1),
    resolve: (key) => become(key, 'resolved', 'resolved'),
    reopen: (key) => become(key, 'reopened', 'triggered', 1),
    note: (key, content) => about(key, 'annotated', { type: 'incident_note', content, trimmed: false }),
    prioritise: (key, priority) =>
      outlet.send('incident.priority_updated', agent, { incident: of(key), priority: priority ?? undefined }),
    reassign: (key, to) => outlet.send('incident.reassigned', agent, { incident: of(key), assignees: [to] }),
    addResponder: (key, who, message) =>
      about(key, 'responder.added', { type: 'incident_responder', user: { summary: who }, message, state: 'pending' }),
  };
}

function complaintsAbout(body: string, routingKey: string): string[] {
  if (Buffer.byteLength(body) > LARGEST_BODY) return ['larger than 512 KB'];
  let event: Record<string, unknown>;
  try {
    event = JSON.parse(body) as Record<string, unknown>;
  } catch {
    return ['not JSON'];
  }
  const errors: string[] = [];
  if (event['routing_key'] !== routingKey) errors.push('routing_key is wrong');
  if (!['trigger', 'acknowledge', 'resolve'].includes(String(event['event_action'])))
    errors.push('event_action is wrong');
  const key = event['dedup_key'];
  if (typeof key !== 'string' || key === '' || key.length > 255) errors.push('dedup_key is missing or too long');
  if (event['event_action'] !== 'trigger') return errors;
  const payload = (event['payload'] ?? {}) as Record<string, unknown>;
  if (typeof payload['summary'] !== 'string' || payload['summary'].length > 1_024) errors.push('payload.summary');
  if (typeof payload['source'] !== 'string' || payload['source'] === '') errors.push('payload.source');
  if (!['critical', 'error', 'warning', 'info'].includes(String(payload['severity']))) errors.push('payload.severity');
  return errors;
}
