/**
 * Hosts for tests, as network namespaces: each has an address in one network, and a gateway leads outside. Out there is a peer that no
 * process of this machine answers for: a small TCP of its own behind a tun device, since everything else would be seen by the sensor.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const READY_MS = 20_000;
const GATEWAY = 254;

/** Answers every connection that has ended its own sending; nothing is ever lost on the way, so nothing is sent again. */
const PEER = `
import fcntl, os, struct, sys
address, answer = bytes(map(int, sys.argv[1].split('.'))), int(sys.argv[2])
tun = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH', b'peer', 0x1001))
print('ready', flush=True)
SYN, FIN, PUSH, ACK = 2, 1, 8, 16
def checksum(data):
    words = struct.unpack('>%dH' % (len(data) // 2), data) if len(data) % 2 == 0 else struct.unpack('>%dH' % (len(data) // 2 + 1), data + b'\\0')
    total = sum(words)
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
def send(to, ports, numbers, flags, data=b''):
    tcp = struct.pack('>HHIIBBHHH', *ports, *numbers, 0x50, flags, 65535, 0, 0) + data
    tcp = tcp[:16] + struct.pack('>H', checksum(address + to + struct.pack('>HH', 6, len(tcp)) + tcp)) + tcp[18:]
    head = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, address, to)
    os.write(tun, head[:10] + struct.pack('>H', checksum(head)) + head[12:] + tcp)
known = {}
while True:
    packet = os.read(tun, 4096)
    if packet[0] >> 4 != 4 or packet[9] != 6 or packet[16:20] != address: continue
    caller, tcp = packet[12:16], packet[(packet[0] & 15) * 4:struct.unpack('>H', packet[2:4])[0]]
    theirs, ours, number, _, offset, flags = struct.unpack('>HHIIBB', tcp[:14])
    data, ports = tcp[(offset >> 4) * 4:], (ours, theirs)
    if flags & SYN:
        known[caller, ports] = number + 1 & 0xffffffff
        send(caller, ports, (1000, known[caller, ports]), SYN | ACK)
        continue
    if (caller, ports) not in known: continue
    if number != known[caller, ports] or not (data or flags & FIN): continue
    known[caller, ports] = number + len(data) + (1 if flags & FIN else 0) & 0xffffffff
    if not flags & FIN:
        send(caller, ports, (1001, known[caller, ports]), ACK)
        continue
    for at in range(0, answer, 1000):
        send(caller, ports, (1001 + at, known[caller, ports]), PUSH | ACK, b'a' * min(1000, answer - at))
    send(caller, ports, (1001 + answer, known[caller, ports]), FIN | ACK)
`;

export interface NetworkHostsOptions {
  /** Each of them is `10.77.0.N`, N from 1. */
  readonly names: readonly string[];
  readonly peer: { readonly ip: string; readonly answerBytes: number };
}

export class NetworkHosts {
  readonly #prefix = `cs-${process.pid}-`;
  readonly #made: string[] = [];
  #peer: ChildProcess | null = null;

  async start({ names, peer }: NetworkHostsOptions): Promise<void> {
    for (const name of ['outside', ...names]) await this.#make(name);
    await this.in('outside', 'ip link add lan type bridge');
    await this.in('outside', 'ip link set lan up');
    await this.in('outside', `ip address add 10.77.0.${GATEWAY}/24 dev lan`);
    await this.in('outside', 'sysctl -q -w net.ipv4.ip_forward=1');
    for (const [index, name] of names.entries()) {
      await this.in(name, `ip link add eth0 type veth peer name lan${index} netns ${this.#prefix}outside`);
      await this.in('outside', `ip link set lan${index} master lan up`);
      await this.in(name, `ip address add 10.77.0.${index + 1}/24 dev eth0`);
      await this.in(name, 'ip link set eth0 up');
      await this.in(name, `ip route add default via 10.77.0.${GATEWAY}`);
    }
    await this.#startPeer(peer);
  }

  /** For whoever joins the host's network. */
  pathOf(name: string): string {
    return `/run/netns/${this.#prefix}${name}`;
  }

  /** A command in the host's network. */
  async in(name: string, command: string): Promise<string> {
    return (await run('ip', ['netns', 'exec', `${this.#prefix}${name}`, ...command.split(' ')])).stdout;
  }

  async close(): Promise<void> {
    this.#peer?.kill('SIGKILL');
    for (const name of this.#made) await run('ip', ['netns', 'del', name]);
  }

  async #make(name: string): Promise<void> {
    await run('ip', ['netns', 'add', `${this.#prefix}${name}`]);
    this.#made.push(`${this.#prefix}${name}`);
    await this.in(name, 'ip link set lo up');
  }

  async #startPeer({ ip, answerBytes }: NetworkHostsOptions['peer']): Promise<void> {
    const words = ['netns', 'exec', `${this.#prefix}outside`, '/usr/bin/python3', '-c', PEER, ip, String(answerBytes)];
    this.#peer = spawn('ip', words, { stdio: ['ignore', 'pipe', 'inherit'] });
    await heard(this.#peer, 'ready');
    await this.in('outside', 'ip link set peer up');
    await this.in('outside', `ip route add ${ip}/32 dev peer`);
  }
}

/** Resolves when the program says the word. */
export function heard(child: ChildProcess, word: string): Promise<void> {
  let said = '';
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', (text: Buffer) => {
      said += text.toString();
      if (said.includes(word)) resolve();
    });
    child.once('close', (code) => reject(new Error(`it ended with ${code} before it said ${word}: ${said}`)));
    setTimeout(() => reject(new Error(`it did not say ${word} in time: ${said}`)), READY_MS).unref();
  });
}
