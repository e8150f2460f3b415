/** What a batch may hold: rows of many agents are stored together, so that what the store could not take is refused at the door. */
import { describe, expect, test } from 'vitest';
import { Compile } from 'typebox/compile';
import { toWire } from '../activity/wire.ts';
import { sampleLine } from '../../../test/sample-line.ts';
import { AgentBatch, BATCH_VERSION } from './batch.ts';

const validator = Compile(AgentBatch);
const { host: _host, ...line } = sampleLine(1_700_000_000_000, {});
const deed = toWire({
  ...{
    timeNs: 1_700_000_000_000_000_000n,
    kind: 'command',
    host: 'node-1',
    container: '',
    application: 'unit:ssh.service',
  },
  ...{ process: { pid: 2, startNs: 1n }, parent: { pid: 1, startNs: 1n }, name: 'bash', exe: '/usr/bin/bash' },
  ...{ loginUser: '', user: 'root', tty: 0, detail: 'bash', result: '', count: 1, bytes: 0 },
});

function isTaken(content: Partial<AgentBatch>): boolean {
  const batch = {
    version: BATCH_VERSION,
    lane: 'may',
    sequence: 1,
    sentAtMs: 1,
    lines: [],
    activity: [],
    findings: [],
    gaps: [],
    dropped: 0,
  };
  return validator.Check({ ...batch, ...content });
}

describe('a line', () => {
  test.each([
    {},
    { localIp: '::1', remoteIp: '2001:db8::7' },
    { localIp: '::ffff:192.0.2.7' },
    { sentBytes: 2 ** 52 },
  ])('with %j is taken', (change) => expect(isTaken({ lines: [{ ...line, ...change }] })).toBe(true));
  test.each([
    { remoteIp: ':::::' },
    { remoteIp: 'abcdef' },
    { localIp: '999.0.0.1' },
    { localIp: 'fe80::1%eth0' },
    { localIp: '' },
    { sentBytes: 1e300 },
    { receivedBytes: 2 ** 60 },
    { sentBytes: -1 },
  ])('with %j is refused', (change) => expect(isTaken({ lines: [{ ...line, ...change }] })).toBe(false));
});

describe('a deed', () => {
  test.each([{}, { at: '0' }, { at: '8999999999999999999' }])('with %j is taken', (change) =>
    expect(isTaken({ activity: [{ ...deed, ...change }] })).toBe(true));
  test.each([
    { at: '9999999999999999999' },
    { at: '-1' },
    { start: '' },
    { bytes: 1e300 },
  ])('with %j is refused', (change) => expect(isTaken({ activity: [{ ...deed, ...change }] })).toBe(false));
});
