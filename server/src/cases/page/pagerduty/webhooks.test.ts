/** What a message of PagerDuty does to a case, by a table: who did it, when, and to which of several incidents. */
import { describe, expect, test } from 'vitest';
import { sampleGathered, samplePlanner } from '../../../../../test/sample-case.ts';
import { type PagerDutyWebhook, readPagerDutyWebhook } from '../../../vendors/pagerduty-webhook.ts';
import { type Case, decide, openCase } from '../../case.ts';
import { caseNamedBy, judge, type KnownOfMessage } from './webhooks.ts';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;
const PAT = { id: 'PPAT', name: 'Pat Example', type: 'user_reference' };
const INTEGRATION = { id: 'PINT', name: 'Events API V2', type: 'inbound_integration_reference' };
const SERVICE = { id: 'PSVC', name: 'Shop', type: 'service_reference' };
const planner = samplePlanner({ channels: ['pd'] });
/** The ladder that pages again begins with somebody else. */
const nobody = samplePlanner({ channels: [] });

const paged = openCase(sampleGathered({ decision: { type: 'page' } }), {
  id: 'case-1',
  burstKey: 'b',
  nowMs: NOW,
  receivedMs: NOW,
  person: null,
  whyNobody: null,
  planner,
}).case;
const acknowledged = decide(
  paged,
  { type: 'acknowledged', by: { id: 'a', name: 'A' } },
  { nowMs: NOW + 1, planner },
).case;

const anew = decide(
  acknowledged,
  { type: 'unacknowledged', by: { id: 'a', name: 'A' } },
  { nowMs: NOW + 2, planner: nobody },
).case;

const message = (event: string, parts: Partial<PagerDutyWebhook> = {}): PagerDutyWebhook => ({
  id: 'e1',
  eventType: `incident.${event}`,
  occurredMs: NOW + MINUTE,
  agent: PAT,
  incidentId: 'Q1',
  incidentCreatedMs: NOW,
  incidentKey: null,
  client: null,
  priority: null,
  text: null,
  people: [],
  ...parts,
});
const judged = (one: PagerDutyWebhook, known: Partial<KnownOfMessage> = {}) => {
  const found = judge(one, { newestMs: null, isReplaced: false, current: paged, ...known });
  return found.type === 'taken' ? found.input.type : found.type;
};

describe('of an incident of ours', () => {
  test.each<[string, PagerDutyWebhook, Partial<KnownOfMessage>, string]>([
    ['a person acknowledges', message('acknowledged'), {}, 'acknowledged'],
    [
      'our own acknowledgement comes back',
      message('acknowledged', { agent: INTEGRATION }),
      { current: acknowledged },
      'echo',
    ],
    ['it comes back to a page that calls again', message('acknowledged', { agent: INTEGRATION }), {}, 'held-elsewhere'],
    ['a timer of theirs acknowledges', message('acknowledged', { agent: SERVICE }), {}, 'noted'],
    ['nobody acknowledges', message('acknowledged', { agent: null }), {}, 'noted'],
    ['a person resolves', message('resolved'), {}, 'resolved'],
    ['our own end comes back', message('resolved', { agent: INTEGRATION }), {}, 'echo'],
    ['it resolves by itself after hours', message('resolved', { agent: SERVICE }), {}, 'noted'],
    ['an acknowledgement of theirs runs out', message('unacknowledged', { agent: null }), {}, 'unacknowledged'],
    ['somebody reopens it', message('reopened'), {}, 'reopened'],
    ['somebody writes', message('annotated', { text: 'looking' }), {}, 'noted'],
    ['an empty note', message('annotated'), {}, 'other'],
    ['a priority of ours', message('priority_updated', { priority: 'P2' }), {}, 'prioritised'],
    ['somebody is called in', message('responder.added', { people: ['Kim'], text: 'help' }), {}, 'noted'],
    ['it began', message('triggered', { agent: INTEGRATION }), {}, 'other'],
    [
      'it began when the case was in hand already',
      message('triggered', { agent: INTEGRATION }),
      { current: acknowledged },
      'called-elsewhere',
    ],
    [
      'it began long before the case was in hand',
      message('triggered', { agent: INTEGRATION, occurredMs: NOW - 5 * MINUTE }),
      { current: acknowledged },
      'other',
    ],
    ['what we do not know yet', message('something.new'), {}, 'other'],
    ['a case that does not exist', message('acknowledged'), { current: null }, 'other'],
    ['something newer is known', message('acknowledged'), { newestMs: NOW + 2 * MINUTE }, 'late'],
    ['the same moment', message('acknowledged'), { newestMs: NOW + MINUTE }, 'acknowledged'],
    ['a newer incident stands for the case', message('resolved'), { isReplaced: true }, 'late'],
    ['a note about the older incident', message('annotated', { text: 'looking' }), { isReplaced: true }, 'noted'],
    [
      'it was acknowledged before it was handed on',
      message('acknowledged', { occurredMs: NOW - 5 * MINUTE }),
      {},
      'acknowledged',
    ],
    [
      'it was acknowledged, and that ran out',
      message('acknowledged', { occurredMs: NOW - 5 * MINUTE }),
      { current: anew },
      'late',
    ],
    ['their clock is a little behind', message('acknowledged', { occurredMs: NOW - 5_000 }), {}, 'acknowledged'],
  ])('%s', (_what, one, known, expected) => {
    expect(judged(one, known)).toBe(expected);
  });

  test('an acknowledgement that is taken back there does not begin anew there', () => {
    const found = judge(message('unacknowledged'), { newestMs: null, isReplaced: false, current: acknowledged });
    if (found.type !== 'taken') throw new Error(found.type);
    const back: Case = decide(acknowledged, found.input, { nowMs: NOW + MINUTE, planner }).case;
    expect(back).toMatchObject({ state: 'paged', hushed: [] });
  });
});

test('a case is known by the key that we gave, or by the link, and by no other link', () => {
  expect(caseNamedBy(message('triggered', { incidentKey: 'countersign-case-1' }))).toBe('case-1');
  const link = (name: string, url: string) => caseNamedBy(message('triggered', { client: { name, url } }));
  expect(link('Countersign', 'https://countersign.example.com/cases/case-1')).toBe('case-1');
  expect(link('Another', 'https://countersign.example.com/cases/case-1')).toBeNull();
  expect(link('Countersign', 'https://countersign.example.com/')).toBeNull();
});

test('notes, updates and responders are read where PagerDuty puts them: one level above their incident', () => {
  const read = (eventType: string, data: unknown) =>
    readPagerDutyWebhook(
      JSON.stringify({
        event: { id: 'e', event_type: eventType, occurred_at: '2026-03-02T10:00:00Z', agent: null, data },
      }),
    );
  const incident = { id: 'Q1', type: 'incident_reference', summary: 'Shop' };
  expect(read('incident.annotated', { incident, id: 'P1', content: 'looking', type: 'incident_note' })).toMatchObject({
    incidentId: 'Q1',
    incidentKey: null,
    text: 'looking',
  });
  expect(
    read('incident.responder.added', {
      incident,
      user: { summary: 'Kim' },
      message: 'help',
      type: 'incident_responder',
    }),
  ).toMatchObject({ incidentId: 'Q1', people: ['Kim'], text: 'help' });
  expect(
    read('incident.acknowledged', { id: 'Q1', type: 'incident', created_at: '2026-03-02T09:59:00Z' }),
  ).toMatchObject({
    incidentId: 'Q1',
    incidentCreatedMs: Date.UTC(2026, 2, 2, 9, 59),
  });
});
