/** Connections from their beginning to their end, as asides in the stream: whose, between whom, how it went, how many bytes. */
import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { promisify } from 'node:util';
import { decode } from 'dns-packet';
import { expect, test } from 'vitest';
import { describeWithSensor, record, type Recording } from '../../sensor.ts';

const run = promisify(execFile);

async function python(script: string): Promise<number> {
  const child = run('/usr/bin/python3', ['-c', `import socket, time\n${script}`]);
  await child;
  return child.child.pid ?? 0;
}

function connectionsOf({ asides }: Recording, pid: number): readonly Readonly<Record<string, unknown>>[] {
  return asides.filter(({ name, data }) => name === 'connection' && data['pid'] === pid).map(({ data }) => data);
}

describeWithSensor('a connection', () => {
  test('is told at its end with both ends and the bytes of both directions', async () => {
    let pid = 0;
    const recording = await record(async () => {
      pid = await python(`
listening = socket.create_server(('127.0.0.1', 0))
client = socket.create_connection(listening.getsockname())
server, _ = listening.accept()
client.sendall(b'x' * 70_000)
got = 0
while got < 70_000: got += len(server.recv(65536))
server.sendall(b'y' * 500)
client.recv(500)
client.close()
server.close()
time.sleep(0.1)`);
    });
    const [client, server] = ['client', 'server'].map((role) =>
      connectionsOf(recording, pid).find((one) => one['role'] === role),
    );
    expect(client).toMatchObject({ protocol: 'tcp', comm: 'python3', established: true, error: 0, ended: true });
    const network = statSync('/proc/self/ns/net').ino;
    expect([client?.['network'], server?.['network']]).toEqual([network, network]);
    expect(server?.['local']).toBe(client?.['remote']);
    expect(server?.['receivedBytes']).toBe(70_000);
    expect(client?.['receivedBytes']).toBe(500);
    expect(server?.['sentBytes']).toBe(500);
    expect(client?.['sentBytes']).toBe(70_000);
  });

  test('that did not wait and was refused says so', async () => {
    let pid = 0;
    const recording = await record(async () => {
      pid = await python(`
taken = socket.create_server(('127.0.0.1', 0))
address = taken.getsockname()
taken.close()
trying = socket.socket()
trying.setblocking(False)
trying.connect_ex(address)
time.sleep(0.1)
trying.close()`);
    });
    expect(connectionsOf(recording, pid)).toMatchObject([
      { role: 'client', established: false, error: 111, ended: true },
    ]);
  });

  test('over UDP is told once when it begins, and its bytes when the sensor looks', async () => {
    let pid = 0;
    const recording = await record(
      async () => {
        pid = await python(`
to = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
to.bind(('::1', 0))
by = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
for _ in range(50): by.sendto(b'z' * 10, to.getsockname())`);
      },
      { keep: (told) => told['evt.type'] === 'sendto' },
    );
    expect(recording.events.filter((told) => told['proc.pid'] === String(pid))).toHaveLength(1);
    expect(connectionsOf(recording, pid)).toMatchObject([{ protocol: 'udp', role: 'client', sentBytes: 500 }]);
  });

  test.each([
    ['the calls themselves are told', []],
    ['only connections are told', ['--events', 'connect,accept4,connection']],
  ])('over UDP sockets that talk to several has an end of its own for each, and all bytes of both directions, when %s', async (_, args) => {
    let pid = 0;
    const recording = await record(
      async () => {
        pid = await python(`
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(('127.0.0.1', 20_053))
one, other = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
for _ in range(20):
    one.sendto(b'q' * 30, ('127.0.0.1', 20_053))
    server.sendto(b'a' * 50, server.recvfrom(100)[1])
    one.recvfrom(100)
for _ in range(3):
    other.sendmsg([b'q' * 10], [], 0, ('127.0.0.1', 20_053))
    server.sendmsg([b'a' * 5], [], 0, server.recvfrom(100)[1])
    other.recvmsg(100)
time.sleep(11)`);
      },
      { args, keep: () => false },
    );
    const told = connectionsOf(recording, pid).map(({ role, sentBytes, receivedBytes }) => [
      role,
      sentBytes,
      receivedBytes,
    ]);
    expect(told).toHaveLength(4);
    expect(told).toEqual(
      expect.arrayContaining([
        ['client', 600, 1_000],
        ['server', 1_000, 600],
        ['client', 30, 15],
        ['server', 15, 30],
      ]),
    );
  });

  test('names of addresses are told as they were answered, to whoever asked and to nobody else', async () => {
    let pid = 0;
    const recording = await record(async () => {
      pid = await python(`
import os, struct
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(('127.0.0.9', 53))
def question(name): return b'\\x12\\x34\\x01\\x00' + struct.pack('>HHHH', 1, 0, 0, 0) + b''.join(bytes([len(part)]) + part.encode() for part in name.split('.')) + b'\\0' + struct.pack('>HH', 1, 1)
def answer():
    asked, asker = server.recvfrom(1500)
    server.sendto(asked[:2] + b'\\x81\\x80' + struct.pack('>HHHH', 1, 1, 0, 0) + asked[12:] + b'\\xc0\\x0c' + struct.pack('>HHIH', 1, 1, 60, 4) + bytes([203, 0, 113, 9]), asker)
connected = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
connected.connect(('127.0.0.9', 53))
for name, take in (('recv', lambda: connected.recv(512)), ('read', lambda: os.read(connected.fileno(), 512)), ('recvmsg', lambda: connected.recvmsg(512))):
    connected.send(question(name + '.example.com'))
    answer()
    take()
free = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
free.sendto(question('recvfrom.example.com'), ('127.0.0.9', 53))
answer()
free.recvfrom(512)
unasked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
unasked.bind(('127.0.0.1', 0))
server.sendto(question('unasked.example.com'), unasked.getsockname())
unasked.recvfrom(512)`);
    });
    const answers = recording.asides.filter(({ name, data }) => name === 'answer' && data['pid'] === pid);
    const names = answers.map(({ data }) => decode(Buffer.from(String(data['bytes']), 'base64')));
    expect(names.map(({ questions }) => questions?.[0]?.name)).toEqual([
      'recv.example.com',
      'read.example.com',
      'recvmsg.example.com',
      'recvfrom.example.com',
    ]);
    for (const { answers: found } of names) expect(found).toMatchObject([{ type: 'A', data: '203.0.113.9' }]);
  });
});
