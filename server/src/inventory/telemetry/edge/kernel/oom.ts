/**
 * Whom the kernel killed for want of memory, from its log: a container whose first process is killed is gone, counter and all, before anybody
 * looks. Where only root may read the log, the counters of groups that live on are all there is.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs';

const RECORD_BYTES = 8 * 1024;
const MOST_RECORDS = 1_000;
const KILLED = /;oom-kill:.*[,;]task_memcg=([^,\n]+),/;

export class OomLog {
  readonly #file: number | null;
  readonly #buffer = Buffer.alloc(RECORD_BYTES);

  constructor(device = '/dev/kmsg') {
    this.#file = openAtEnd(device);
    // What happened before is no news.
    if (this.#file !== null) this.look(Number.POSITIVE_INFINITY);
  }

  /** The groups of those that were killed since the last look. */
  look(most = MOST_RECORDS): readonly string[] {
    const found: string[] = [];
    for (let count = 0; this.#file !== null && count < most; count += 1) {
      const record = this.#read(this.#file);
      if (record === null) break;
      const path = KILLED.exec(record)?.[1];
      if (path !== undefined) found.push(path);
    }
    return found;
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
  }

  /** One record a read; null when there are no more. Records that were overwritten meanwhile are passed over. */
  #read(file: number): string | null {
    try {
      const length = readSync(file, this.#buffer);
      return length === 0 ? null : this.#buffer.toString('latin1', 0, length);
    } catch (error) {
      return error instanceof Error && 'code' in error && error.code === 'EPIPE' ? '' : null;
    }
  }
}

function openAtEnd(device: string): number | null {
  try {
    return openSync(device, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return null;
  }
}
