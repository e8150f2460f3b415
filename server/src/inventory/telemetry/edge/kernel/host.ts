/** The host as a whole: processors, memory, disks, network and whom the kernel killed for want of memory. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Bounds, NO_BOUNDS, NO_TOTALS, type Reading } from '../../reading.ts';
import { numberAfter, readKernelFile } from './files.ts';
import { hostTraffic } from './network.ts';

export interface HostPaths {
  readonly proc: string;
  readonly sys: string;
}

const MS_PER_TICK = 10;
const SECTOR_BYTES = 512;
/** Made of other disks, or of nothing. */
const DERIVED_DISK = /^(?:loop|ram|zram|dm-|md|sr|fd|nbd)/;

export function readHost({ proc, sys }: HostPaths): Reading {
  const memory = readKernelFile(join(proc, 'meminfo')) ?? '';
  const [total, available] = [kilobytes(memory, 'MemTotal'), kilobytes(memory, 'MemAvailable')];
  const traffic = hostTraffic(proc, sys);
  return {
    totals: {
      ...NO_TOTALS,
      cpuMs: busyMs(readKernelFile(join(proc, 'stat')) ?? ''),
      ...disks(readKernelFile(join(proc, 'diskstats')), sys),
      receivedBytes: traffic?.receivedBytes ?? null,
      sentBytes: traffic?.sentBytes ?? null,
      oomKills: numberAfter(readKernelFile(join(proc, 'vmstat')) ?? '', 'oom_kill'),
    },
    memoryBytes: total === null || available === null ? null : total - available,
    rssBytes: kilobytes(memory, 'AnonPages'),
    processes: 0,
  };
}

/** All of its processors, all of its memory. */
export function hostBounds({ proc }: HostPaths): Bounds {
  const processors = [...(readKernelFile(join(proc, 'stat')) ?? '').matchAll(/^cpu\d+ /gm)].length;
  return {
    ...NO_BOUNDS,
    cpuLimit: processors === 0 ? null : processors,
    memoryLimit: kilobytes(readKernelFile(join(proc, 'meminfo')) ?? '', 'MemTotal'),
  };
}

/** `cpu user nice system idle iowait irq softirq steal guest guest_nice`; guests stand in user already, what was stolen is not used here. */
function busyMs(text: string): number | null {
  const line = /^cpu +([\d ]+)$/m.exec(text)?.[1];
  if (line === undefined) return null;
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, soft = 0] = line.trim().split(/ +/).map(Number);
  return (user + nice + system + interrupts + soft) * MS_PER_TICK;
}

function kilobytes(text: string, key: string): number | null {
  const found = new RegExp(`^${key}: +(\\d+) kB`, 'm').exec(text)?.[1];
  return found === undefined ? null : Number(found) * 1_024;
}

/** Whole disks: what is a partition of one has no folder of its own in `/sys/block`. */
function disks(text: string | null, sys: string) {
  if (text === null) return {};
  const sums = { readBytes: 0, writtenBytes: 0, readOps: 0, writeOps: 0 };
  for (const line of text.split('\n')) {
    const [, , name, reads, , readSectors, , writes, , writtenSectors] = line.trim().split(/ +/);
    if (name === undefined || DERIVED_DISK.test(name) || !existsSync(join(sys, 'block', name))) continue;
    sums.readOps += Number(reads) || 0;
    sums.writeOps += Number(writes) || 0;
    sums.readBytes += (Number(readSectors) || 0) * SECTOR_BYTES;
    sums.writtenBytes += (Number(writtenSectors) || 0) * SECTOR_BYTES;
  }
  return sums;
}
