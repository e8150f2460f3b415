/**
 * Bytes over network interfaces: of the host, and of each network namespace by a process that is in it. What stays in a namespace
 * (`lo`) does not count.
 *
 * The surprise: on the host the interfaces of its containers are counted again, under other names. There only what has a device behind it
 * counts, as far as anything has.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { linkAt, readKernelFile } from './files.ts';

export interface Traffic {
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** The network namespace of a process; null when only root may know. */
export function networkOf(proc: string, pid: number | 'self'): string | null {
  return linkAt(join(proc, String(pid), 'ns/net'));
}

/** Of the namespace that a process is in. */
export function trafficOf(proc: string, pid: number): Traffic | null {
  const text = readKernelFile(join(proc, String(pid), 'net/dev'));
  return text === null ? null : sumTraffic(text, (name) => name !== 'lo');
}

export function hostTraffic(proc: string, sys: string): Traffic | null {
  // Of process 1 where this program is itself in a container with a network of its own, and may look.
  const text = readKernelFile(join(proc, '1/net/dev')) ?? readKernelFile(join(proc, 'net/dev'));
  if (text === null) return null;
  const names = [...text.matchAll(/^ *([^:\s]+):/gm)].map(([, name = '']) => name);
  const real = new Set(names.filter((name) => existsSync(join(sys, 'class/net', name, 'device'))));
  return sumTraffic(text, (name) => (real.size > 0 ? real.has(name) : name !== 'lo'));
}

/** `/proc/net/dev`: a line an interface, received bytes first, sent bytes ninth. */
export function sumTraffic(text: string, counts: (name: string) => boolean): Traffic {
  let receivedBytes = 0;
  let sentBytes = 0;
  for (const line of text.split('\n').slice(2)) {
    const [name, numbers] = line.split(':');
    if (name === undefined || numbers === undefined || !counts(name.trim())) continue;
    const fields = numbers.trim().split(/ +/);
    receivedBytes += Number(fields[0]) || 0;
    sentBytes += Number(fields[8]) || 0;
  }
  return { receivedBytes, sentBytes };
}
