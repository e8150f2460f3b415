/**
 * What a host tells besides matches: its activity and its connections, rolled up window by window. Joins the sensor's stream with the rooms
 * that know what to make of it, where the stream is read.
 */
import type { Activity } from './activity/activity.ts';
import { ActivityRecorder } from './activity/recorder.ts';
import type { ActivityStore } from './activity/store.ts';
import { fromWire, toWire, type WireActivity } from './activity/wire.ts';
import { applicationIn, connectionOwner } from './host-owners.ts';
import type { CustomGroup } from './inventory/application.ts';
import { ConnectionFollower } from './inventory/connections/follower.ts';
import type { ConnectionLine } from './inventory/connections/line.ts';
import { Names } from './inventory/connections/names.ts';
import type { ConnectionStore } from './inventory/connections/store.ts';
import type { WireSample } from './inventory/telemetry/sample.ts';
import type { TelemetryStore } from './inventory/telemetry/store.ts';
import { HostLives, type HostLivesOptions } from './inventory/hosts/host-lives.ts';
import { type ToldLife, workloadOfHost } from './inventory/hosts/told-life.ts';
import type { WorkloadStore } from './inventory/store.ts';
import type { Follower } from './sources/sensor/stream.ts';
import { type HostFacts, readHostFacts } from './vendors/linux/host-facts.ts';
import { processStart } from './vendors/linux/process-start.ts';

export interface RollUp {
  readonly windowMs: number;
  readonly lines: readonly ConnectionLine[];
  readonly activity: readonly Activity[];
  readonly lives: readonly ToldLife[];
  /** Deeds, connections and lives that there was no room for. */
  readonly leftOut: number;
}

export interface HostRollUp {
  readonly followers: readonly Follower[];
  /** Kinds of events that the sensor must tell for it. */
  readonly eventNames: readonly string[];
  /**
   * What came since the last time, as the window that ends then.
   * @param isLast nothing is kept for the next
   */
  take(windowMs: number, options?: { readonly isLast: boolean }): RollUp;
}

const MOST_CONNECTIONS = 2_000_000;
const EVENT_NAMES = [
  'execve',
  'procexit',
  'open',
  'openat',
  'openat2',
  'creat',
  'write',
  'unlink',
  'unlinkat',
  'rmdir',
  'rename',
  'renameat',
  'renameat2',
  'link',
  'linkat',
  'symlink',
  'symlinkat',
  'chmod',
  'fchmod',
  'fchmodat',
  'connect',
  'accept',
  'accept4',
  'connection',
  'listen',
  'kill',
  'init_module',
  'finit_module',
  'delete_module',
  'setuid',
  'setresuid',
  'setns',
  'unshare',
  'mount',
  'chroot',
] as const;

export function createHostRollUp(options: {
  readonly host: string;
  /** The network that the host is in, where addresses repeat; empty: the one. */
  readonly network: string;
  readonly groups: readonly CustomGroup[];
  readonly machine: HostLooks;
}): HostRollUp {
  const { host, network, groups, machine: looks } = options;
  const recorder = new ActivityRecorder({
    host,
    applicationOf: (machine) =>
      machine.currentThread === null ? '' : applicationIn(machine, machine.currentThread, groups),
  });
  const names = new Names();
  const connections = new ConnectionFollower({
    host,
    network,
    most: MOST_CONNECTIONS,
    nameOf: (ip) => names.nameOf(ip),
    ownerOf: (machine, teller) => connectionOwner(machine, teller, groups),
  });
  const inventory = new HostLives({
    host,
    ...looks,
    applicationOf: (machine, thread) => applicationIn(machine, thread, groups),
  });
  let turnedAway = 0;
  return {
    followers: [recorder, names, connections, inventory],
    eventNames: EVENT_NAMES,
    take: (windowMs, options) => {
      const { rows, leftOut } = recorder.take();
      const lines = connections.lines(windowMs, options);
      const away = connections.table.turnedAway - turnedAway;
      turnedAway += away;
      const { lives, leftOut: livesLeftOut } = inventory.take(windowMs);
      return { windowMs, lines, activity: rows, lives, leftOut: leftOut + away + livesLeftOut };
    },
  };
}

/** What is read on the host itself, and not out of its stream. */
export type HostLooks = Pick<HostLivesOptions, 'facts' | 'startOf'>;

/** What the host is, is known as soon as its cloud has answered. */
export function lookAtHost(root: string): HostLooks {
  let known: HostFacts | null = null;
  void readHostFacts({ root }).then((facts) => {
    known = facts;
  });
  return { facts: () => known, startOf: (pid) => processStart(root, pid) };
}

/** What travels in one message: a window may have more than is good for one line. */
export interface RollUpPiece {
  readonly windowMs: number;
  readonly number: number;
  readonly lines: readonly ConnectionLine[];
  readonly activity: readonly WireActivity[];
  readonly samples?: readonly WireSample[];
  readonly lives: readonly ToldLife[];
}

const MOST_ROWS = 5_000;

export function piecesOf({ windowMs, lines, activity, lives }: RollUp): readonly RollUpPiece[] {
  const count = Math.ceil(Math.max(lines.length, activity.length, lives.length) / MOST_ROWS);
  return Array.from({ length: count }, (_, number) => {
    const [from, to] = [number * MOST_ROWS, (number + 1) * MOST_ROWS];
    return {
      windowMs,
      number,
      lines: lines.slice(from, to),
      activity: activity.slice(from, to).map(toWire),
      lives: lives.slice(from, to),
    };
  });
}

export interface RollUpStores {
  readonly connections: Pick<ConnectionStore, 'insertLines'>;
  readonly activity: Pick<ActivityStore, 'insert'>;
  readonly telemetry: Pick<TelemetryStore, 'insertSamples'>;
  readonly workloads: Pick<WorkloadStore, 'insert'>;
}

/** Stores a piece; the same piece again changes nothing. */
export async function storePiece(
  { connections, activity, telemetry, workloads }: RollUpStores,
  host: string,
  { windowMs, number, lines, activity: deeds, lives, samples = [] }: RollUpPiece,
): Promise<void> {
  const token = `${host}.${windowMs}.${number}`;
  await connections.insertLines(lines, token);
  await activity.insert(
    deeds.map((deed) => fromWire(host, deed)),
    token,
  );
  await telemetry.insertSamples(
    samples.map((sample) => ({ ...sample, host })),
    token,
  );
  await workloads.insert(
    lives.flatMap((life) => workloadOfHost(host, life, windowMs) ?? []),
    token,
  );
}
