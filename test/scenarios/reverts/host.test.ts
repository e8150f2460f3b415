/** What is done on the machine itself, really: a process held, a control group frozen, a peer cut off; each found, done, read back and undone. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createReverts } from '../../../server/src/cases/revert/engine.ts';
import { createLedger } from '../../../server/src/cases/revert/ledger.ts';
import { systemClock } from '../../../server/src/ground/clock.ts';
import { systemRandom } from '../../../server/src/ground/random.ts';
import type { State } from '../../../server/src/ground/state.ts';
import { createHostCaller } from '../../../server/src/vendors/linux/host.ts';
import { describeWith } from '../../data.ts';
import { openTestPglite } from '../../state.ts';

const ROOT = process.getuid?.() === 0;
const NFT = ROOT && spawnSync('nft', ['list', 'tables'], { stdio: 'ignore' }).status === 0;
const FREEZERS = ['/sys/fs/cgroup/freezer', '/sys/fs/cgroup/unified', '/sys/fs/cgroup'];
const GROUPS = ROOT ? FREEZERS.filter((root) => existsSync(join(root, 'cgroup.procs'))) : [];

describe('on the machine itself', () => {
  let state: State;
  let wishes = 0;
  const caller = createHostCaller();
  const children: ChildProcess[] = [];
  beforeAll(async () => {
    state = await openTestPglite();
  }, 180_000);
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await state?.close();
  });
  const reverts = () =>
    createReverts({
      ...{ state, clock: systemClock, random: systemRandom, ledger: createLedger(null), callerOf: () => caller },
      ...{ ownRoles: [], breakGlass: [], mostPerAccount: 100 },
    });
  const wish = async (name: string, request: Record<string, unknown>) => {
    wishes += 1;
    const at = { account: 'host', region: 'host', timeMs: Date.now() };
    const one = reverts();
    const event = { eventId: `host-${wishes}`, service: 'countersign', name, ...at, request, response: {} };
    const [planned] = await one.plan(event, { caseId: null, mode: 'auto' });
    return planned?.state === 'planned' ? one.run(planned.id) : planned;
  };
  const begin = () => {
    const child = spawn('sleep', ['300'], { stdio: 'ignore' });
    children.push(child);
    return child.pid ?? 0;
  };
  const stat = (pid: number) => {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], startTicks: fields[19] ?? '' };
  };

  test('a process is held and goes on again; one that took over its number is let be', async () => {
    const pid = begin();
    await sleep(50);
    const { startTicks } = stat(pid);
    const held = await wish('StopProcess', { pid, startTicks });
    expect(held).toMatchObject({ state: 'reverted', failure: null });
    expect(stat(pid).state).toBe('T');
    expect(await reverts().undo(held?.id ?? '', 'ann')).toMatchObject({ state: 'undone' });
    expect(stat(pid).state).not.toBe('T');
    expect(await wish('StopProcess', { pid, startTicks: '1' })).toMatchObject({ state: 'already-done' });
    expect(stat(pid).state).not.toBe('T');
    for (const bad of [
      { pid: 1, startTicks: '1' },
      { pid: process.pid, startTicks: stat(process.pid).startTicks },
    ])
      expect(await wish('StopProcess', bad)).toMatchObject({
        state: 'failed',
        failure: expect.stringContaining('Invalid'),
      });
  }, 60_000);

  describeWith({ name: 'a control group that root may freeze', present: GROUPS.length > 0 })('a container', () => {
    test.each(GROUPS)('is frozen and thawed, below %s', async (root) => {
      const cgroup = `/countersign-test-${process.pid}`;
      mkdirSync(join(root, cgroup));
      const pid = begin();
      try {
        writeFileSync(join(root, cgroup, 'cgroup.procs'), String(pid));
        const frozen = await wish('PauseContainer', { cgroup });
        expect(frozen).toMatchObject({ state: 'reverted', failure: null });
        expect((await caller.call({ service: 'linux', operation: 'ReadFreezer', input: { cgroup } }))['frozen']).toBe(
          true,
        );
        expect(await reverts().undo(frozen?.id ?? '', 'ann')).toMatchObject({ state: 'undone' });
        expect((await caller.call({ service: 'linux', operation: 'ReadFreezer', input: { cgroup } }))['frozen']).toBe(
          false,
        );
      } finally {
        process.kill(pid, 'SIGKILL');
        for (let tries = 0; tries < 50; tries += 1) {
          try {
            rmdirSync(join(root, cgroup));
            break;
          } catch {
            await sleep(100);
          }
        }
      }
    }, 60_000);

    test('no path leads out of the hierarchy', async () => {
      for (const cgroup of ['/', '../etc', '/a/../../etc', 'a'])
        expect(await wish('PauseContainer', { cgroup })).toMatchObject({
          state: 'failed',
          failure: expect.stringContaining('Invalid'),
        });
    }, 60_000);
  });

  describeWith({ name: 'nftables, as root', present: NFT })('a peer', () => {
    // Of documentation: nobody is there, and what is not cut off still leaves this machine's own hands.
    const PEER = '198.51.100.77';
    const route = (change: 'add' | 'del') =>
      spawnSync('ip', ['route', change, `${PEER}/32`, 'dev', 'lo'], { stdio: 'ignore' });
    const send = () =>
      new Promise<string>((resolve) => {
        const socket = createSocket('udp4');
        socket.send('hello', 9, PEER, (error) => {
          socket.close();
          resolve(error === null ? 'sent' : error.message);
        });
      });
    beforeAll(() => {
      route('add');
    });
    afterAll(() => {
      route('del');
      spawnSync('nft', ['delete', 'table', 'inet', 'countersign'], { stdio: 'ignore' });
    });

    test('is cut off and let in again', async () => {
      expect(await send()).toBe('sent');
      const cut = await wish('BlockPeer', { address: PEER });
      expect(cut).toMatchObject({ state: 'reverted', failure: null });
      expect(await send()).toContain('EPERM');
      expect(await reverts().undo(cut?.id ?? '', 'ann')).toMatchObject({ state: 'undone' });
      expect(await send()).toBe('sent');
      const own = await wish('BlockPeer', { address: '127.0.0.77' });
      expect(own).toMatchObject({ state: 'failed', failure: expect.stringContaining('this machine itself') });
      expect(await wish('BlockPeer', { address: '2001:db8::7' })).toMatchObject({ state: 'reverted' });
      expect(await wish('BlockPeer', { address: '0.0.0.0/0' })).toMatchObject({ state: 'failed' });
    }, 60_000);
  });
});
