/** When a process began, as `/proc` has it: for processes that were there before anybody looked. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ProcessStart {
  /** The same for the same process, whoever looks: clock ticks since the machine began. */
  readonly mark: string;
  readonly startedMs: number;
}

/** Clock ticks a second, as `/proc` tells them on every architecture (USER_HZ). */
const TICKS_A_SECOND = 100;

/** Null when the process is gone. @param root where the host's files are. */
export function processStart(root: string, pid: number): ProcessStart | null {
  try {
    const boot = /^btime (\d+)$/m.exec(readFileSync(join(root, 'proc/stat'), 'utf8'))?.[1];
    const text = readFileSync(join(root, 'proc', String(pid), 'stat'), 'latin1');
    // The name in parentheses may hold anything, also parentheses.
    const ticks = text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
    if (boot === undefined || ticks === undefined || !/^\d{1,20}$/.test(ticks)) return null;
    return { mark: ticks, startedMs: Number(boot) * 1_000 + (Number(ticks) * 1_000) / TICKS_A_SECOND };
  } catch {
    return null;
  }
}
