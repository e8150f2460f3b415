/** What is asked of the activity in the address: read as it was written, with its time, its tree and the way from a finding. */
import type { FindingView } from '@countersign/contract';
import { expect, test } from 'vitest';
import { aroundFinding, readAsked, readTree, serverQuery, withFilter, withTree, writeAsked } from './activity-query.ts';
import { nearestSpan, rangeBetween, widened } from './time-range.ts';

const NOW = Date.parse('2026-01-05T10:00:00.000Z');
const MINUTE = 60_000;
const text = (search: URLSearchParams) => decodeURIComponent(search.toString());

test('a search is read as it was written, with its time as a span or as two moments', () => {
  for (const address of [
    '',
    'with=user:root&without=name:cron&q=curl',
    'with=detail:a:b=c&d&minutes=15'.replace('&d', '%26d'),
    'with=host:web-1&from=2026-01-05T09:00:00.000Z&to=2026-01-05T09:00:01.500Z',
  ])
    expect(text(writeAsked(readAsked(new URLSearchParams(address))))).toBe(text(new URLSearchParams(address)));
});

test('what cannot be read is left out: no field, no such span, an end before its beginning', () => {
  const asked = readAsked(new URLSearchParams('with=root&minutes=7&from=2026-01-05T10:00Z&to=2026-01-05T09:00Z'));
  expect(asked).toEqual({ filters: [], text: '', time: { minutes: 60 } });
});

test('a span ends now wherever it is opened, two moments stay', () => {
  expect(text(serverQuery(readAsked(new URLSearchParams('minutes=15')), NOW))).toBe(
    'from=2026-01-05T09:45:00.000Z&to=2026-01-05T10:00:00.000Z',
  );
  const moments = 'from=2026-01-01T00:00:00.000Z&to=2026-01-02T00:00:00.000Z';
  expect(text(serverQuery(readAsked(new URLSearchParams(moments)), NOW))).toBe(moments);
});

test('the last word about a value counts', () => {
  const root = { field: 'user', value: 'root', include: true } as const;
  const asked = withFilter(withFilter(readAsked(new URLSearchParams()), root), { ...root, include: false });
  expect(text(writeAsked(asked))).toBe('without=user:root');
});

test('what is drawn over has an order and holds a second at least; what is widened does not reach into the future', () => {
  expect(rangeBetween(NOW, NOW - MINUTE)).toEqual({ fromMs: NOW - MINUTE, toMs: NOW });
  expect(rangeBetween(NOW, NOW)).toEqual({ fromMs: NOW, toMs: NOW + 1_000 });
  expect(widened({ fromMs: NOW - 10 * MINUTE, toMs: NOW - 6 * MINUTE }, NOW)).toEqual({
    fromMs: NOW - 12 * MINUTE,
    toMs: NOW - 4 * MINUTE,
  });
  expect(widened({ fromMs: NOW - 4 * MINUTE, toMs: NOW }, NOW)).toEqual({ fromMs: NOW - 6 * MINUTE, toMs: NOW });
  expect([1, 15, 16, 100, 99_999].map((minutes) => nearestSpan({ fromMs: 0, toMs: minutes * MINUTE }))).toEqual([
    15, 15, 60, 1_440, 10_080,
  ]);
});

test('the processes of a moment stand in the address, whatever a host is called', () => {
  const tree = { host: 'pool/a b', pid: 4_242, at: '2026-01-05T10:00:00.000Z' };
  const search = withTree(new URLSearchParams('q=x'), tree);
  expect(readTree(new URLSearchParams(search.toString()))).toEqual(tree);
  expect(withTree(search, null).toString()).toBe('q=x');
  for (const wrong of ['', 'now/1/web-1', '2026-01-05T10:00:00.000Z/x/web-1', '2026-01-05T10:00:00.000Z/1/'])
    expect(readTree(new URLSearchParams({ tree: wrong })), wrong).toBeNull();
});

test('a finding leads to half a minute before it and a minute after, on its host, with its process', () => {
  const finding = { time: '2026-01-05T10:00:00.000Z', account: { id: 'web-1', name: 'web-1', label: 'prod' } };
  expect(decodeURIComponent(aroundFinding(finding as FindingView, 4_242))).toBe(
    '/activity?with=host:web-1&from=2026-01-05T09:59:30.000Z&to=2026-01-05T10:01:00.000Z' +
      '&tree=2026-01-05T10:00:00.000Z/4242/web-1',
  );
  expect(decodeURIComponent(aroundFinding({ ...finding, account: null } as FindingView, 4_242))).toBe(
    '/activity?from=2026-01-05T09:59:30.000Z&to=2026-01-05T10:01:00.000Z',
  );
});
