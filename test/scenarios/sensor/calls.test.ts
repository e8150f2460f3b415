/** One row a call: a program makes it, and the event says what it did, in the words that rules see. */
import { execFile } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { describeWithSensor, record, type Told } from '../../sensor.ts';

const run = promisify(execFile);
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'countersign-calls-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Python that makes calls of the kernel by number where the language has no word for them. */
const PRELUDE = `
import ctypes, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    return libc.syscall(ctypes.c_long(number), *[ctypes.c_char_p(a) if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments])
class Message:
    def __init__(self, address):
        self.name = ctypes.create_string_buffer(struct.pack('=HH4s8x', 2, socket.htons(address[1]), socket.inet_aton(address[0])))
        self.data = ctypes.create_string_buffer(b'1234567')
        self.vector = ctypes.create_string_buffer(struct.pack('QQ', ctypes.addressof(self.data), 7))
        self.header = ctypes.create_string_buffer(struct.pack('QQQQQQQQ', ctypes.addressof(self.name), 16, ctypes.addressof(self.vector), 1, 0, 0, 0, 0))
        self.place = ctypes.addressof(self.header)
os.chdir(sys.argv[1])
d = os.open('.', os.O_DIRECTORY)
`;

interface Row {
  readonly does: string;
  readonly type: string;
  /** What the printed arguments contain, each. */
  readonly says: readonly (string | RegExp)[];
}

const ROWS: readonly Row[] = [
  {
    does: `call(2, b'old-open', os.O_WRONLY|os.O_CREAT, 0o600)`,
    type: 'open',
    says: ['name=old-open', 'O_CREAT|O_WRONLY', 'mode=0600'],
  },
  { does: `call(85, b'created', 0o640)`, type: 'creat', says: ['name=created', 'mode=0640'] },
  {
    does: `import struct; call(437, -100, b'second', struct.pack('QQQ', os.O_WRONLY|os.O_CREAT, 0o600, 4), 24)`,
    type: 'openat2',
    says: ['name=second', 'mode=0600', 'resolve=8(RESOLVE_NO_SYMLINKS)'],
  },
  { does: `call(82, b'created', b'renamed')`, type: 'rename', says: ['oldpath=created', 'newpath=renamed'] },
  {
    does: `call(264, -100, b'renamed', d, b'moved')`,
    type: 'renameat',
    says: ['oldpath=renamed', `newpath=${folder}/moved`],
  },
  {
    does: `call(316, -100, b'moved', -100, b'again', 1)`,
    type: 'renameat2',
    says: ['newpath=again', 'RENAME_NOREPLACE'],
  },
  { does: `call(86, b'again', b'linked')`, type: 'link', says: ['oldpath=again', 'newpath=linked'] },
  {
    does: `call(265, -100, b'again', d, b'linked2', 0)`,
    type: 'linkat',
    says: ['oldpath=again', `newpath=${folder}/linked2`],
  },
  { does: `call(88, b'/etc/shadow', b'soft')`, type: 'symlink', says: ['target=/etc/shadow', 'linkpath=soft'] },
  {
    does: `call(266, b'/etc/shadow', d, b'soft2')`,
    type: 'symlinkat',
    says: ['target=/etc/shadow', `linkpath=${folder}/soft2`],
  },
  { does: `call(87, b'soft')`, type: 'unlink', says: ['path=soft'] },
  { does: `call(263, d, b'soft2', 0)`, type: 'unlinkat', says: [`name=${folder}/soft2`] },
  { does: `call(83, b'made', 0o750)`, type: 'mkdir', says: ['path=made', 'mode=1E8'] },
  { does: `call(258, -100, b'made2', 0o700)`, type: 'mkdirat', says: ['path=made2'] },
  { does: `call(84, b'made2')`, type: 'rmdir', says: ['path=made2'] },
  { does: `call(90, b'again', 0o4755)`, type: 'chmod', says: ['filename=again', 'S_ISUID'] },
  { does: `call(268, -100, b'again', 0o2755)`, type: 'fchmodat', says: ['filename=again', 'S_ISGID'] },
  { does: `f = os.open('again', os.O_RDWR); os.fchmod(f, 0o600)`, type: 'fchmod', says: [`again`, 'S_IRUSR'] },
  { does: `os.write(f, b'x' * 100)`, type: 'write', says: ['res=100', 'again', 'size=100'] },
  { does: `call(32, f)`, type: 'dup', says: ['again'] },
  { does: `os.dup2(f, 77, inheritable=False)`, type: 'dup3', says: ['77', 'O_CLOEXEC'] },
  { does: `os.dup2(f, 78)`, type: 'dup2', says: ['78'] },
  { does: `import fcntl; fcntl.fcntl(f, fcntl.F_DUPFD, 90)`, type: 'fcntl', says: ['F_DUPFD'] },
  { does: `os.close(78)`, type: 'close', says: ['78'] },
  { does: `call(436, 77, 78, 0)`, type: 'close_range', says: ['first=77', 'last=78'] },
  {
    does: `s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)`,
    type: 'socket',
    says: ['AF_INET', 'type=1', 'O_CLOEXEC'],
  },
  { does: `s.bind(('127.0.0.1', 0))`, type: 'bind', says: ['addr=127.0.0.1:'] },
  { does: `s.listen(7)`, type: 'listen', says: ['backlog=7'] },
  { does: `c = socket.create_connection(s.getsockname())`, type: 'connect', says: ['res=0', '127.0.0.1:'] },
  { does: `a, _ = s.accept()`, type: 'accept4', says: ['127.0.0.1:', 'queuemax=7'] },
  {
    does: `call(43, s.fileno(), 0, 0) if socket.create_connection(s.getsockname()) else 0`,
    type: 'accept',
    says: ['127.0.0.1:'],
  },
  {
    does: `u = socket.socket(socket.AF_UNIX); u.connect_ex('/nowhere/sock')`,
    type: 'connect',
    says: ['res=-2', '/nowhere/sock'],
  },
  {
    does: `s6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s6.bind(('::1', 0))`,
    type: 'bind',
    says: ['addr=::1:'],
  },
  {
    does: `r = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); r.bind(('127.0.0.1', 0)); t = lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)`,
    type: 'bind',
    says: ['addr=127.0.0.1:'],
  },
  { does: `t().sendto(b'12345', r.getsockname())`, type: 'sendto', says: ['res=5', 'size=5', '->127.0.0.1:'] },
  { does: `r.recvfrom(9)`, type: 'recvfrom', says: ['res=5', '->127.0.0.1:'] },
  { does: `t().sendmsg([b'123456'], [], 0, r.getsockname())`, type: 'sendmsg', says: ['res=6', '->127.0.0.1:'] },
  { does: `r.recvmsg(9)`, type: 'recvmsg', says: ['size=6', '->127.0.0.1:'] },
  {
    does: `r2 = t(); r2.bind(('127.0.0.1', 0)); m = Message(r2.getsockname()); t2 = t(); call(307, t2.fileno(), m.place, 1, 0)`,
    type: 'sendmmsg',
    says: ['res=1', '->127.0.0.1:'],
  },
  { does: `call(299, r2.fileno(), m.place, 1, 0, 0)`, type: 'recvmmsg', says: ['res=1', '->127.0.0.1:'] },
  {
    does: `h = ctypes.create_string_buffer(struct.pack('Ii', 0x20080522, 0)); b = ctypes.create_string_buffer(24); libc.capget(h, b); libc.capset(h, b)`,
    type: 'capset',
    says: ['res=0', 'cap_effective='],
  },
  { does: `call(105, 0)`, type: 'setuid', says: ['uid=0'] },
  { does: `call(106, 0)`, type: 'setgid', says: ['gid=0'] },
  { does: `call(113, -1, 0)`, type: 'setreuid', says: ['ruid=-1', 'euid=0'] },
  { does: `call(114, -1, 0)`, type: 'setregid', says: ['egid=0'] },
  { does: `call(117, 0, 0, -1)`, type: 'setresuid', says: ['ruid=0', 'suid=-1'] },
  { does: `call(119, 0, 0, -1)`, type: 'setresgid', says: ['rgid=0'] },
  { does: `os.setsid()`, type: 'setsid', says: ['res='] },
  { does: `call(272, 0x04000000)`, type: 'unshare', says: ['CLONE_NEWUTS'] },
  {
    does: `n = os.open('/proc/self/ns/uts', os.O_RDONLY); call(308, n, 0x04000000)`,
    type: 'setns',
    says: ['CLONE_NEWUTS', '/proc/self/ns/uts'],
  },
  {
    does: `call(165, b'nothing', b'/nowhere', b'tmpfs', 4097, 0)`,
    type: 'mount',
    says: ['res=-2', 'dev=nothing', 'dir=/nowhere', 'type=tmpfs', 'BIND'],
  },
  { does: `call(166, b'/nowhere', 2)`, type: 'umount2', says: ['name=/nowhere', 'DETACH'] },
  { does: `call(161, b'/nowhere')`, type: 'chroot', says: ['path=/nowhere'] },
  { does: `call(101, 16, 999999, 0, 0)`, type: 'ptrace', says: ['PTRACE_ATTACH', 'pid=999999'] },
  { does: `call(311, 999999, 0, 0, 0, 0, 0)`, type: 'process_vm_writev', says: ['pid=999999'] },
  { does: `call(62, 999999, 10)`, type: 'kill', says: ['pid=999999', 'SIGUSR1'] },
  { does: `call(321, 5, 0, 0)`, type: 'bpf', says: ['BPF_PROG_LOAD'] },
  { does: `call(319, b'ghost', 1)`, type: 'memfd_create', says: ['name=ghost', 'MFD_CLOEXEC'] },
  { does: `call(323, 1)`, type: 'userfaultfd', says: ['flags='] },
  { does: `call(175, b'x' * 200, 200, b'option=1')`, type: 'init_module', says: ['length=200', 'uargs=option=1'] },
  {
    does: `call(313, f, b'option=2', 1)`,
    type: 'finit_module',
    says: ['uargs=option=2', 'MODULE_INIT_IGNORE_MODVERSIONS'],
  },
  { does: `call(176, b'no_such_module', 0o1000)`, type: 'delete_module', says: ['name=no_such_module', 'O_TRUNC'] },
  { does: `call(425, 4, bytes(120))`, type: 'io_uring_setup', says: ['entries=4'] },
  { does: `call(81, d)`, type: 'chdir', says: [`path=${folder}`] },
  { does: `call(59, b'/nowhere/program', 0, 0)`, type: 'execve', says: ['res=-2', 'filename=/nowhere/program'] },
  { does: `call(322, -100, b'/nowhere/program', 0, 0, 0)`, type: 'execveat', says: ['res=-2', 'comm=python3'] },
  { does: `os.posix_spawn('/bin/true', ['true', 'spawned'], {})`, type: 'execve', says: ['res=0', 'args=spawned'] },
  { does: `os._exit(7)`, type: 'procexit', says: ['ret=7', 'sig=0'] },
];

function isSaid(told: Told, { type, says }: Row): boolean {
  const text = told['evt.args'] ?? '';
  return (
    told['evt.type'] === type &&
    says.every((part) => (typeof part === 'string' ? text.includes(part) : part.test(text)))
  );
}

describeWithSensor('every call that is watched', () => {
  test('is told with what it was given and what became of it', async () => {
    const script = `${PRELUDE}${ROWS.map(({ does }) => `try:\n    ${does}\nexcept OSError: pass\n`).join('')}`;
    const { events, damaged, asides, misfits } = await record(async () => {
      await run('/usr/bin/python3', ['-c', script, folder], { timeout: 20_000 }).catch(() => undefined);
    });
    expect(damaged).toBe(0);
    expect(misfits).toEqual([]);
    const missing = ROWS.filter((row) => !events.some((told) => isSaid(told, row)));
    const near = missing.map(({ type, says }) => ({
      type,
      says,
      told: events
        .filter((told) => told['evt.type'] === type)
        .map((told) => told['evt.args'])
        .slice(-3),
    }));
    expect(near).toEqual([]);
    const offered = new Set((asides[0]?.data['events'] ?? []) as readonly string[]);
    const tested = new Set([
      ...ROWS.map(({ type }) => type),
      'clone',
      'clone3',
      'fork',
      'vfork',
      'openat',
      'connection',
    ]);
    expect([...offered].filter((name) => !tested.has(name))).toEqual([]);
  });
});
