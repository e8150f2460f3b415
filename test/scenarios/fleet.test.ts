/** Agents join, send what their hosts told, and go on after anything: over HTTP, as an agent does it. */
import { createHash, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type {
  AgentInvitation,
  ActivityView,
  FleetView,
  MapView,
  NowView,
  PairList,
  TalkersView,
} from '@countersign/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AgentBatch } from '../../server/src/fleet/batch.ts';
import { createAgentCalls } from '../../server/src/vendors/countersign/agent-calls.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';
import { sampleLine } from '../sample-line.ts';

describe('the fleet', () => {
  let running: RunningApp;
  let ann: EnrolledPerson;
  let bob: EnrolledPerson;
  const nowMs = Date.now();

  beforeAll(async () => {
    running = await startRunningApp(
      `
people:
  - { email: ann@example.com, name: Ann Example, role: admin }
  - { email: bob@example.com, name: Bob Example }
policy: [{ when: {}, then: record }]
networks: { ranges: [{ cidr: 203.0.113.0/24, name: Example Cloud }] }
`,
      {},
    );
    ann = await running.enrol('ann@example.com');
    bob = await running.enrol('bob@example.com');
  }, 120_000);
  afterAll(() => running?.close());

  const calls = (secret: string) => createAgentCalls({ server: new URL(running.app.url), secret: () => secret });
  const invite = async () =>
    ((await running.call(ann, 'POST', '/api/agents/invitations', {})).body as unknown as AgentInvitation).token;
  const join = async (host: string) => {
    const joined = await calls('').join({ token: await invite(), host, version: '1' });
    if (joined.type !== 'joined') throw new Error(joined.reason);
    return joined.secret;
  };
  const get = async <T>(path: string) => (await running.call(ann, 'GET', path)).body as unknown as T;

  const fetchCapture = (id: string) =>
    fetch(`${running.app.url}/api/captures/${id}`, { headers: { cookie: ann.cookie } });

  function lineOf(): AgentBatch['lines'][number] {
    const { host: _host, ...line } = sampleLine(nowMs);
    return line;
  }

  function batch(sequence: number, changes: Partial<AgentBatch> = {}): Buffer {
    const whole: AgentBatch = {
      version: 1,
      lane: 'may',
      sequence,
      sentAtMs: nowMs,
      lines: [lineOf()],
      activity: [],
      findings: [],
      gaps: [],
      dropped: 0,
      ...changes,
    };
    return gzipSync(JSON.stringify(whole));
  }

  test('a token lets one agent in, once; who is no admin makes none', async () => {
    const token = await invite();
    const first = await calls('').join({ token, host: 'node-0', version: '1' });
    expect(first.type).toBe('joined');
    expect(await calls('').join({ token, host: 'node-9', version: '1' })).toMatchObject({
      type: 'failed',
      reason: expect.stringContaining('invitation-invalid'),
    });
    expect((await running.call(bob, 'POST', '/api/agents/invitations', {})).status).toBe(403);
  });

  test('how its sensor runs is on the page of now, and beside the agent', async () => {
    const secret = await join('node-s');
    const problem = 'the sensor may not look\nsudo setcap …';
    const told = { version: '2', state: 'not-allowed', problem, health: null };
    expect(await calls(secret).tellWatch(told)).toEqual({ type: 'told' });
    const expected = { host: 'node-s', state: 'not-allowed', problem, agentVersion: '2' };
    expect((await get<NowView>('/api/now')).hosts).toContainEqual(expect.objectContaining(expected));
    const { agents } = await get<FleetView>('/api/agents');
    expect(agents.find(({ host }) => host === 'node-s')?.sensor).toMatchObject(expected);
    expect(await calls(secret).tellWatch({ ...told, state: 'well' })).toMatchObject({ type: 'failed' });
    expect(await calls('csa_nobody').tellWatch(told)).toMatchObject({ type: 'failed' });
  });

  test('what a host told is on the map and in the activity, under the host of the token, once', async () => {
    const secret = await join('node-1');
    const deed = {
      at: String(BigInt(nowMs) * 1_000_000n),
      kind: 'command',
      container: '',
      application: 'unit:ssh.service',
      pid: 7,
      start: '1',
      parentPid: 1,
      parentStart: '1',
      name: 'id',
      exe: '/usr/bin/id',
      loginUser: 'ann',
      user: 'root',
      tty: 0,
      detail: 'id -u',
      result: '',
      count: 1,
      bytes: 0,
    } as const;
    for (let time = 0; time < 2; time += 1)
      expect(await calls(secret).sendBatch(batch(1, { activity: [deed] }))).toEqual({ type: 'taken' });
    const { rows } = await get<ActivityView>('/api/activity?with=name:id');
    expect(rows).toMatchObject([{ host: 'node-1', detail: 'id -u', loginUser: 'ann' }]);
    const { edges } = await get<MapView>('/api/map');
    expect(edges.reduce((sum, { sentBytes }) => sum + sentBytes, 0)).toBe(100);
    const { agents } = await get<FleetView>('/api/agents');
    expect(agents.find(({ host }) => host === 'node-1')?.lastHeardAt).not.toBeNull();
  });

  test('findings overtake the rest, and nothing that was overtaken is taken for known', async () => {
    const secret = await join('node-5');
    const gap = { class: 'file', lost: 3, fromMs: nowMs - 5_000, toMs: nowMs };
    const late = batch(1, { lines: [{ ...lineOf(), remoteIp: '10.9.9.9' }] });
    for (const bytes of [batch(2, { lane: 'must', lines: [], gaps: [gap] }), late, late])
      expect(await calls(secret).sendBatch(bytes)).toEqual({ type: 'taken' });
    const { pairs } = await get<PairList>('/api/connections/pairs?address=10.9.9.9');
    expect(pairs).toMatchObject([{ sentBytes: 100 }]);
  });

  test('an agent that joins again takes the place of the former, whose secret is worth nothing then', async () => {
    const former = await join('node-2');
    const secret = await join('node-2');
    expect(await calls(former).sendBatch(batch(1))).toMatchObject({
      type: 'later',
      reason: expect.stringContaining('401'),
    });
    expect(await calls(secret).sendBatch(batch(1))).toEqual({ type: 'taken' });
    const { agents } = await get<FleetView>('/api/agents');
    expect(agents.filter(({ host }) => host === 'node-2')).toHaveLength(1);
  });

  test('a capture comes from its host in pieces, goes on where it was cut off, and is here when it is whole', async () => {
    const secret = await join('node-5');
    const bytes = randomBytes(300_000);
    const capture = {
      id: 'evidence-of-node-5',
      rule: 'A rule',
      fromMs: nowMs,
      toMs: nowMs + 1_000,
      state: 'kept' as const,
      sizeBytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    };
    const { id } = capture;
    const agent = calls(secret);
    expect(await agent.captureProgress(id)).toEqual({ type: 'unknown' });
    const told = batch(1, { lane: 'must', lines: [], captures: [capture] });
    expect(await agent.sendBatch(told)).toEqual({ type: 'taken' });
    expect(await agent.captureProgress(id)).toEqual({ type: 'has', receivedBytes: 0, isWhole: false });
    // Nobody else may add to it, nor say what it is.
    const other = await join('node-6');
    expect(await calls(other).sendPiece(id, 0, bytes)).toEqual({ type: 'unknown' });
    const lie = { ...capture, sha256: '0'.repeat(64) };
    await calls(other).sendBatch(batch(1, { lane: 'must', lines: [], captures: [lie] }));

    const cut = 100_000;
    expect(await agent.sendPiece(id, 0, bytes.subarray(0, cut))).toMatchObject({ receivedBytes: cut, isWhole: false });
    expect((await fetchCapture(id)).status).toBe(410);
    expect(await agent.sendPiece(id, 0, bytes)).toMatchObject({
      type: 'later',
      reason: expect.stringContaining('409'),
    });
    expect(await agent.sendPiece(id, cut, bytes.subarray(cut))).toMatchObject({ isWhole: true });
    const fetched = await fetchCapture(id);
    expect(Buffer.from(await fetched.arrayBuffer()).equals(bytes)).toBe(true);

    // What its agent removes for room stays here.
    await agent.sendBatch(batch(2, { lane: 'must', lines: [], captures: [{ ...capture, state: 'removed' }] }));
    expect((await fetchCapture(id)).status).toBe(200);
  });

  test('a capture that is not what was said of it is refused, and nothing of it stays', async () => {
    const secret = await join('node-7');
    const agent = calls(secret);
    const said = { id: 'changed', rule: '', fromMs: nowMs, toMs: nowMs, sizeBytes: 4, sha256: 'a'.repeat(64) };
    const captures = [{ ...said, state: 'cut' as const }];
    await agent.sendBatch(batch(1, { lane: 'must', lines: [], captures }));
    expect(await agent.sendPiece('changed', 0, Buffer.from('12345'))).toMatchObject({ type: 'refused' });
    expect(await agent.sendPiece('changed', 0, Buffer.from('1234'))).toMatchObject({ type: 'refused' });
    expect(await agent.captureProgress('changed')).toMatchObject({ receivedBytes: 0 });
  });

  test('rules come from the server, and are sent again only when they changed', async () => {
    const secret = await join('node-3');
    const settings = await calls(secret).settings('');
    if (settings.type !== 'new') throw new Error(settings.type);
    expect(settings.content).toMatchObject({
      windowMs: 10_000,
      rules: expect.arrayContaining([expect.objectContaining({ name: 'linux.yaml' })]),
    });
    expect(await calls(secret).settings(settings.etag)).toEqual({ type: 'same' });
  });

  test.each<[string, () => Buffer]>([
    ['no gzip', () => Buffer.from('{}')],
    ['no JSON', () => gzipSync('{')],
    ['an unknown member', () => batch(1, { color: 'red' } as Partial<AgentBatch>)],
    ['a wrong number', () => batch(-1)],
    ['a bomb', () => gzipSync(Buffer.alloc(70 * 1024 * 1024))],
  ])('%s is refused for good, and nothing breaks', async (_what, bytes) => {
    const secret = await join('node-4');
    expect((await calls(secret).sendBatch(bytes())).type).toBe('refused');
    expect(await calls(secret).sendBatch(batch(1))).toEqual({ type: 'taken' });
  });

  test('whose an address outside is stands on the map, among talkers, and beside each kind of connection; no policy without pods', async () => {
    const secret = await join('node-n');
    const lines = [7, 8].map((last) => ({ ...lineOf(), remoteIp: `203.0.113.${last}`, sentBytes: 50_000 }));
    expect(await calls(secret).sendBatch(batch(1, { lines }))).toEqual({ type: 'taken' });
    const { nodes, edges } = await get<MapView>('/api/map');
    const cloud = nodes.find(({ name }) => name === 'Example Cloud');
    expect(edges.find(({ target }) => target === cloud?.id)).toMatchObject({ sentBytes: 100_000, addressCount: 2 });
    const { talkers } = await get<TalkersView>('/api/connections/talkers?by=remote_ip');
    expect(talkers[0]).toMatchObject({ network: 'Example Cloud', remoteName: '', sentBytes: 50_000 });
    const asked = await fetch(`${running.app.url}/api/map/network-policy?namespace=shop`, {
      headers: { cookie: ann.cookie },
    });
    expect(asked.headers.get('content-type')).toContain('application/yaml');
    expect(await asked.text()).toContain('# No pods are known of what was asked for');
    expect((await running.call(ann, 'GET', '/api/map/network-policy')).status).toBe(400);
    const { pairs } = await get<PairList>('/api/connections/pairs?address=203.0.113.7');
    expect(pairs).toMatchObject([{ remoteIp: '203.0.113.7', network: 'Example Cloud' }]);
  });
});
