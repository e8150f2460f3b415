/** On call over HTTP: where a person may have themselves called, warnings before nobody is on call, calendars. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../../../../test/running-app.ts';
import { readConfiguration } from '../../configuration.ts';
import { systemClock } from '../../ground/clock.ts';
import { silentLog } from '../../ground/log.ts';
import { systemRandom } from '../../ground/random.ts';
import { raiseAlert } from '../../sources/alerts/raise.ts';
import { readDirectory } from '../directory.ts';
import { lookAtOnCall } from './watch.ts';

const YAML = `
people: [{ email: ann@example.com, name: Ann Example }]
schedules:
  office:
    time_zone: Europe/Berlin
    layers: [{ people: [ann@example.com], start: '2026-01-05 09:00', restrict: [{ days: [${anotherDay()}], from: '00:00', to: '00:00' }] }]
escalations: { default: { steps: [{ to: schedule:office }] } }
email: { host: 127.0.0.1, port: 9, from: countersign@example.com }
policy: [{ when: {}, then: record }]
`;

let running: RunningApp;
let ann: EnrolledPerson;

/** The only day on which somebody is on call: never today. */
function anotherDay(): string {
  return new Intl.DateTimeFormat('en', { weekday: 'short', timeZone: 'Europe/Berlin' })
    .format(Date.now() + 2 * 86_400_000)
    .toLowerCase();
}

beforeAll(async () => {
  running = await startRunningApp(YAML, {});
  ann = await running.enrol('ann@example.com');
}, 120_000);
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

describe('a ladder that will reach nobody', () => {
  const warnings = async () => {
    const { body } = await running.call(ann, 'GET', '/api/on-call');
    return (body['warnings'] as { code: string; schedule: string }[]).map(
      ({ code, schedule }) => `${code} ${schedule}`,
    );
  };
  const alert = (state: string) =>
    running.until(state, (found) => found.rule === 'Nobody will be on call' && found.state === state);

  test('is told on the page, and is a page of its own, once, until somebody stands in', async () => {
    expect(await warnings()).toEqual(expect.arrayContaining(['uncovered default', 'gap office']));
    await look();
    const paged = await alert('paged');
    expect(paged.risk).toBe(50);
    const span = {
      from: new Date(Date.now() - 60_000).toISOString(),
      to: new Date(Date.now() + 9 * 86_400_000).toISOString(),
    };
    const stood = await running.call(ann, 'POST', '/api/on-call/overrides', { schedule: 'office', ...span });
    expect(stood.status).toBe(200);
    await look();
    await alert('resolved');
    await look();
    expect((await running.cases()).filter(({ rule }) => rule === 'Nobody will be on call')).toHaveLength(1);
  });

  test('its calendar says who is on call, as the stand-in made it', async () => {
    const { body } = await running.call(ann, 'GET', '/api/on-call/schedules/office/calendar.ics');
    const lines = String(body['text']).split('\r\n');
    expect(lines[0]).toBe('BEGIN:VCALENDAR');
    expect(lines.filter((line) => line === 'BEGIN:VEVENT').length).toBeGreaterThan(0);
    expect(lines).toContain('SUMMARY:Ann Example: on call (office)');
    expect(
      lines.filter((line) => line.startsWith('DTSTART')).every((line) => /^DTSTART:\d{8}T\d{6}Z$/.test(line)),
    ).toBe(true);
  });
});

/** What the server does every minute. */
function look(): Promise<void> {
  const { state } = running.app;
  const { configuration } = readConfiguration(YAML, 'countersign.yaml');
  if (configuration === null) throw new Error('the sample is a configuration');
  return lookAtOnCall({
    state,
    clock: systemClock,
    log: silentLog,
    people: { directory: (reader) => readDirectory(reader, configuration.ownership) },
    onCall: configuration.onCall,
    channels: ['console'],
    personal: ['email'],
    raise: (trx, alert) => raiseAlert(trx, alert, { nowMs: Date.now(), random: systemRandom }),
  });
}
