/** The spool of an agent: whole batches, in order, over restarts; what may go goes first, findings never. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Spool, type Urgency } from './spool.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'countersign-spool-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const openSpool = (mostBytes = 1_000) => Spool.open({ directory, mostBytes });
const add = (spool: Spool, urgency: Urgency, size = 10) =>
  spool.add(urgency, (sequence) => Buffer.alloc(size, sequence));

describe('what could not be sent yet', () => {
  it('is sent in the order of its making, findings before the rest, and gone when the server has it', async () => {
    const spool = await openSpool();
    await add(spool, 'may');
    await add(spool, 'may');
    const finding = await add(spool, 'must');
    expect(spool.next()).toBe(finding);
    await spool.remove(finding);
    expect(spool.next()).toMatchObject({ sequence: 1, urgency: 'may' });
    expect((await spool.read(spool.next() ?? finding))[0]).toBe(1);
    expect([spool.length, spool.sizeBytes]).toEqual([2, 20]);
  });

  it('is in the order of its making also when a small one is made while a large one is written', async () => {
    const spool = await openSpool(100_000_000);
    const made = [add(spool, 'must', 8_000_000), add(spool, 'must', 100), add(spool, 'must', 100)];
    // The first that is there is the first that is sent.
    const first = await Promise.race(made);
    expect(first.sequence).toBe(1);
    expect(spool.next()).toBe(first);
    expect((await Promise.all(made)).map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    for (const sequence of [1, 2, 3]) {
      const next = spool.next();
      expect(next?.sequence).toBe(sequence);
      if (next !== null) await spool.remove(next);
    }
  });

  it('one that cannot be made holds up none that follows', async () => {
    const spool = await openSpool();
    const failed = spool.add('must', () => {
      throw new Error('too large');
    });
    const next = add(spool, 'must');
    await expect(failed).rejects.toThrow('too large');
    const kept = await next;
    expect(spool.next()).toBe(kept);
  });

  it('outlives the agent; a draft does not, and no number is given twice', async () => {
    const before = await openSpool();
    await add(before, 'must');
    await add(before, 'may');
    writeFileSync(join(directory, '0000000000000003.must.gz.draft'), 'half');
    const after = await openSpool();
    expect([after.length, after.sizeBytes]).toEqual([2, 20]);
    expect((await add(after, 'may')).sequence).toBe(3);
    expect((await openSpool()).next()?.sequence).toBe(1);
    expect(readdirSync(directory)).toHaveLength(3);
  });

  it('no number is given twice, also when everything was sent or refused before the agent began again', async () => {
    const before = await openSpool();
    const [first, second] = [await add(before, 'may'), await add(before, 'must')];
    await before.remove(second);
    await before.remove(first);
    const again = await openSpool();
    expect([again.length, (await add(again, 'may')).sequence]).toEqual([0, 3]);
    const refused = again.next();
    if (refused !== null) await again.setAside(refused);
    expect((await add(await openSpool(), 'must')).sequence).toBe(4);
  });

  it('the oldest activity goes first when it is full, and is counted; findings stay, even above the bound', async () => {
    const spool = await openSpool(100);
    for (let number = 0; number < 8; number += 1) await add(spool, number % 4 === 0 ? 'must' : 'may', 20);
    expect(spool.dropped).toBe(3);
    expect(spool.sizeBytes).toBe(100);
    for (let number = 0; number < 8; number += 1) await add(spool, 'must', 20);
    expect(spool.dropped).toBe(6);
    expect(spool.sizeBytes).toBe(200);
    expect(spool.next()?.sequence).toBe(1);
  });

  it('what the server will never take is put aside, not thrown away', async () => {
    const spool = await openSpool();
    const batch = await add(spool, 'must');
    const path = await spool.setAside(batch);
    expect(path).toContain(join('refused', '0000000000000001.must.gz'));
    expect(spool.next()).toBeNull();
    expect(readdirSync(join(directory, 'refused'))).toHaveLength(1);
  });
});
