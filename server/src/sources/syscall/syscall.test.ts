/** System calls as records: what a test of rules may say, and who did it. Tables. */
import { describe, expect, test } from 'vitest';
import { flowRecord } from '../../inventory/flows/flow-record.ts';
import { factsOf } from './facts.ts';
import { recordCatalogue, type SyscallRecord, syscallRecordOf } from './record.ts';
import { syscallSource } from './syscall.ts';

describe('the fields of a test', () => {
  test.each([
    [{ 'proc.name': 'sh' }, "'evt.type' is missing"],
    [{ 'evt.type': 'exec' }, "'evt.type' is never 'exec'"],
    [{ 'evt.type': 'execve', 'proc.nam': 'sh' }, "no field 'proc.nam'"],
    [{ 'evt.type': 'chmod', 'evt.arg.mod': 'S_ISUID' }, "'evt.arg.mod' is no argument of chmod"],
    [{ 'evt.type': 'execve', 'proc.vpid': '1' }, "'proc.vpid' must be a number"],
    [{ 'evt.type': 'openat', 'evt.is_open_read': 'true' }, "'evt.is_open_read' must be a boolean"],
    [{ 'evt.type': 'execve', 'proc.name': ['sh'] }, "'proc.name' is one value"],
    [['execve'], 'not an object of fields'],
  ])('%j: %s', (given, reason) => {
    expect(syscallSource.admit(given)).toMatchObject({ type: 'malformed', reason: expect.stringContaining(reason) });
  });

  test('say by themselves what follows from them', () => {
    const admission = syscallSource.admit({
      'evt.type': 'openat',
      'proc.cmdline': 'cat -n /etc/shadow',
      'proc.aname': ['sh', 'nginx'],
      'fd.name': '/etc/shadow',
      'evt.arg.flags': 'O_RDONLY',
      'proc.exepath': '/tmp/cat',
    });
    const record = admission.type === 'record' ? admission.record : {};
    expect(syscallRecordOf(record).fields).toMatchObject({
      'proc.name': 'cat',
      'proc.args': '-n /etc/shadow',
      'proc.cmdnargs': 2,
      'proc.exepath': '/tmp/cat',
      'proc.pname': 'sh',
      'fd.directory': '/etc',
      'evt.arg[flags]': 'O_RDONLY',
    });
    expect(recordCatalogue.fields.get('proc.aname')?.extract(record, '2')).toBe('nginx');
  });
});

function recordOf(fields: SyscallRecord['fields']): SyscallRecord {
  return { host: 'web-1', id: '1', timeMs: 1, fields: { 'evt.type': 'execve', ...fields }, matches: [], repeats: 0 };
}

describe('who did it', () => {
  test.each([
    ['whoever logged in', { 'user.loginuid': 1000, 'user.loginname': 'alice', 'user.name': 'root' }, 'person', 'alice'],
    ['a login without a name', { 'user.loginuid': 1000, 'user.loginname': '<NA>' }, 'person', 'uid 1000'],
    ['root, who logged in', { 'user.loginuid': 0, 'user.loginname': 'root' }, 'root', 'root'],
    ['a container of no known image', { 'user.loginuid': -1, 'container.id': '3ad7' }, 'service', 'container 3ad7'],
    [
      'a container by its image',
      { 'user.loginuid': -1, 'container.id': '3ad7', 'container.image.repository': 'example/shop' },
      'service',
      'example/shop',
    ],
    [
      'a pod by its workload',
      { 'container.id': '3ad7', 'k8s.pod.name': 'web-7d9c6b5f4a-x2x8k', 'k8s.ns.name': 'shop' },
      'service',
      'shop/web',
    ],
    [
      'a program by its unit',
      { 'container.id': 'host', 'countersign.program': 'nginx.service' },
      'service',
      'nginx.service',
    ],
  ])('%s', (_who, fields, kind, id) => {
    expect(factsOf(recordOf(fields)).actor).toMatchObject({ kind, id, isProvider: false });
  });

  test('a refused call is refused; one that goes on is not', () => {
    expect(factsOf(recordOf({ 'evt.res': 'EPERM' })).errorCode).toBe('EPERM');
    expect(factsOf(recordOf({ 'evt.res': 'EINPROGRESS' })).errorCode).toBeNull();
  });

  test('the address is that of the ssh session, and nothing that is no address', () => {
    expect(factsOf(recordOf({ 'countersign.ssh': '203.0.113.9 51000 10.0.0.7 22' })).sourceIp).toBe('203.0.113.9');
    expect(factsOf(recordOf({ 'countersign.ssh': '<script> 1' })).sourceIp).toBeNull();
  });
});

describe('whom it can be cut off from', () => {
  const peer = (fields: SyscallRecord['fields']) => peerOf(recordOf(fields));
  const peerOf = (record: SyscallRecord) => (factsOf(record).change.request as { readonly peer?: string }).peer;
  // In a container whose address is not known, the far end by addresses (`fd.rip`) is the near one.
  const out = { 'fd.cip': '10.42.0.5', 'fd.sip': '198.51.100.7', 'fd.rip': '10.42.0.5' };
  const incoming = { 'fd.cip': '198.51.100.7', 'fd.sip': '10.42.0.5', 'fd.rip': '198.51.100.7' };

  test.each<[string, SyscallRecord['fields'], string | undefined]>([
    ['whom a container calls', { 'evt.type': 'connect', ...out }, '198.51.100.7'],
    ['whom it sends to', { 'evt.type': 'sendto', ...out }, '198.51.100.7'],
    ['who is accepted', { 'evt.type': 'accept4', ...incoming }, '198.51.100.7'],
    ['who is answered', { 'evt.type': 'sendmsg', ...incoming, 'countersign.end': 'server' }, '198.51.100.7'],
    ['nobody, of a socket that listens', { 'evt.type': 'listen', 'fd.sip': '10.42.0.5' }, undefined],
    ['nobody, where it is bound', { 'evt.type': 'bind', 'fd.sip': '10.42.0.5' }, undefined],
    ['nobody, of what tells no direction', { 'evt.type': 'read', ...out }, undefined],
    ['not itself', { 'evt.type': 'connect', 'fd.cip': '10.42.0.5', 'fd.sip': '10.42.0.5' }, undefined],
    ['not this machine', { 'evt.type': 'connect', 'fd.cip': '10.0.0.1', 'fd.sip': '::ffff:127.0.0.1' }, undefined],
  ])('%s', (_who, fields, expected) => {
    expect(peer(fields)).toBe(expected);
  });

  test.each([true, false])('the far end of a connection that was found (called by us: %s)', (isOut) => {
    const ends = { localIp: '10.0.0.1', remoteIp: '10.0.0.9', port: 443, protocol: 'tcp', isOut };
    const deed = { id: '1', timeMs: 1, host: 'web-1', application: 'shop', process: 'node', exe: '/usr/bin/node' };
    const record = flowRecord({ ...ends, ...deed, rule: 'r', tags: [], output: '', fields: {} });
    expect(peerOf(record)).toBe('10.0.0.9');
  });
});
