/** What is written is read again as it was: made-up lists in both byte orders, and every recorded capture. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dataPath, describeWithData } from '../../../test/data.ts';
import type { CaptureEvent } from './capture-event.ts';
import { type CaptureHandler, CaptureReader } from './capture-reader.ts';
import { CaptureWriter } from './capture-writer.ts';
import { CODE } from './event-codes.ts';
import { emptyFd, emptyThread, FD_TYPE, type ListedFd, type ListedThread } from './lists.ts';

const LONG_TEXT = 2_000;
const MOST_EVENTS = 400_000;

/** Everything that a reader tells, as lines. */
function told(bytes: Buffer): readonly string[] {
  const lines: string[] = [];
  const note = (what: string, value: unknown): void => {
    lines.push(
      `${what} ${JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? `${one}n` : (one as unknown)))}`,
    );
  };
  const reader = new CaptureReader({
    section: (littleEndian) => note('section', littleEndian),
    machine: (info) => note('machine', info),
    thread: (thread) => note('thread', thread),
    fd: (tid, fd) => note(`fd of ${tid}`, fd),
    interface: (one) => note('interface', one),
    account: (account) => note('account', account),
    event: (event) => lines.push(`event ${essenceOf(event)}`),
  });
  reader.write(bytes);
  reader.end();
  expect(reader.counts).toMatchObject({ unknownBlocks: 0, damagedEvents: 0, unknownEvents: 0 });
  return lines;
}

function essenceOf(event: CaptureEvent): string {
  const values = Array.from({ length: event.count }, (_, index) => event.raw(index).toString('latin1'));
  return [event.number, event.timeNs, event.tid, event.code, event.cpu, event.blockFlags, ...values].join(' ');
}

function written(tell: (writer: CaptureWriter) => void): Buffer {
  const pieces: Buffer[] = [];
  const writer = new CaptureWriter((bytes) => pieces.push(bytes));
  tell(writer);
  writer.end();
  return Buffer.concat(pieces);
}

const text = fc.string({ unit: 'grapheme', maxLength: 40 }).map((one) => one.replaceAll('\0', ''));
/** One empty text is none: both are a zero byte at most. */
const texts = fc.array(text, { maxLength: 5 }).filter((some) => some.length !== 1 || some[0] !== '');
const number = fc.integer({ min: -1, max: 2 ** 31 });
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((raw) => Buffer.from(raw));

const threads: fc.Arbitrary<ListedThread> = fc.record({
  ...{ tid: number, pid: number, ptid: number, sid: number, vpgid: number, pgid: number, vtid: number, vpid: number },
  ...{ comm: text, exe: text, exepath: text, cwd: text, root: text, args: texts, env: texts, cgroups: texts },
  ...{ fdLimit: number, flags: u32, uid: u32, gid: u32, loginUid: u32, tty: u32, vmSizeKb: u32, vmRssKb: u32 },
  ...{ vmSwapKb: u32, faultsMajor: number, faultsMinor: number, pidNamespaceStartNs: u64, exeInode: u64 },
  ...{ exeChangedNs: u64, exeModifiedNs: u64, capInheritable: u64, capPermitted: u64, capEffective: u64 },
  ...{
    exeWritable: fc.boolean(),
    exeUpperLayer: fc.boolean(),
    exeLowerLayer: fc.boolean(),
    exeFromMemfd: fc.boolean(),
  },
});

const fds: fc.Arbitrary<ListedFd> = fc
  .record({ fd: number, inode: u64, type: fc.integer({ min: 1, max: FD_TYPE.pidfd }), name: text, rest: bytes(48) })
  .map(({ rest, name, ...same }) => {
    const fd = { ...emptyFd(), ...same };
    const isServer = fd.type === FD_TYPE.ipv4Server || fd.type === FD_TYPE.ipv6Server;
    if (fd.type >= FD_TYPE.ipv4 && fd.type <= FD_TYPE.ipv6Server) {
      const width = fd.type === FD_TYPE.ipv4 || fd.type === FD_TYPE.ipv4Server ? 4 : 16;
      const source = rest.subarray(0, width);
      const sourcePort = rest.readUInt16LE(40);
      return {
        ...fd,
        address: {
          source,
          destination: isServer ? source : rest.subarray(16, 16 + width),
          sourcePort,
          destinationPort: isServer ? sourcePort : rest.readUInt16LE(42),
          protocol: rest.readUInt8(44),
        },
      };
    }
    if (fd.type === FD_TYPE.unix) {
      return { ...fd, name, unixSource: rest.readBigUInt64LE(0), unixDestination: rest.readBigUInt64LE(8) };
    }
    if (fd.type === FD_TYPE.file2)
      return { ...fd, name, openFlags: rest.readUInt32LE(0), device: rest.readUInt32LE(4) };
    return { ...fd, name };
  });

describe('lists', () => {
  test('of any content, in both byte orders, are read as they were', () => {
    const files = fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fds), { maxLength: 12 });
    fc.assert(
      fc.property(fc.boolean(), fc.array(threads, { maxLength: 6 }), files, (isLittle, someThreads, someFds) => {
        const tell = (handler: CaptureHandler): void => {
          handler.section(isLittle);
          for (const thread of someThreads) handler.thread(thread);
          for (const [tid, fd] of someFds) handler.fd(tid, fd);
        };
        const capture = written(tell);
        expect(capture.length % 4).toBe(0);
        const copy = written((writer) => {
          new CaptureReader(writer).write(capture);
        });
        expect(copy).toEqual(capture);
        const got: unknown[] = [];
        const wanted: unknown[] = [];
        const noting = (into: unknown[]): CaptureHandler => ({
          ...{ machine: () => undefined, interface: () => undefined, account: () => undefined, event: () => undefined },
          section: (littleEndian) => into.push(littleEndian),
          thread: (thread) => into.push(thread),
          fd: (tid, fd) => into.push([tid, fd]),
        });
        tell(noting(wanted));
        new CaptureReader(noting(got)).write(capture);
        expect(got).toEqual(wanted);
      }),
      { numRuns: 100 },
    );
  });

  test('a machine, its interfaces and accounts are read as they were', () => {
    const address = Buffer.from([10, 0, 0, 7]);
    const [, ...lines] = told(
      written((writer) => {
        writer.section(true);
        writer.machine({ cpus: 2, memoryBytes: 8n, highestPid: 9n, hostname: 'web-1', bootNs: 7n });
        writer.interface({ family: 4, name: 'eth0', address, netmask: address, broadcast: address });
        const wide = Buffer.alloc(16, 3);
        writer.interface({ family: 6, name: 'eth0', address: wide, netmask: wide, broadcast: wide });
        writer.account({ type: 'user', uid: 7, gid: 8, name: 'olga', home: '/home/olga', shell: '/bin/sh' });
        writer.account({ type: 'group', gid: 8, name: 'crew' });
      }),
    );
    expect(lines).toEqual([
      'machine {"cpus":2,"memoryBytes":"8n","highestPid":"9n","hostname":"web-1","bootNs":"7n"}',
      expect.stringContaining('interface {"family":4,"name":"eth0"'),
      expect.stringContaining('interface {"family":6,"name":"eth0"'),
      'account {"type":"user","uid":7,"gid":8,"name":"olga","home":"/home/olga","shell":"/bin/sh"}',
      'account {"type":"group","gid":8,"name":"crew"}',
    ]);
  });

  test('texts that other readers refuse are cut between characters, lists of texts between texts', () => {
    let read: ListedThread | null = null;
    const capture = written((writer) => {
      writer.section(true);
      const args = Array.from({ length: 10 }, (_, index) => `${index}${'x'.repeat(LONG_TEXT)}`);
      writer.thread({ ...emptyThread(), cwd: 'ü'.repeat(LONG_TEXT), args });
    });
    new CaptureReader({
      ...{ section: () => undefined, machine: () => undefined, fd: () => undefined, interface: () => undefined },
      ...{ account: () => undefined, event: () => undefined },
      thread: (thread) => {
        read = thread;
      },
    }).write(capture);
    expect(read).toMatchObject({
      cwd: 'ü'.repeat(511),
      args: [expect.stringMatching(/^0x+$/), expect.stringMatching(/^1x+$/)],
    });
  });
});

test('events are read as they were, and none of the other byte order is taken', () => {
  const event = { code: CODE.async, timeNs: 5n, tid: -1n, flags: 1 };
  const parameters = [Buffer.alloc(4), Buffer.from('container\0'), Buffer.from('{}\0')];
  const tell = (isLittle: boolean) =>
    written((writer) => {
      writer.section(isLittle);
      writer.tell({ ...event, parameters });
    });
  expect(told(tell(true))[1]).toBe('event 1 5 -1 402 0 1 \0\0\0\0 container\0 {}\0');
  expect(told(tell(false))[1]).toBe('event 1 5 -1 402 0 1 \0\0\0\0 container\0 {}\0');
  const other = new CaptureWriter(() => undefined);
  other.section(true);
  other.section = () => undefined;
  expect(() => new CaptureReader(other).write(tell(false))).toThrow('another byte order');
});

describeWithData('recorded captures', () => {
  const folders = ['captures', 'captures/old'].map((folder) => dataPath(folder)).filter((folder) => existsSync(folder));
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`));
  const captures = files.filter((file) => /(?<!network)\.scap(?:\.gz)?$/.test(file));

  test.each(captures)('%s is read again as it was', { timeout: 60_000 }, (file) => {
    const packed = readFileSync(file);
    const original = packed[0] === 0x1f ? gunzipSync(packed) : packed;
    const copy = written((writer) => {
      new CaptureReader(writer).write(original);
    });
    const [got, wanted] = [told(copy), told(original)];
    expect(wanted.length).toBeLessThan(MOST_EVENTS);
    expect(got.length).toBe(wanted.length);
    const differing = wanted.findIndex((line, index) => line !== got[index]);
    expect(got[differing]).toEqual(wanted[differing]);
  });
});
