/**
 * PagerDuty beside our own pages, both ways, as a timetable: its incidents follow our cases and our cases follow what its people do, with
 * a service that has alerts besides incidents, as new ones do. Nothing goes round in circles.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { journalOfCase } from '../../server/src/ground/journal.ts';
import { type FakePagerDuty, type PagerDutyAgent, startPagerDuty } from '../fakes/pagerduty.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const ROUTING_KEY = 'r'.repeat(32);

describe('a night with PagerDuty', () => {
  let running: RunningApp;
  let pagerDuty: FakePagerDuty;
  let ann: EnrolledPerson;
  let pat: PagerDutyAgent;
  let id = '';
  let key = '';

  beforeAll(async () => {
    pagerDuty = await startPagerDuty(ROUTING_KEY);
    running = await startRunningApp(
      `
people: [{ email: ann@example.com, name: Ann Example, role: responder }]
pages: [{ name: pd, pagerduty: { routing_key: { env: PD_KEY }, url: '${pagerDuty.url}' } }]
pagerduty: { webhook_secrets: [{ env: PD_OLD }, { env: PD_NEW }] }
policy: [{ when: {}, then: page }]
`,
      { PD_KEY: ROUTING_KEY, PD_OLD: 'an old secret', PD_NEW: 'a new secret' },
    );
    // A secret that we do not know yet is tried beside the one that we do: PagerDuty signs with both while it rotates.
    pagerDuty.sendTo(`${running.app.url}/api/pagerduty`, 'the next secret', 'a new secret');
    ann = await running.enrol('ann@example.com');
    pat = pagerDuty.person('Pat');
  }, 120_000);
  afterAll(async () => {
    expect(pagerDuty.refused).toEqual([]);
    expect(running.log.entries.filter(({ level }) => level === 'error')).toEqual([]);
    await running.close();
    await pagerDuty.close();
  });

  const there = () => pagerDuty.incidents.get(key);
  const becomes = (state: string) => running.until(state, (found) => found.id === id && found.state === state);
  const does = (verb: string, body: object = {}) => running.call(ann, 'POST', `/api/cases/${id}/${verb}`, body);
  const entries = async () => (await journalOfCase(running.app.state, id, 1_000)).map(({ kind }) => kind);
  const count = async (kind: string) => (await entries()).filter((one) => one === kind).length;
  const thereIs = async (what: string, fits: () => boolean) => {
    for (let tries = 0; tries < 160 && !fits(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
    if (!fits()) throw new Error(`not: ${what}; it is ${JSON.stringify(there())}`);
    await pagerDuty.delivered();
  };

  test('22:00 a page becomes an incident, and somebody there is called', async () => {
    await running.happens({ call: 'StopLogging', user: 'stranger', request: { name: 'trail' } });
    const found = await running.until('paged', ({ state }) => state === 'paged');
    id = found.id;
    key = `countersign-${id}`;
    await thereIs('triggered', () => there()?.status === 'triggered');
    expect(there()?.calls).toBe(1);
  });

  test('22:01 Pat acknowledges there: it is acknowledged here, once, and our telling so changes nothing more', async () => {
    pat.acknowledge(key);
    expect(await becomes('acknowledged')).toMatchObject({ acknowledgedBy: { id: 'pagerduty:PPAT', name: 'Pat' } });
    await thereIs('told', () => there()?.status === 'acknowledged');
    expect(await count('page-acknowledged')).toBe(1);
  });

  test('22:02 what Pat writes, whom Pat calls in and how Pat ranks it stands here', async () => {
    pat.note(key, 'the trail was stopped by hand');
    pat.addResponder(key, 'Kim', 'please look at the account');
    pat.reassign(key, 'Lee');
    pat.prioritise(key, 'P2');
    await pagerDuty.delivered();
    const notes = (await journalOfCase(running.app.state, id, 1_000)).flatMap(({ kind, parameters }) =>
      kind === 'note-added' ? [String(parameters['text'])] : [],
    );
    expect(notes).toEqual([
      'the trail was stopped by hand',
      'PagerDuty: responder added: Kim: please look at the account',
      'PagerDuty: reassigned: Lee',
    ]);
    expect((await becomes('acknowledged')).priority).toBe('P2');
  });

  test('22:05 Ann takes it back here: an event cannot take back an acknowledgement, so another incident calls', async () => {
    const before = there()?.id;
    await does('unacknowledge');
    await becomes('paged');
    await thereIs('another incident', () => there()?.id !== before && there()?.status === 'triggered');
    expect(there()?.calls).toBe(2);
    // The end of the first comes back as the doing of an integration, and ends nothing.
    expect((await becomes('paged')).state).toBe('paged');
    expect(await count('case-resolved')).toBe(0);
  });

  test('22:06 their timers put nothing to sleep', async () => {
    pagerDuty.timer.acknowledge(key);
    await pagerDuty.delivered();
    expect((await running.cases()).find((found) => found.id === id)?.state).toBe('paged');
  });

  test('22:07 Pat acknowledges and takes it back: it pages here, and nobody there is called twice', async () => {
    pat.acknowledge(key);
    await becomes('acknowledged');
    const before = there();
    pat.unacknowledge(key);
    await becomes('paged');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await pagerDuty.delivered();
    expect(there()).toMatchObject({ id: before?.id, calls: 3 });
  });

  test('22:10 Ann resolves here: it is resolved there; Pat reopens it there: it pages here', async () => {
    await does('resolve', { note: 'the trail runs again' });
    await thereIs('resolved', () => there()?.status === 'resolved');
    expect(await count('case-resolved')).toBe(1);
    pat.reopen(key);
    await becomes('paged');
  });

  test('22:15 Pat resolves it, for good', async () => {
    pat.resolve(key);
    expect(await becomes('resolved')).toMatchObject({ resolvedBy: { name: 'Pat' } });
    await pagerDuty.delivered();
    expect(await count('case-resolved')).toBe(2);
  });

  test('morning: nothing that is played again, forged or altered does anything', async () => {
    const before = await entries();
    expect(JSON.parse(await pagerDuty.replay(-1))).toEqual({ taken: 'known' });
    expect(JSON.parse(await pagerDuty.replay(1))).toEqual({ taken: 'known' });
    const send = (headers: Record<string, string>, body: string) =>
      fetch(`${running.app.url}/api/pagerduty`, { method: 'POST', headers, body }).then(({ status }) => status);
    expect(await send({}, '{}')).toBe(401);
    expect(await send({ 'x-pagerduty-signature': `v1=${'0'.repeat(64)}` }, '{}')).toBe(401);
    expect(await entries()).toEqual(before);
  });
});
