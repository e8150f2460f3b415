/** Files are taken once they are whole, whatever way they come. */
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { systemClock } from '../../ground/clock.ts';
import { type SettledFile, watchDirectory } from './watch-directory.ts';

const root = mkdtempSync(join(tmpdir(), 'countersign-watching-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const SETTLE_MS = 150;

function folder(name: string): string {
  const path = join(root, name);
  mkdirSync(path, { recursive: true });
  return path;
}

/** Collects what settles while `act` runs, until `count` files came. */
async function watching(path: string, count: number, act: () => Promise<void> | void): Promise<SettledFile[]> {
  const stop = new AbortController();
  const found: SettledFile[] = [];
  const watched = (async () => {
    const options = { clock: systemClock, signal: stop.signal, settleMs: SETTLE_MS, lookEveryMs: 20 };
    for await (const file of watchDirectory(path, options)) {
      found.push(file);
      if (found.length >= count) return;
    }
  })();
  await systemClock.sleep(100);
  await act();
  await Promise.race([watched, systemClock.sleep(10_000)]);
  await systemClock.sleep(count === 0 ? 500 : 0);
  stop.abort();
  await watched;
  return found;
}
const names = (files: readonly SettledFile[]) => files.map((file) => file.path.slice(root.length + 1));

test('files that are there and files that come, in folders that come', async () => {
  const path = folder('come');
  const old = new Date('2026-01-01T00:00:00Z');
  for (const name of ['b.json', 'a.json']) {
    writeFileSync(join(path, name), '{}');
    utimesSync(join(path, name), old, old);
  }
  const files = await watching(path, 3, () => {
    mkdirSync(join(path, '2026', '11'), { recursive: true });
    writeFileSync(join(path, '2026', '11', 'c.json.gz'), 'x');
  });
  expect(names(files)).toEqual(['come/a.json', 'come/b.json', 'come/2026/11/c.json.gz']);
  expect(files[0]).toMatchObject({ sizeBytes: 2, modifiedMs: old.getTime() });
});

test('a file that is being written is taken once, whole', async () => {
  const path = folder('written');
  const file = join(path, 'slow.json');
  const files = await watching(path, 1, async () => {
    for (let part = 0; part < 8; part += 1) {
      appendFileSync(file, 'x'.repeat(1000));
      await systemClock.sleep(SETTLE_MS / 3);
    }
  });
  expect(files).toMatchObject([{ path: file, sizeBytes: 8000 }]);
});

test('a file that grows later comes again', async () => {
  const path = folder('grows');
  const file = join(path, 'audit.log');
  writeFileSync(file, 'one');
  const files = await watching(path, 2, async () => {
    await systemClock.sleep(SETTLE_MS * 3);
    appendFileSync(file, 'two');
  });
  expect(files.map(({ sizeBytes }) => sizeBytes)).toEqual([3, 6]);
});

test('what is not finished by its name waits for its real one; signatures of trails never come', async () => {
  const path = folder('names');
  const files = await watching(path, 2, async () => {
    for (const name of ['.hidden', 'a.json.gz.6Bb4a2C1', 'b.part', 'c~', 'audit.log.20261123']) {
      writeFileSync(join(path, name), 'x');
    }
    mkdirSync(join(path, 'CloudTrail-Digest'));
    writeFileSync(join(path, 'CloudTrail-Digest', 'd.json.gz'), 'x');
    await systemClock.sleep(SETTLE_MS * 3);
    renameSync(join(path, 'a.json.gz.6Bb4a2C1'), join(path, 'a.json.gz'));
  });
  expect(names(files)).toEqual(['names/audit.log.20261123', 'names/a.json.gz']);
});

test('a pattern and a single file', async () => {
  const path = folder('pattern');
  const act = () => {
    for (const name of ['a.json', 'b.txt']) writeFileSync(join(path, name), 'x');
  };
  expect(names(await watching(join(path, '**', '*.json'), 1, act))).toEqual(['pattern/a.json']);
  expect(names(await watching(join(path, 'b.txt'), 1, act))).toEqual(['pattern/b.txt']);
});

test('a folder that is not there is a clear failure', async () => {
  const options = { clock: systemClock, signal: new AbortController().signal };
  await expect(watchDirectory(join(root, 'nowhere'), options).next()).rejects.toThrow(
    /nowhere cannot be watched: ENOENT/,
  );
});
