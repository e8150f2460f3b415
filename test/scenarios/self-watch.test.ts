/** The engine watches itself: it beats outside only while all is well, revives what nobody would move, and can be exercised. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditOnce, watchSelf } from '../../server/src/self-watch.ts';
import { ManualClock } from '../../server/src/ground/clock.ts';
import { recordingLog } from '../../server/src/ground/log.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const PROGRAM = fileURLToPath(new URL('../../server/bin/countersign.js', import.meta.url));

describe('watching itself', () => {
  let running: RunningApp;
  let ann: EnrolledPerson;
  beforeAll(async () => {
    running = await startRunningApp(
      `
people: [{ email: ann@example.com, name: Ann Example, role: admin }]
policy: [{ when: { action: StopLogging }, then: page }, { when: {}, then: record }]
`,
      {},
    );
    ann = await running.enrol('ann@example.com');
  });
  afterAll(() => running?.close());

  test('a beat goes out while all is well, and none while work is left lying', async () => {
    let beats = 0;
    const outside = createServer((_request, response) => {
      beats += 1;
      response.end();
    });
    await new Promise<void>((resolve) => outside.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(outside.address() as AddressInfo).port}/secret`;
    const log = recordingLog();
    const look = async (nowMs: number) => {
      const stop = new AbortController();
      const clock = new ManualClock(nowMs);
      const watching = watchSelf({ state: running.app.state, clock, log, url, everyMs: 1_000 }, stop.signal);
      for (let tries = 0; tries < 60 && beats === 0 && log.entries.length === 0; tries += 1)
        await new Promise((resolve) => setTimeout(resolve, 50));
      stop.abort();
      await watching;
    };
    await look(Date.now());
    expect(beats).toBe(1);
    await sql`insert into outbox (key, kind, payload, due_ms, created_ms) values ('stuck', 'nobody-takes-it', '{}', 0, 0)`.execute(
      running.app.state.db,
    );
    beats = 0;
    await look(Date.now());
    expect(beats).toBe(0);
    expect(log.entries.map(({ message }) => message)).toContain('the engine is not well; the dead-man is not told');
    expect(JSON.stringify(log.entries)).not.toContain('/secret');
    await sql`delete from outbox where key = 'stuck'`.execute(running.app.state.db);
    outside.close();
  });

  test('no beat goes out while a case pages and nobody is reached', async () => {
    await running.happens({ call: 'StopLogging', user: 'nobody-hears', request: { name: 'trail' } });
    const found = await running.until('paged', ({ state }) => state === 'paged');
    const key = (channel: string) => `case:${found.id}:page:trigger:1:${channel}:ann:9`;
    const put = (channel: string, failure: string | null, outcome: string | null) =>
      sql`insert into outbox (key, kind, case_id, payload, due_ms, created_ms, failure, finished_ms, outcome) values (${key(channel)},
        'page', ${found.id}, '{"effect":{"type":"page"}}', ${Date.now() + 3_600_000}, ${Date.now()}, ${failure},
        ${outcome === null ? null : Date.now()}, ${outcome})`.execute(running.app.state.db);
    const unheard = async (minutes: number) =>
      (await auditOnce(running.app.state, Date.now() + minutes * 60_000)).unheard;
    await put('sms', 'Twilio cannot be reached', null);
    expect(await unheard(5)).toBe(0);
    expect(await unheard(11)).toBe(1);
    // Given way to a later one is not delivered; the phone that rang is.
    await put('email', null, 'cancelled');
    expect(await unheard(11)).toBe(1);
    await put('voice', null, 'done');
    expect(await unheard(11)).toBe(0);
    await sql`delete from outbox where case_id = ${found.id}`.execute(running.app.state.db);
    await running.call(ann, 'POST', `/api/cases/${found.id}/resolve`, {});
  });

  test('a page that lost its next step is put back to work', async () => {
    await running.happens({ call: 'StopLogging', user: 'stranger', request: { name: 'trail' } });
    const found = await running.until('paged', ({ state }) => state === 'paged');
    await sql`delete from outbox where case_id = ${found.id} and kind = 'page-repeat'`.execute(running.app.state.db);
    const later = Date.now() + 10 * 60_000;
    expect(await auditOnce(running.app.state, later)).toMatchObject({ revived: 1 });
    expect(await auditOnce(running.app.state, later)).toMatchObject({ revived: 0 });
    await running.call(ann, 'POST', `/api/cases/${found.id}/resolve`, {});
  });

  test('an exercise is labelled, pages for real, and tells its times', { timeout: 60_000 }, async () => {
    const wanted = { name: 'exercises', purpose: 'api', role: 'responder', days: 1, code: await ann.code() };
    const { body } = await running.call(ann, 'POST', '/api/tokens', wanted);
    const args = ['drill', '--url', running.app.url, '--wait', '30s', '--output', 'json'];
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      env: { ...process.env, COUNTERSIGN_TOKEN: String(body['token']) },
    });
    let out = '';
    let told = '';
    child.stdout.on('data', (text: Buffer) => (out += text.toString()));
    child.stderr.on('data', (text: Buffer) => (told += text.toString()));
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const drill = await running
      .until('paged', ({ drill: isDrill, state }) => isDrill && state === 'paged')
      .catch((error: unknown) => {
        throw new Error(`${String(error)} ${told}`);
      });
    await running.call(ann, 'POST', `/api/cases/${drill.id}/acknowledge`, {});
    await running.call(ann, 'POST', `/api/cases/${drill.id}/resolve`, {});
    expect(await ended).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      case: drill.id,
      state: 'resolved',
      seconds_to_acknowledge: expect.any(Number),
    });
    const numbers = await running.call(ann, 'GET', '/api/numbers');
    expect(numbers.body['groups']).toMatchObject([{ numbers: { cases: 2 } }]);
  });

  test('a tag from outside makes nothing an exercise', async () => {
    expect((await running.cases()).filter(({ drill }) => drill)).toHaveLength(1);
  });
});
