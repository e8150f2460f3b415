/**
 * The catalogue against everything that was recorded: whatever real attackers and administrators did, and whatever nobody would send, an
 * entry either names resources or says why not, and never throws.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CatalogueEntry, ResourceRef, TrailEvent } from '../../../server/src/cases/revert/catalogue.ts';
import { plainName } from '../../../server/src/cases/revert/catalogue.ts';
import { CATALOGUE, entryOf, ROWS } from '../../../server/src/cases/revert/rows.ts';
import type { Fields, ResourceState } from '../../../server/src/cases/revert/state.ts';
import { toTrailEvent } from '../../../server/src/cases/revert/trail.ts';
import { DATA_DIRECTORY, describeWithData } from '../../data.ts';

type Answer = Readonly<Record<string, unknown>>;

const TABLE = new Set(ROWS.flatMap(({ events }) => events));

/** Every record in the files under a directory, also those in envelopes, by whatever name they are called there. */
function recordsUnder(directory: string): readonly Answer[] {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => join(directory, name));
  return files.flatMap((file) => {
    if (!statSync(file).isFile() || file.endsWith('labels.json')) return [];
    const text = (file.endsWith('.gz') ? gunzipSync(readFileSync(file)) : readFileSync(file)).toString('utf8');
    return documentsOf(text).flatMap(recordsIn);
  });
}

function documentsOf(text: string): readonly unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    return text.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as unknown] : []));
  }
}

function recordsIn(value: unknown): readonly Answer[] {
  if (Array.isArray(value)) return value.flatMap(recordsIn);
  if (typeof value !== 'object' || value === null) return [];
  const own = 'eventName' in value && 'eventSource' in value ? [value as Answer] : [];
  return [...own, ...Object.values(value).flatMap(recordsIn)];
}

/** What can be said of a change, whatever it is. */
function sayOf(entry: CatalogueEntry, event: TrailEvent): readonly string[] {
  const why = entry.cannot?.(event) ?? null;
  return why === null ? entry.resources(event).map(({ type, id }) => `${type} ${id}`) : [why];
}

describeWithData('what was recorded', () => {
  const records = recordsUnder(join(DATA_DIRECTORY, 'cloudtrail'));
  const inTable = records.filter(({ eventSource, eventName }) =>
    TABLE.has(`${String(eventSource).replace(/\.amazonaws\.com$/, '')}:${plainName(String(eventName))}`),
  );

  test('there is enough of it to mean something', () => {
    expect(records.length).toBeGreaterThan(10_000);
    expect(inTable.length).toBeGreaterThan(200);
    expect(new Set(inTable.map(({ eventName }) => eventName)).size).toBeGreaterThan(60);
  });

  test('every change of the table names its resources, or its entry says why not', () => {
    const silent = inTable.flatMap((record) => {
      const event = toTrailEvent(record);
      // Refused, or only reading: there is nothing to put back.
      if (event === null) return [];
      const entry = entryOf(event.service, event.name);
      if (entry === null || sayOf(entry, event).length > 0) return [];
      // Some were written by hand, and do not say what was touched.
      const looked = lookedAt(`${event.service}:${plainName(event.name)}`);
      const isBlank = !Object.keys({ ...event.request, ...event.response }).some((member) => looked.includes(member));
      return isBlank ? [] : [`${event.service}:${event.name} ${event.eventId}`];
    });
    expect(silent).toEqual([]);
  });

  test('without a member, and with one of another kind, no entry throws', () => {
    const odd = [undefined, null, 7, '', 'text', [], [null], {}, { items: [7, null] }];
    for (const record of oneOfEachShape(inTable)) {
      const parameters = (record['requestParameters'] ?? {}) as Answer;
      const answered = (record['responseElements'] ?? {}) as Answer;
      for (const value of odd)
        for (const [requestParameters, responseElements] of [
          ...Object.keys(parameters).map((name) => [{ ...parameters, [name]: value }, answered]),
          ...Object.keys(answered).map((name) => [parameters, { ...answered, [name]: value }]),
          [value, value],
        ]) {
          const event = toTrailEvent({
            ...record,
            errorCode: null,
            readOnly: false,
            requestParameters,
            responseElements,
          });
          if (event !== null) exercise(event);
        }
    }
  });
});

/** Records that differ in more than their values. */
function oneOfEachShape(records: readonly Answer[]): readonly Answer[] {
  const shapeOf = ({ eventName, requestParameters, responseElements }: Answer) =>
    JSON.stringify([eventName, ...[requestParameters, responseElements].map((one) => Object.keys(one ?? {}))]);
  return [...new Map(records.map((record) => [shapeOf(record), record])).values()];
}

/** The members of requests and answers that an entry looks at, found by handing it some that write down what is asked of them. */
function lookedAt(claimed: string): readonly string[] {
  const asked = new Set<string>();
  const spy = (give: () => unknown): Answer =>
    new Proxy<Record<string, unknown>>(
      {},
      {
        get: (target, name) => {
          if (typeof name === 'symbol' || name in Object.prototype) return Reflect.get(target, name) as unknown;
          asked.add(name);
          return give();
        },
        has: (_target, name) => {
          asked.add(String(name));
          return true;
        },
      },
    );
  const nested = (depth: number): unknown => (depth === 0 ? 'text' : spy(() => nested(depth - 1)));
  const [service = '', name = ''] = claimed.split(':');
  for (const give of [() => undefined, () => 'text', () => nested(3), () => [nested(3)]])
    exercise({ eventId: 'e', service, name, ...PLACE, timeMs: 0, request: spy(give), response: spy(give) });
  return [...asked];
}

const VALUES = [
  null,
  true,
  false,
  0,
  443,
  '',
  '*',
  'text',
  'Enabled',
  'arn:aws:iam::111122223333:role/a',
  '{"a":1}',
  '%7B',
];
const PLACE = { account: '111122223333', region: 'eu-west-1' };

/** Everything that an entry does with an event, with any state it may meet. @throws whatever the entry throws. */
function exercise(event: TrailEvent, states: readonly ResourceState[] = [null, {}]): void {
  const entry = entryOf(event.service, event.name);
  if (entry === null) return;
  const named = entry.resources(event);
  for (const resource of named) {
    expect(typeof resource.id).toBe('string');
    expect(resource.id).not.toBe('');
  }
  const some: ResourceRef = { type: 'AWS::Some::Thing', ...PLACE, id: 'some/thing' };
  entry.cannot?.(event);
  for (const resource of [...named.slice(0, 2), some])
    for (const baseline of states)
      for (const current of states) {
        const before = entry.before?.(event, current, resource) ?? baseline;
        const after = entry.after(event, baseline, resource, current);
        for (const [from, to] of [
          [current, before],
          [after ?? null, before],
          [before, after ?? null],
        ] as const)
          entry.lead(from, to, { resource, token: 'a-token' });
      }
}

test('whatever a request, an answer and a state hold, no entry throws', () => {
  let named = 0;
  for (const entry of CATALOGUE)
    for (const claimed of entry.events) {
      const looked = lookedAt(claimed);
      const word = fc.constantFrom('items', 'id', ...looked);
      const { json } = fc.letrec<{ json: unknown }>((tie) => ({
        json: fc.oneof(
          { maxDepth: 3, withCrossShrink: true },
          fc.oneof(fc.constantFrom<unknown>(...VALUES), word),
          fc.array(tie('json'), { maxLength: 3 }),
          fc.dictionary(word, tie('json'), { maxKeys: 5, noNullPrototype: true }),
        ),
      }));
      const members = fc.dictionary(word, json, { maxKeys: 8, noNullPrototype: true }).map((made) => made as Answer);
      const state = fc.option(members.map((made) => JSON.parse(JSON.stringify(made)) as Fields));
      const [service = '', name = ''] = claimed.split(':');
      const property = fc.property(members, members, state, state, (request, response, one, other) => {
        const event = { eventId: 'e', service, name, ...PLACE, timeMs: 0, request, response };
        exercise(event, [one, other]);
        named += entry.resources(event).length;
      });
      fc.assert(property, { numRuns: 15 });
    }
  // It was no idle talk: the entries did find what they look for.
  expect(named).toBeGreaterThan(500);
});
