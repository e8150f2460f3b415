/** Where a person may have themselves called: outside, and nowhere that only the server can reach. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../../../../test/running-app.ts';

let running: RunningApp;
let ann: EnrolledPerson;
beforeAll(async () => {
  running = await startRunningApp('people: [{ email: ann@example.com, name: Ann Example }]', {});
  ann = await running.enrol('ann@example.com');
}, 60_000);
afterAll(() => running?.close());

test.each([
  ['https://hooks.example.com/ann', 200],
  ['http://hooks.example.com/ann', 400],
  ['https://127.0.0.1/x', 400],
  ['https://169.254.169.254/latest', 400],
  ['https://[::1]/x', 400],
  ['https://localhost/x', 400],
  ['https://metadata.google.internal/x', 400],
  ['https://2130706433/x', 400],
  ['file:///etc/passwd', 400],
])('%s is answered %d', async (webhookUrl, status) => {
  const answer = await running.call(ann, 'PUT', '/api/me/notifications', { phone: null, webhookUrl, rules: null });
  expect(answer.status).toBe(status);
});

test('a phone number is written with its country', async () => {
  const set = (phone: string) =>
    running.call(ann, 'PUT', '/api/me/notifications', { phone, webhookUrl: null, rules: null });
  expect((await set('0151 123')).status).toBe(400);
  expect((await set('+4915112345678')).status).toBe(200);
});
