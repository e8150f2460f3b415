/** A receiver of the signed webhook that checks signature and age as docs tell receivers to, and keeps what it accepted. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeWebhook {
  readonly url: string;
  readonly accepted: readonly { readonly id: string; readonly body: Record<string, unknown> }[];
  readonly refused: readonly string[];
  close(): Promise<void>;
}

const OLDEST_S = 300;

export async function startWebhook(secret: string): Promise<FakeWebhook> {
  const accepted: { id: string; body: Record<string, unknown> }[] = [];
  const refused: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const [, time = '', signature = ''] =
        /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(request.headers['x-countersign-signature'])) ?? [];
      const expected = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex');
      const genuine =
        signature.length === expected.length && timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
      if (!genuine || Math.abs(Date.now() / 1_000 - Number(time)) > OLDEST_S) {
        refused.push(body.slice(0, 200));
        response.writeHead(401).end();
        return;
      }
      accepted.push({
        id: String(request.headers['x-countersign-id']),
        body: JSON.parse(body) as Record<string, unknown>,
      });
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    accepted,
    refused,
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
}
