/** The page channels against receivers that speak the real protocols and check them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCase } from '../../server/src/cases/case.ts';
import type { PageMessage } from '../../server/src/cases/page/page.ts';
import { pagerDutyChannel } from '../../server/src/cases/page/pagerduty/channel.ts';
import { webhookChannel } from '../../server/src/cases/page/webhook.ts';
import { type FakePagerDuty, startPagerDuty } from '../fakes/pagerduty.ts';
import { type FakeWebhook, startWebhook } from '../fakes/webhook.ts';
import { sampleGathered, samplePlanner } from '../sample-case.ts';
import { MONDAY_MS, sampleFacts, sampleFinding } from '../sample-finding.ts';

const ROUTING_KEY = 'r'.repeat(32);

function message(action: PageMessage['action'], headline = sampleFinding()): PageMessage {
  const gathered = sampleGathered({
    risk: 90,
    decision: { type: 'page' },
    headlineId: headline.id,
    findingIds: [headline.id],
  });
  const opened = openCase(gathered, {
    id: 'case-1',
    burstKey: 'b',
    nowMs: MONDAY_MS,
    receivedMs: MONDAY_MS,
    person: null,
    whyNobody: null,
    planner: samplePlanner({ channels: ['pd'] }),
  });
  return {
    action,
    dedupKey: 'countersign-case-1',
    pageNumber: 1,
    attempt: 1,
    anew: false,
    person: null,
    case: opened.case,
    headline,
    url: 'http://localhost/cases/case-1',
  };
}

describe('PagerDuty', () => {
  let pagerDuty: FakePagerDuty;
  beforeAll(async () => {
    pagerDuty = await startPagerDuty(ROUTING_KEY);
  });
  afterAll(() => pagerDuty.close());
  const channel = (routingKey = ROUTING_KEY) => pagerDutyChannel({ name: 'pd', url: pagerDuty.url, routingKey });

  test('a case is one incident: triggered twice, acknowledged, resolved', async () => {
    for (const action of ['trigger', 'trigger', 'acknowledge', 'resolve'] as const) {
      expect(await channel().deliver(message(action))).toEqual({ type: 'delivered' });
    }
    expect([...pagerDuty.incidents.values()]).toMatchObject([{ dedupKey: 'countersign-case-1', status: 'resolved' }]);
    expect(pagerDuty.incidents.get('countersign-case-1')?.triggers).toHaveLength(2);
    expect(pagerDuty.refused).toEqual([]);
  });

  test('busy, broken and cut off are tried again, in the time that was asked for', async () => {
    pagerDuty.fail(429, 500, 202);
    expect(await channel().deliver(message('trigger'))).toMatchObject({ type: 'failed', afterMs: 1_000 });
    expect(await channel().deliver(message('trigger'))).toMatchObject({ type: 'failed', afterMs: null });
    expect(await channel().deliver(message('trigger'))).toMatchObject({ type: 'failed', afterMs: null });
    expect(await channel().deliver(message('trigger'))).toEqual({ type: 'delivered' });
  });

  test('a wrong key is a failure that shows and is tried again slowly, never silence', async () => {
    const delivery = await channel('x'.repeat(32)).deliver(message('trigger'));
    expect(delivery).toMatchObject({ type: 'failed', afterMs: 300_000 });
    expect(delivery.type === 'failed' && delivery.failure).toContain('400');
  });

  test('a server that is not there is a failure', async () => {
    const nowhere = pagerDutyChannel({ name: 'pd', url: 'http://127.0.0.1:9/', routingKey: ROUTING_KEY });
    expect(await nowhere.deliver(message('trigger'))).toMatchObject({ type: 'failed', afterMs: null });
  });

  test('an event of any size fits', async () => {
    const resources = Array.from({ length: 50 }, (_, index) => ({
      type: 'bucket',
      id: `${index}-${'b'.repeat(20_000)}`,
    }));
    const headline = sampleFinding({ facts: sampleFacts({ resources }), rule: 'r'.repeat(5_000) });
    expect(await channel().deliver(message('trigger', headline))).toEqual({ type: 'delivered' });
  });
});

describe('the signed webhook', () => {
  let receiver: FakeWebhook;
  beforeAll(async () => {
    receiver = await startWebhook('a shared secret');
  });
  afterAll(() => receiver.close());

  test('is accepted with the right secret and refused with another', async () => {
    const channel = (secret: string) =>
      webhookChannel({ name: 'hook', url: receiver.url, secret, nowMs: () => Date.now() });
    expect(await channel('a shared secret').deliver(message('trigger'))).toEqual({ type: 'delivered' });
    expect(receiver.accepted).toMatchObject([
      { id: 'countersign-case-1:trigger:1', body: { type: 'page.trigger', case: { id: 'case-1', risk: 90 } } },
    ]);
    expect(await channel('another').deliver(message('trigger'))).toMatchObject({ type: 'failed' });
    expect(receiver.refused).toHaveLength(1);
  });

  test('an old signature is refused', async () => {
    const old = webhookChannel({
      name: 'hook',
      url: receiver.url,
      secret: 'a shared secret',
      nowMs: () => Date.now() - 3_600_000,
    });
    expect(await old.deliver(message('trigger'))).toMatchObject({ type: 'failed' });
  });
});
