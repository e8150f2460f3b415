/**
 * A small PagerDuty: Events API v2 over real HTTP, with its required fields, lengths, replies and deduplication. It can be told to
 * fail, and remembers every incident by its key.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Incident {
  readonly dedupKey: string;
  status: 'triggered' | 'acknowledged' | 'resolved';
  /** Summaries of all triggers, the first opened the incident. */
  readonly triggers: string[];
  readonly sources: string[];
}

export interface FakePagerDuty {
  readonly url: string;
  readonly incidents: ReadonlyMap<string, Incident>;
  /** Bodies that PagerDuty would refuse; a test that ends with any has failed. */
  readonly refused: readonly string[];
  /** Answers with these statuses first; 202 afterwards. A 202 in it loses the connection after accepting. */
  fail(...statuses: number[]): void;
  close(): Promise<void>;
}

const ROUTING_KEY_LENGTH = 32;
const LARGEST_BODY = 512 * 1024;

export async function startPagerDuty(routingKey: string): Promise<FakePagerDuty> {
  if (routingKey.length !== ROUTING_KEY_LENGTH) throw new Error('a routing key has 32 characters');
  const incidents = new Map<string, Incident>();
  const refused: string[] = [];
  const failures: number[] = [];
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
      };
      take(incidents, event);
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
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
}

/** As PagerDuty: acknowledging or resolving what is not open is accepted and dropped; a trigger after a resolve opens anew. */
function take(
  incidents: Map<string, Incident>,
  event: { event_action: string; dedup_key: string; payload?: { summary: string; source: string } },
): void {
  const known = incidents.get(event.dedup_key);
  if (event.event_action === 'trigger') {
    const incident = known ?? { dedupKey: event.dedup_key, status: 'triggered', triggers: [], sources: [] };
    if (incident.status === 'resolved') incident.status = 'triggered';
    incident.triggers.push(event.payload?.summary ?? '');
    incident.sources.push(event.payload?.source ?? '');
    incidents.set(event.dedup_key, incident);
  } else if (known !== undefined && known.status !== 'resolved') {
    known.status = event.event_action === 'acknowledge' ? 'acknowledged' : 'resolved';
  }
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
