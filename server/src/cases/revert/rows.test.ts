/** The catalogue as a whole: every row is there, no event is claimed twice, and every call it could make exists in the SDK. */
import { describe, expect, test } from 'vitest';
import { createCaller } from '../../vendors/aws/calls.ts';
import type { CatalogueEntry, TrailEvent } from './catalogue.ts';
import { CATALOGUE, entryOf, listRows, ROWS } from './rows.ts';

const EVENT: TrailEvent = {
  eventId: 'e',
  service: 's3',
  name: 'PutAccountPublicAccessBlock',
  account: '111122223333',
  region: 'eu-west-1',
  timeMs: 0,
  request: { imageId: 'ami-1', launchPermission: { add: { items: [{ group: 'all' }] } } },
  response: {},
};

test('the forty rows of the specification are there, each once', () => {
  expect(ROWS.map(({ row }) => row)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
  expect(
    listRows().every(
      ({ events, proven, page_only: paging, not_yet: open }) =>
        events.length > 0 && (proven !== 'none' || paging.length > 0 || open.length > 0),
    ),
  ).toBe(true);
});

test('an event belongs to one entry, and to the row that the specification gives it', () => {
  const events = CATALOGUE.flatMap((entry) => entry.events);
  expect(new Set(events).size).toBe(events.length);
  for (const entry of CATALOGUE)
    for (const event of entry.events)
      expect([event, ROWS.find(({ row }) => row === entry.row)?.events]).toEqual([
        event,
        expect.arrayContaining([event]),
      ]);
});

test("Lambda's versioned names mean the same", () => {
  expect(entryOf('iam', 'CreateAccessKey20150331v2')).toBe(entryOf('iam', 'CreateAccessKey'));
});

describe('what no emulator has', () => {
  const leads = (entry: CatalogueEntry | null, parts: Partial<TrailEvent> = {}) => {
    if (entry === null) throw new Error('there is no such entry');
    const event = { ...EVENT, ...parts };
    const [resource] = entry.resources(event);
    if (resource === undefined) throw new Error('the event names nothing');
    return { event, resource, entry };
  };

  test('an image shared with everybody', () => {
    const { entry, event, resource } = leads(entryOf('ec2', 'ModifyImageAttribute'), {
      service: 'ec2',
      name: 'ModifyImageAttribute',
    });
    const current = { '444455556666': true, all: true };
    const before = entry.before?.(event, current, resource) ?? null;
    expect(before).toEqual({ '444455556666': true });
    expect(entry.lead(current, before, { resource, token: 't' })).toEqual([
      {
        service: 'ec2',
        operation: 'ModifyImageAttribute',
        input: { ImageId: 'ami-1', Attribute: 'launchPermission', OperationType: 'remove', UserGroups: ['all'] },
      },
    ]);
  });
});

test('a call that the SDK does not have is refused before anything leaves', async () => {
  const caller = createCaller({
    region: 'eu-west-1',
    roleArn: null,
    externalId: null,
    sessionName: 't',
    endpoint: 'http://127.0.0.1:9',
  });
  await expect(caller.call({ service: 'iam', operation: 'GiveEverything', input: {} })).rejects.toMatchObject({
    code: 'NoSuchOperation',
  });
  await expect(caller.call({ service: 'moon', operation: 'Land', input: {} })).rejects.toMatchObject({
    code: 'NoSuchService',
  });
});
