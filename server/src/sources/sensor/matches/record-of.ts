/**
 * The machine's current event → a record that lives on without the machine. Made only of events that a rule matched.
 */
import type { FieldValue } from '@countersign/falco';
import type { Container, Machine } from '@countersign/scap';
import { syscallCatalogue } from '../../captures/syscall-catalogue.ts';
import type { RecordedMatch, SyscallRecord } from '../../syscall/record.ts';

const FIELDS = `
  evt.type evt.res evt.rawres evt.args evt.category evt.rawtime
  proc.name proc.exe proc.exepath proc.cmdline proc.args proc.cwd proc.pid proc.ppid proc.vpid proc.tty proc.sid proc.sname
  proc.pname proc.pexepath proc.pcmdline proc.aname proc.aexepath proc.is_exe_upper_layer proc.is_exe_from_memfd proc.exe_ino
  proc.exe_ino.ctime proc.exe_ino.mtime proc.stdin.type proc.stdin.name proc.stdout.name thread.tid thread.cap_effective thread.cgroups
  user.uid user.name user.loginuid user.loginname group.gid group.name
  fd.num fd.type fd.typechar fd.name fd.nameraw fd.directory fd.filename fd.l4proto fd.cip fd.sip fd.cport fd.sport fd.lip fd.rip
  fs.path.name fs.path.source fs.path.target
  container.id container.full_id container.name container.type container.image container.image.repository container.image.tag
  container.image.digest container.privileged container.mounts k8s.pod.name k8s.ns.name k8s.pod.uid`
  .trim()
  .split(/\s+/);

const LONGEST_TEXT = 4_000;
const MOST_VALUES = 30;
const NS_PER_MS = 1_000_000n;
const LOGIN = /^[a-z_][a-z0-9_.-]*$/i;
const UNIT = /\/([^/ ]+\.service)(?=\/| |$)/g;

export interface RecordOptions {
  readonly host: string;
  readonly matches: readonly RecordedMatch[];
  readonly repeats: number;
  /** What makes a login name an address; null: nothing does. */
  readonly loginDomain: string | null;
}

export function makeRecord(machine: Machine, { host, matches, repeats, loginDomain }: RecordOptions): SyscallRecord {
  const { current } = machine;
  const fields: Record<string, FieldValue> = {};
  for (const name of FIELDS) {
    const value = kept(read(machine, name));
    if (value !== null) fields[name] = value;
  }
  fields['countersign.program'] = programOf(fields);
  if (machine.currentFd?.isServer === true) fields['countersign.end'] = 'server';
  const login = fields['user.loginname'];
  if (loginDomain !== null && typeof login === 'string' && LOGIN.test(login)) {
    fields['countersign.login'] = `${login}@${loginDomain}`;
  }
  const session = kept(read(machine, 'proc.aenv', 'SSH_CONNECTION'));
  if (typeof session === 'string' && session !== '') fields['countersign.ssh'] = session;
  return {
    host,
    id: `${host}/${current.timeNs}/${current.tid}/${current.number}`,
    timeMs: Number(current.timeNs / NS_PER_MS),
    fields,
    matches,
    repeats,
  };
}

/** The record with what was learned of its container since. */
export function withContainer(record: SyscallRecord, container: Container): SyscallRecord {
  const { labels, mounts } = container;
  const told: Record<string, FieldValue> = {
    'container.full_id': container.fullId,
    'container.name': container.name,
    'container.type': container.type,
    'container.image': container.image,
    'container.image.repository': container.imageRepository,
    'container.image.tag': container.imageTag,
    'container.image.digest': container.imageDigest,
    'container.privileged': container.isPrivileged,
    'container.mounts': mounts.map(({ source, destination, mode }) => [source, destination, mode].join(':')).join(','),
    'k8s.pod.name': labels.get('io.kubernetes.pod.name') ?? null,
    'k8s.ns.name': labels.get('io.kubernetes.pod.namespace') ?? null,
    'k8s.pod.uid': labels.get('io.kubernetes.pod.uid') ?? null,
  };
  const known = Object.entries(told).filter(([, value]) => value !== null && value !== '');
  return { ...record, fields: { ...record.fields, ...Object.fromEntries(known) } };
}

/** The text or number of one field now; null where there is none. */
export function read(machine: Machine, name: string, argument: string | null = null): FieldValue {
  return syscallCatalogue.fields.get(name)?.extract(machine, argument) ?? null;
}

/** What JSON and the databases can hold. */
function kept(value: FieldValue): FieldValue {
  if (Array.isArray(value)) return (value as readonly FieldValue[]).slice(0, MOST_VALUES).map(kept) as FieldValue;
  if (typeof value === 'string') return value.replaceAll('\0', '\ufffd').slice(0, LONGEST_TEXT);
  if (typeof value !== 'bigint') return value;
  return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
}

/** What a break-in grows from: the unit that the process belongs to, or the topmost process below the first one. */
function programOf(fields: Readonly<Record<string, FieldValue>>): string {
  const groups = fields['thread.cgroups'];
  const units = typeof groups === 'string' ? [...groups.matchAll(UNIT)].map(([, unit]) => unit ?? '') : [];
  const unit = units.findLast((name) => !name.startsWith('user@'));
  if (unit !== undefined) return unit;
  const ancestors = fields['proc.aname'];
  const names = Array.isArray(ancestors) ? (ancestors as readonly string[]) : [];
  const top = names.at(names.length > 1 ? -2 : -1);
  return top ?? String(fields['proc.name'] ?? 'unknown');
}
