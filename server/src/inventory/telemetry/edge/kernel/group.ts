/**
 * One control group: what it used and what it may use, in either version, controller by controller.
 *
 * The surprise: what a group was promised is not in the kernel. Kubernetes turns a request into shares of the processor, from which it is read
 * back; what a container asked for in memory nobody tells the kernel.
 */
import { type Bounds, NO_TOTALS, type Reading } from '../../reading.ts';
import { numberAfter, numberIn, readKernelFile } from './files.ts';
import type { Hierarchies } from './hierarchies.ts';

/** Null when the group is gone. */
export function readGroup(at: Hierarchies, path: string): Reading | null {
  const cpu = at.cpuacct === null ? unifiedCpu(at, path) : oldCpu(at, path);
  const memory = at.memory === null ? unifiedMemory(at, path) : oldMemory(`${at.memory}${path}`);
  if (cpu.cpuMs === null && memory.memoryBytes === null) return null;
  const io = at.blkio === null ? unifiedIo(at, path) : oldIo(`${at.blkio}${path}`);
  const { memoryBytes, rssBytes, oomKills } = memory;
  return { totals: { ...NO_TOTALS, ...cpu, ...io, oomKills }, memoryBytes, rssBytes, processes: 0 };
}

/** False: of what groups read and write the kernel says nothing. */
export function groupsCountIo({ blkio, unified, walked }: Hierarchies): boolean {
  const hasUnifiedIo =
    unified !== null && (readKernelFile(`${unified}/cgroup.controllers`) ?? '').split(/\s/).includes('io');
  return blkio !== null || (walked?.controller === '' && hasUnifiedIo);
}

/** @param isPod shares below a Kubernetes pod are a request; elsewhere the usual ones mean that nobody asked for any. */
export function readBounds(at: Hierarchies, path: string, isPod: boolean): Bounds {
  return {
    cpuLimit: at.cpu === null ? unifiedQuota(at, path) : oldQuota(`${at.cpu}${path}`),
    cpuRequest: requestOf(sharesOf(at, path), isPod),
    memoryLimit: memoryLimit(at, path),
    memoryRequest: null,
  };
}

const NS_PER_MS = 1e6;
const US_PER_MS = 1e3;
/** Version 1 writes "no limit" as the largest number of pages. */
const NO_LIMIT = 2 ** 60;
const USUAL_SHARES = 1_024;
const FEWEST_SHARES = 2;
const MOST_SHARES = 262_144;
const MOST_WEIGHT = 10_000;

function oldCpu(at: Hierarchies, path: string) {
  const usage = numberIn(`${at.cpuacct}${path}/cpuacct.usage`);
  const stat = at.cpu === null ? null : readKernelFile(`${at.cpu}${path}/cpu.stat`);
  const cpuMs = usage === null ? null : usage / NS_PER_MS;
  if (stat === null) return { cpuMs, periods: null, throttled: null, throttledMs: null };
  const ns = numberAfter(stat, 'throttled_time');
  return {
    cpuMs,
    periods: numberAfter(stat, 'nr_periods'),
    throttled: numberAfter(stat, 'nr_throttled'),
    throttledMs: ns === null ? null : ns / NS_PER_MS,
  };
}

function unifiedCpu(at: Hierarchies, path: string) {
  const stat = at.unified === null ? null : readKernelFile(`${at.unified}${path}/cpu.stat`);
  if (stat === null) return { cpuMs: null, periods: null, throttled: null, throttledMs: null };
  const used = numberAfter(stat, 'usage_usec');
  const us = numberAfter(stat, 'throttled_usec');
  return {
    cpuMs: used === null ? null : used / US_PER_MS,
    periods: numberAfter(stat, 'nr_periods'),
    throttled: numberAfter(stat, 'nr_throttled'),
    throttledMs: us === null ? null : us / US_PER_MS,
  };
}

function oldMemory(folder: string) {
  const used = numberIn(`${folder}/memory.usage_in_bytes`);
  const stat = readKernelFile(`${folder}/memory.stat`) ?? '';
  const inactive = numberAfter(stat, 'total_inactive_file') ?? 0;
  return {
    memoryBytes: used === null ? null : Math.max(0, used - inactive),
    rssBytes: numberAfter(stat, 'total_rss'),
    oomKills: numberAfter(readKernelFile(`${folder}/memory.oom_control`) ?? '', 'oom_kill'),
  };
}

function unifiedMemory({ unified }: Hierarchies, path: string) {
  const folder = `${unified ?? ''}${path}`;
  const used = unified === null ? null : numberIn(`${folder}/memory.current`);
  if (used === null) return { memoryBytes: null, rssBytes: null, oomKills: null };
  const stat = readKernelFile(`${folder}/memory.stat`) ?? '';
  return {
    memoryBytes: Math.max(0, used - (numberAfter(stat, 'inactive_file') ?? 0)),
    rssBytes: numberAfter(stat, 'anon'),
    oomKills: numberAfter(readKernelFile(`${folder}/memory.events`) ?? '', 'oom_kill'),
  };
}

const NO_IO = { readBytes: null, writtenBytes: null, readOps: null, writeOps: null };

function oldIo(folder: string) {
  const bytes = readKernelFile(`${folder}/blkio.throttle.io_service_bytes_recursive`);
  const ops = readKernelFile(`${folder}/blkio.throttle.io_serviced_recursive`);
  if (bytes === null || ops === null) return NO_IO;
  return {
    readBytes: sumOf(bytes, / Read (\d+)/g),
    writtenBytes: sumOf(bytes, / Write (\d+)/g),
    readOps: sumOf(ops, / Read (\d+)/g),
    writeOps: sumOf(ops, / Write (\d+)/g),
  };
}

function unifiedIo({ unified }: Hierarchies, path: string) {
  const stat = unified === null ? null : readKernelFile(`${unified}${path}/io.stat`);
  // Empty of a group that never did any.
  if (stat === null) return NO_IO;
  return {
    readBytes: sumOf(stat, / rbytes=(\d+)/g),
    writtenBytes: sumOf(stat, / wbytes=(\d+)/g),
    readOps: sumOf(stat, / rios=(\d+)/g),
    writeOps: sumOf(stat, / wios=(\d+)/g),
  };
}

function sumOf(text: string, pattern: RegExp): number {
  let sum = 0;
  for (const [, digits] of text.matchAll(pattern)) sum += Number(digits);
  return sum;
}

function oldQuota(folder: string): number | null {
  const quota = numberIn(`${folder}/cpu.cfs_quota_us`);
  const period = numberIn(`${folder}/cpu.cfs_period_us`);
  return quota === null || period === null || quota <= 0 || period <= 0 ? null : quota / period;
}

function unifiedQuota({ unified }: Hierarchies, path: string): number | null {
  const text = unified === null ? null : readKernelFile(`${unified}${path}/cpu.max`);
  const [quota, period] = (text ?? '').split(' ').map(Number);
  return quota === undefined || period === undefined || !(quota > 0) || !(period > 0) ? null : quota / period;
}

/** Runtimes turn shares into a weight of version 2 along a line; this is the way back. */
function sharesOf(at: Hierarchies, path: string): number | null {
  if (at.cpu !== null) return numberIn(`${at.cpu}${path}/cpu.shares`);
  const weight = at.unified === null ? null : numberIn(`${at.unified}${path}/cpu.weight`);
  if (weight === null) return null;
  if (weight === 100) return USUAL_SHARES;
  return FEWEST_SHARES + ((weight - 1) * (MOST_SHARES - FEWEST_SHARES)) / (MOST_WEIGHT - 1);
}

function requestOf(shares: number | null, isPod: boolean): number | null {
  if (shares === null || shares <= FEWEST_SHARES || (shares === USUAL_SHARES && !isPod)) return null;
  return shares / USUAL_SHARES;
}

function memoryLimit(at: Hierarchies, path: string): number | null {
  const file =
    at.memory === null ? `${at.unified ?? ''}${path}/memory.max` : `${at.memory}${path}/memory.limit_in_bytes`;
  const limit = numberIn(file);
  return limit === null || limit >= NO_LIMIT ? null : limit;
}
