/**
 * Who did it, where and on what, of one system call.
 *
 * The surprise: a person is told by the login that the session began with (`loginuid`), which survives `su` and `sudo`. What nobody
 * logged in for is a program: a container, a unit of the system, or the topmost process of the tree, so that what one break-in
 * does stays together.
 */
import type { ActorKind } from '@countersign/contract';
import type { Actor, EventFacts } from '../source.ts';
import type { SyscallRecord } from './record.ts';

type Fields = SyscallRecord['fields'];
type Resource = EventFacts['resources'][number];

const LONGEST_NAME = 1_000;
const ABSENT = '<NA>';
/** Nothing is refused by these: the call goes on, or is made again. */
const NO_REFUSAL: ReadonlySet<string> = new Set(['SUCCESS', 'EINPROGRESS', 'EAGAIN', 'EINTR', ABSENT]);
/** Nobody is cut off from themselves. */
const LOCAL = /^(?:::ffff:)?(127\.|0\.0\.0\.0$|::1$|::$)/;
const ACCEPTS = /^accept4?$/;
/** From whichever end: a server answers over what it accepted. */
const SENDS = /^send(to|msg|mmsg)$/;
const STARTS: ReadonlySet<string> = new Set(['execve', 'execveat']);

export function factsOf({ host, id, timeMs, fields }: SyscallRecord): EventFacts {
  const result = textOf(fields, 'evt.res') ?? '';
  return {
    source: 'syscall',
    id,
    timeMs,
    account: host,
    region: textOf(fields, 'k8s.ns.name'),
    action: textOf(fields, 'evt.type') ?? 'unknown',
    service: textOf(fields, 'proc.name') ?? 'unknown',
    actor: actorOf(host, fields),
    resources: resourcesOf(fields),
    sourceIp: cameFrom(fields),
    userAgent: null,
    errorCode: result === '' || NO_REFUSAL.has(result) ? null : result,
    readOnly: null,
    change: { before: null, after: null, request: requestOf(fields) },
  };
}

function actorOf(host: string, fields: Fields): Actor {
  const login = fields['user.loginuid'];
  const loginName = textOf(fields, 'user.loginname');
  if (typeof login === 'number' && login >= 0) {
    const name = loginName ?? `uid ${login}`;
    const session = login === 0 ? null : textOf(fields, 'countersign.login');
    return { ...actor(login === 0 ? 'root' : 'person', name, `${host} ${String(fields['proc.sid'] ?? '')}`), session };
  }
  const container = containerOf(fields);
  if (container !== null) {
    const { id, name } = container;
    return { ...actor('service', name, id), id: name === id ? `container ${id}` : name };
  }
  const program = textOf(fields, 'countersign.program') ?? textOf(fields, 'proc.name') ?? 'unknown';
  return actor('service', program, program);
}

function actor(kind: ActorKind, name: string, sessionKey: string): Actor {
  return { kind, id: name, name, session: null, sessionKey, isProvider: false };
}

/** By the most lasting name there is: the workload, the image, the container's own name, its id. */
function containerOf(fields: Fields): { readonly id: string; readonly name: string } | null {
  const id = textOf(fields, 'container.id');
  if (id === null || id === 'host') return null;
  const pod = textOf(fields, 'k8s.pod.name');
  const namespace = textOf(fields, 'k8s.ns.name');
  if (pod !== null && namespace !== null) return { id, name: `${namespace}/${withoutReplica(pod)}` };
  return { id, name: textOf(fields, 'container.image.repository') ?? textOf(fields, 'container.name') ?? id };
}

/** `web-7d9c6b5f4-x2x8k` → `web`: what controllers append says nothing of the workload. */
function withoutReplica(pod: string): string {
  return pod.replace(/(?:-[a-f0-9]{8,10})?-[a-z0-9]{5}$/, '') || pod;
}

function resourcesOf(fields: Fields): readonly Resource[] {
  const found: Resource[] = [];
  const add = (type: string, id: string | null) => {
    if (id !== null && id !== '') found.push({ type, id: id.slice(0, LONGEST_NAME) });
  };
  const type = textOf(fields, 'evt.type') ?? '';
  if (STARTS.has(type)) add('command', textOf(fields, 'proc.cmdline'));
  else {
    const path = textOf(fields, 'fs.path.target') ?? textOf(fields, 'fs.path.name') ?? textOf(fields, 'fd.name');
    add(fields['fd.sip'] === null || fields['fd.sip'] === undefined ? 'file' : 'connection', path);
    add('command', textOf(fields, 'proc.cmdline'));
  }
  const container = containerOf(fields);
  if (container !== null) add('container', container.id);
  return found;
}

/** The client of the person's ssh session, as sshd told it to the session. */
function cameFrom(fields: Fields): string | null {
  const [address] = (textOf(fields, 'countersign.ssh') ?? '').split(' ');
  return address === undefined || !/^[0-9a-fA-F.:]{3,45}$/.test(address) ? null : address;
}

const SHOWN = [
  ['command', 'proc.cmdline'],
  ['program', 'proc.exepath'],
  ['directory', 'proc.cwd'],
  ['user', 'user.name'],
  ['login', 'user.loginname'],
  ['call', 'evt.type'],
  ['arguments', 'evt.args'],
  ['file', 'fd.name'],
  ['container', 'container.id'],
  ['containerName', 'container.name'],
  ['image', 'container.image'],
  ['namespace', 'k8s.ns.name'],
  ['pod', 'k8s.pod.name'],
] as const;

/** What a person who is asked wants to see. */
function requestOf(fields: Fields): unknown {
  const shown: Record<string, unknown> = {};
  for (const [name, field] of SHOWN) {
    const value = textOf(fields, field);
    if (value !== null && value !== '') shown[name] = value;
  }
  const ancestors = fields['proc.aname'];
  if (Array.isArray(ancestors)) shown['startedBy'] = ancestors;
  return { ...shown, ...heldBy(fields) };
}

/** By what it can be held: the process itself, and whom it talks to. */
function heldBy(fields: Fields): Readonly<Record<string, unknown>> {
  const pid = fields['proc.pid'];
  const peer = peerOf(fields);
  return {
    ...(typeof pid === 'number' && pid > 1 ? { pid } : {}),
    ...(peer === null || LOCAL.test(peer) ? {} : { peer }),
  };
}

/**
 * The far end, by who called whom. Not by which address is this machine's (`fd.rip`): of a container whose address nobody knows, that would be
 * the container itself.
 */
function peerOf(fields: Fields): string | null {
  const [client, server] = [textOf(fields, 'fd.cip'), textOf(fields, 'fd.sip')];
  const type = textOf(fields, 'evt.type') ?? '';
  if (client === server) return null;
  if (ACCEPTS.test(type)) return client;
  if (SENDS.test(type)) return textOf(fields, 'countersign.end') === 'server' ? client : server;
  return type === 'connect' ? server : null;
}

function textOf(fields: Fields, name: string): string | null {
  const value = fields[name];
  return typeof value === 'string' && value !== ABSENT && value !== '' ? value : null;
}
