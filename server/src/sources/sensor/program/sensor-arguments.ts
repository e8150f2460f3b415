/**
 * What a sensor is told to tell: the types of events that rules are about, and those that a look back at a container needs; of
 * files that are only read, those below folders where secrets lie.
 */

/** Every command, connection and file written: what an audit asks for whatever the rules are. */
const AUDITED =
  `accept accept4 bind connect creat execve execveat link linkat listen memfd_create mkdir mkdirat mount open openat openat2
  ptrace rename renameat renameat2 rmdir setns socket symlink symlinkat umount2 unlink unlinkat unshare write`
    .trim()
    .split(/\s+/);

/** Where what our own rules call guarded lies. Programs and libraries are read a thousand times for each of these. */
const GUARDED = [
  '/etc/',
  '/root/',
  '/home/',
  '/proc/',
  '/dev/',
  '/host/',
  '/hostfs/',
  '/rootfs/',
  '/mnt/',
  '/run/secrets/',
  '/var/run/secrets/',
  '/var/lib/sss/',
  '/var/lib/kubelet/',
  '/tmp/krb5cc_',
  '/usr/lib/x86_64-linux-gnu/liblzma',
  '/usr/lib64/liblzma',
  '/lib/x86_64-linux-gnu/liblzma',
] as const;

export interface WhatToTell {
  /** Types that rules are about, by their names. */
  readonly eventNames: readonly string[];
  /** What this sensor can tell; null: it could not be asked, so it tells everything. */
  readonly known: readonly string[] | null;
  /** Somebody's own rules may be about any file. */
  readonly allReads: boolean;
}

/** The same for a sensor that somebody else starts and nobody can ask: the lines of its `--tell FILE`. */
export function sensorWishes({ eventNames, allReads }: Omit<WhatToTell, 'known'>): string {
  const events = [...new Set([...AUDITED, ...eventNames])].filter((name) => /^[a-z0-9_]+$/.test(name)).toSorted();
  const below = allReads ? [] : GUARDED.map((path) => `read-below ${path}`);
  return [`events ${events.join(',')}`, ...below, ''].join('\n');
}

export function sensorArguments({ eventNames, known, allReads }: WhatToTell): readonly string[] {
  const events = known?.filter((name) => AUDITED.includes(name) || eventNames.includes(name)) ?? [];
  return [
    '--output',
    '-',
    ...(events.length === 0 ? [] : ['--events', events.join(',')]),
    ...(allReads ? [] : GUARDED.flatMap((path) => ['--read-below', path])),
  ];
}
