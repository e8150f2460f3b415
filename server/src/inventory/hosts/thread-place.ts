/** Where a process stands: in which unit, in which container, or in the kernel. */
import type { Container, Machine } from '@countersign/scap';

export type Thread = NonNullable<Machine['currentThread']>;

const KERNEL_THREADS = 2;
const FULL_ID = /[0-9a-f]{64}/;
const UNIT = /\/([^/ ]+\.(?:service|socket|mount|scope))(?=\/|$)/g;

export function isKernelThread({ pid, ptid }: Thread): boolean {
  return pid === KERNEL_THREADS || ptid === KERNEL_THREADS;
}

/** The whole id of its container: by the runtime, else by its control group. */
export function fullIdOf(thread: Thread, described: Container | undefined): string {
  if (described !== undefined && described.fullId !== '') return described.fullId;
  const paths = thread.groups.pairs.map(([, path]) => FULL_ID.exec(path)?.[0]);
  return paths.find((found) => found !== undefined) ?? thread.containerId;
}

/** Its systemd unit, if it is a service; empty for sessions and containers. */
export function unitOf({ groups }: Thread): string {
  for (const [name, path] of groups.pairs) {
    if (name !== 'systemd' && name !== '') continue;
    const units = [...path.matchAll(UNIT)].map(([, found]) => found ?? '');
    const unit = units.findLast((found) => !found.startsWith('user@') && !found.endsWith('.scope'));
    if (unit !== undefined) return unit;
  }
  return '';
}

/** The container that holds a pod's network, and runs nothing. */
export function isSandbox(labels: ReadonlyMap<string, string>): boolean {
  return labels.get('io.cri-containerd.kind') === 'sandbox' || labels.get('io.kubernetes.docker.type') === 'podsandbox';
}
