/** What Prometheus scrapes: read by Prometheus's own rules, with a token, and true. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const YAML = `
accounts: { "111122223333": { name: shop-prod, label: prod } }
people: [{ email: ann@example.com, name: Ann Example, role: responder }]
policy: [{ when: {}, then: page }]
`;

let running: RunningApp;
let ann: EnrolledPerson;
beforeAll(async () => {
  running = await startRunningApp(YAML, {});
  ann = await running.enrol('ann@example.com');
});
afterAll(() => running?.close());

/** The samples by name and labels. Throws on a line that is not of the text format. */
function parse(text: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || /^# (?:HELP|TYPE) [a-z_]\w* /.test(line)) continue;
    const [, name = '', value = ''] = /^([a-zA-Z_:][\w:]*(?:\{[^}]*\})?) (\S+)$/.exec(line) ?? [];
    if (name === '') throw new Error(`no sample: ${line}`);
    found.set(name, Number(value));
  }
  return found;
}

async function scrape(headers: Record<string, string>): Promise<Response> {
  return fetch(`${running.app.url}/metrics`, { headers });
}

test('nobody reads them without a sign-in or a token', async () => {
  expect((await scrape({})).status).toBe(401);
  expect((await scrape({ authorization: 'Bearer nonsense' })).status).toBe(401);
});

test('a program with a token of a person reads what is true', async () => {
  await running.happens({ call: 'DeleteTrail', user: 'stranger', request: { name: 'trail' } });
  await running.until('paged', ({ state }) => state === 'paged');
  const made = await running.call(ann, 'POST', '/api/tokens', {
    name: 'prometheus',
    purpose: 'api',
    role: 'member',
    days: 30,
    code: await ann.code(),
  });
  const { token } = made.body as { token: string };
  const answer = await scrape({ authorization: `Bearer ${token}` });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const samples = parse(await answer.text());
  expect(samples.get('countersign_cases{state="paged"}')).toBe(1);
  expect(samples.get('countersign_intake_events_total{source="aws_cloudtrail"}')).toBe(1);
  const heard = [...samples].find(([name]) => name.startsWith('countersign_account_last_heard_timestamp_seconds'));
  expect(heard?.[0]).toContain('account="111122223333"');
  expect(Math.abs((heard?.[1] ?? 0) - Date.now() / 1_000)).toBeLessThan(120);
  expect(samples.get('countersign_effects_oldest_due_seconds')).toBeLessThan(60);
  expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(1e7);
});

test('what is gone is not told any more, and totals do not add up with every scrape', async () => {
  const read = async () => parse(await (await scrape({ cookie: ann.cookie })).text());
  await read();
  const [{ id } = { id: '' }] = await running.cases();
  await running.call(ann, 'POST', `/api/cases/${id}/resolve`, { note: 'seen' });
  await running.until('resolved', ({ state }) => state === 'resolved');
  const samples = await read();
  expect(samples.get('countersign_cases{state="resolved"}')).toBe(1);
  expect(samples.has('countersign_cases{state="paged"}')).toBe(false);
  expect(samples.get('countersign_intake_events_total{source="aws_cloudtrail"}')).toBe(1);
});
