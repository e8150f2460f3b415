/** An agent's calls when what answers is broken, or is not its server at all: each is told by an outcome, none rejects. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type AgentCalls, createAgentCalls } from './agent-calls.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function callsTo(answer: (response: ServerResponse) => void): Promise<AgentCalls> {
  const server = createServer((_request, response) => answer(response));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return createAgentCalls({ server: new URL(`http://127.0.0.1:${port}`), secret: () => 'csa_sample' });
}

const cutOff = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
  response.write('{"orders":', () => response.destroy());
};
const says = (body: string) => (response: ServerResponse) => void response.end(body);

const join = (calls: AgentCalls) => calls.join({ token: 'csi_sample', host: 'web-1', version: '1' });
const EACH: readonly [string, (calls: AgentCalls) => Promise<{ readonly type: string }>, string][] = [
  ['join', join, 'failed'],
  ['settings', (calls) => calls.settings(''), 'failed'],
  ['orders', (calls) => calls.orders(), 'failed'],
  ['captureProgress', (calls) => calls.captureProgress('one'), 'later'],
  ['sendPiece', (calls) => calls.sendPiece('one', 0, Buffer.from('1')), 'later'],
];

describe('an answer that is cut off', () => {
  test.each([
    ...EACH,
    ['sendBatch', (calls: AgentCalls) => calls.sendBatch(Buffer.from('1')), 'later'] as const,
    ['answerOrder', (calls: AgentCalls) => calls.answerOrder('one', { answer: {} }), 'failed'] as const,
  ])('%s', async (_name, call, type) => {
    expect(await call(await callsTo(cutOff))).toMatchObject({ type, reason: expect.stringMatching(/./) });
  });
});

test.each(EACH)("a proxy's page instead of an answer: %s", async (_name, call, type) => {
  expect(await call(await callsTo(says('<html>Sign in</html>')))).toMatchObject({ type });
});

test.each([
  ['no orders', '{}'],
  ['null', 'null'],
  ['orders that are no list', '{"orders":{}}'],
  ['an order without a name', '{"orders":[{"operation":"StopProcess","input":{}}]}'],
  ['an order without what it takes', '{"orders":[{"id":"1","operation":"StopProcess","input":null}]}'],
])('%s is no answer to who asks for orders', async (_what, body) => {
  const reason = '200 with an answer that this agent cannot read';
  expect(await (await callsTo(says(body))).orders()).toEqual({ type: 'failed', reason });
});

test('an answer that says more than an agent knows is read all the same', async () => {
  const orders = [{ id: '1', operation: 'ReadPeer', input: { address: '192.0.2.1' }, since: 1 }];
  const calls = await callsTo(says(JSON.stringify({ orders, more: true })));
  expect(await calls.orders()).toMatchObject({ type: 'orders', orders });
});
