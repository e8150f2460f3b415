/** The catalogue as a whole: every row is there, no event is claimed twice, and every call it could make exists in the SDK. */
import { expect, test } from 'vitest';
import { createCaller } from '../../vendors/aws/calls.ts';
import { CATALOGUE, entryOf, KINDS, listRows, ROWS } from './rows.ts';

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

test('a type that is enrolled is read as its entries read it, under a name of its own', () => {
  const reads = new Set(CATALOGUE.map((entry) => entry.read));
  expect(KINDS.filter((kind) => !reads.has(kind.read)).map(({ type }) => type)).toEqual([]);
  expect(new Set(KINDS.map(({ type }) => type)).size).toBe(KINDS.length);
});

test('nothing waits to be built, and what is proven nowhere only pages', () => {
  const rows = listRows();
  expect(rows.flatMap(({ row, not_yet: open }) => open.map((event) => `${row} ${event}`))).toEqual([]);
  expect(rows.filter(({ proven }) => proven === 'none').map(({ row }) => row)).toEqual([27]);
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
