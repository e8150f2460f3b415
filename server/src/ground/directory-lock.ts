/**
 * A directory with one owner: a lock file that names the process that holds it.
 *
 * The surprise: the lock of a killed process must not keep the next one out, and process ids come again (in a container
 * the first process is always 1), so the file also names when its process started, where the system tells (Linux).
 */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from './failure.ts';

const FILE_NAME = 'state.lock';
const MOST_TRIES = 3;
/** Two processes that find the same stale lock may each remove the other's new one; after this long the winner is settled. */
const SETTLE_MS = 200;
/** Directories that this very process holds. */
const held = new Set<string>();

export interface DirectoryLock {
  release(): void;
}

/** @throws Failure `state-in-use`. */
export async function lockDirectory(path: string): Promise<DirectoryLock> {
  const directory = resolve(path);
  const file = join(directory, FILE_NAME);
  if (held.has(directory)) throw inUse(directory, file);
  held.add(directory);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const mark = markOf(process.pid);
    for (let attempt = 1; attempt <= MOST_TRIES; attempt += 1) {
      if (create(file, mark)) {
        if (attempt > 1) await sleep(SETTLE_MS);
        if (read(file) === mark) return { release: () => release(directory, file, mark) };
      }
      if (isHeld(read(file))) break;
      rmSync(file, { force: true });
    }
    throw inUse(directory, file);
  } catch (error) {
    held.delete(directory);
    throw error;
  }
}

function release(directory: string, file: string, mark: string): void {
  if (read(file) === mark) rmSync(file, { force: true });
  held.delete(directory);
}

function inUse(directory: string, file: string): Failure {
  return new Failure(
    `${directory} is in use by another process (${file}): stop it, or choose another directory with --data`,
    { code: 'state-in-use', httpStatus: 503, retryable: true },
  );
}

function create(file: string, mark: string): boolean {
  try {
    const descriptor = openSync(file, 'wx', 0o600);
    writeSync(descriptor, mark);
    closeSync(descriptor);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') return false;
    throw error;
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return '';
    throw error;
  }
}

/** `<pid> <start>`; a mark of our own pid with another start is that of a former life. */
function isHeld(mark: string): boolean {
  const [pidText = '', start = ''] = mark.split(' ');
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return false;
  if (pid === process.pid) return false;
  const startNow = startOf(pid);
  return start === '' || startNow === '' || start === startNow;
}

function markOf(pid: number): string {
  return `${pid} ${startOf(pid)}`;
}

/** When a process started, in the kernel's ticks since boot, and which boot; empty where nobody tells. */
function startOf(pid: number): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // The name in parentheses may hold anything; the start time is the 20th field after it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(')').at(-1)?.trim().split(' ') ?? [];
    return `${boot}:${fields[19] ?? ''}`;
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}
