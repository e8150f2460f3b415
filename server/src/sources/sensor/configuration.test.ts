/** What may be written under `sensor:`, and what is said of what may not. */
import { expect, test } from 'vitest';
import { buildSensors } from './configuration.ts';

function built(...sensors: readonly object[]) {
  return buildSensors(sensors.map((sensor) => ({ sensor })));
}

test('without settings this machine is watched, and captures hold half a minute before and a minute after', () => {
  const { sensors, problems } = built({});
  expect(problems).toEqual([]);
  expect(sensors).toMatchObject([
    {
      host: null,
      program: null,
      socket: null,
      allReads: false,
      runtimes: null,
      recordFromRisk: 40,
      recording: { beforeMs: 30_000, afterMs: 60_000, keepMs: 90 * 86_400_000, totalBytes: 2_000_000_000 },
      lookBack: { keepMs: 60_000, budgetBytes: 64_000_000 },
    },
  ]);
});

test('settings are taken', () => {
  const captures = { from_risk: 70, before: '2m', after: '10s', keep: '7d', total_mb: 100, look_back_mb: 16 };
  const { sensors, problems } = built({ host: 'web-1', login_domain: 'Example.com', reads: 'all', captures });
  expect(problems).toEqual([]);
  expect(sensors).toMatchObject([
    {
      host: 'web-1',
      loginDomain: 'example.com',
      allReads: true,
      recordFromRisk: 70,
      recording: { beforeMs: 120_000, afterMs: 10_000, keepMs: 7 * 86_400_000, totalBytes: 100_000_000 },
      lookBack: { keepMs: 150_000, budgetBytes: 16_000_000 },
    },
  ]);
});

test('other sources are not sensors', () => {
  expect(buildSensors([{ aws: {} }, { sensor: { host: 'web-1' } }]).sensors).toHaveLength(1);
});

test.each([
  ['a time that is none', { captures: { before: 'soon' } }, ['captures', 'before'], "'soon' is no time that fits"],
  ['a time that is too long', { captures: { after: '2h' } }, ['captures', 'after'], "'2h' is no time that fits"],
  [
    'a program and a socket',
    { program: '/p', socket: '/s' },
    ['socket'],
    'a sensor is started or waited for, not both',
  ],
])('%s is said, with its place', (_, sensor, path, message) => {
  expect(built(sensor).problems).toMatchObject([
    { severity: 'error', path: ['sources', 0, 'sensor', ...path], message },
  ]);
});

test('a host has one sensor', () => {
  const { problems } = built({ host: 'web-1' }, { host: 'web-2' }, { host: 'web-1' });
  expect(problems).toMatchObject([{ path: ['sources', 2, 'sensor'], message: "the host 'web-1' is watched twice" }]);
});
