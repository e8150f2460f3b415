/** What is said of workloads that are promised too much, too little, enough or nothing. */
import { expect, test } from 'vitest';
import { sizeOf } from './sizing.ts';
import type { WorkloadUsage } from './store.ts';

const MIB = 1024 * 1024;

function usage(changes: Partial<WorkloadUsage> = {}): WorkloadUsage {
  return {
    kind: 'container',
    application: 'shop/deployment/web',
    part: '',
    instances: 3,
    hosts: 2,
    coveredMs: 3 * 86_400_000,
    cpu: { p50: 0.4, p95: 0.8, max: 1.4 },
    memory: { p50: 300 * MIB, p95: 380 * MIB, max: 400 * MIB },
    cpuRequest: 1,
    cpuLimit: 2,
    memoryRequest: null,
    memoryLimit: 512 * MIB,
    throttledShare: 0,
    oomKills: 0,
    restarts: 0,
    ...changes,
  };
}

test('what fits is left alone, with what would be enough beside it', () => {
  const { cpu, memory } = sizeOf(usage());
  expect(cpu).toEqual({
    ...{ request: 1, limit: 2, p50: 0.4, p95: 0.8, max: 1.4 },
    ...{ verdict: 'fits', reasons: [], suggested: 0.92, spare: expect.closeTo(0.24) },
  });
  expect(memory).toMatchObject({ verdict: 'fits', suggested: 460 * MIB, spare: 3 * 52 * MIB });
});

test.each([
  ['mostly idle', { cpu: { p50: 0.01, p95: 0.05, max: 0.3 } }, { verdict: 'under-used', suggested: 0.06 }],
  ['held back by its quota', { throttledShare: 0.3 }, { verdict: 'over-used', reasons: ['throttled'], suggested: 1 }],
  [
    'above what it asked for, near what it may',
    { cpu: { p50: 1, p95: 1.9, max: 2 } },
    { verdict: 'over-used', reasons: ['near-limit', 'above-request'], suggested: 2.19 },
  ],
  ['promised nothing', { cpuRequest: null, cpuLimit: null }, { verdict: 'unset', suggested: 0.92, spare: null }],
  ['limited only', { cpuRequest: null }, { verdict: 'under-used', suggested: 0.92 }],
  ['new', { coveredMs: 60_000 }, { verdict: 'too-short', suggested: null, spare: null }],
  ['tiny', { cpuRequest: 0.02, cpu: { p50: 0, p95: 0, max: 0 } }, { verdict: 'fits' }],
] as const)('processor of what is %s', (_what, changes, expected) => {
  expect(sizeOf(usage(changes)).cpu).toMatchObject(expected);
});

test.each([
  ['killed', { oomKills: 2, coveredMs: 1_000 }, { verdict: 'over-used', reasons: ['killed'], suggested: 512 * MIB }],
  [
    'near its limit',
    { memory: { p50: 1, p95: 1, max: 500 * MIB } },
    { verdict: 'over-used', reasons: ['near-limit'], suggested: 575 * MIB, spare: -3 * 63 * MIB },
  ],
  ['half empty', { memory: { p50: 1, p95: 1, max: 100 * MIB } }, { verdict: 'under-used', suggested: 115 * MIB }],
  ['nobody counted', { memory: null }, { verdict: 'too-short', suggested: null, max: null }],
] as const)('memory of what is %s', (_what, changes, expected) => {
  expect(sizeOf(usage(changes)).memory).toMatchObject(expected);
});

test('what the cluster knows wins over what the kernel knows', () => {
  const { memory, cpu } = sizeOf(usage(), { memoryRequest: 200 * MIB, cpuRequest: 4 });
  expect(memory).toMatchObject({ request: 200 * MIB, verdict: 'over-used', reasons: ['above-request'] });
  expect(cpu).toMatchObject({ request: 4, limit: 2, verdict: 'under-used' });
});
