/**
 * Files of the kernel: small, gone at any moment, and read many times a second. Whatever cannot be read is null; why does not matter here.
 *
 * The surprise: reading is synchronous. Such a file costs some microseconds, less than handing the call to another thread.
 */
import { closeSync, openSync, readdirSync, readlinkSync, readSync, statSync } from 'node:fs';

/** Of `/proc/stat` on a machine of many processors only the beginning is wanted. */
const LARGEST_READ_BYTES = 128 * 1024;
const buffer = Buffer.alloc(LARGEST_READ_BYTES);

export function readKernelFile(path: string): string | null {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return null;
  }
  try {
    let length = 0;
    for (;;) {
      const read = readSync(file, buffer, length, LARGEST_READ_BYTES - length, null);
      length += read;
      // A short read is the end of nearly every such file; what is longer than a page comes in pieces.
      if (read === 0 || length === LARGEST_READ_BYTES || (read < 1_024 && length < 1_024)) break;
    }
    return buffer.toString('latin1', 0, length);
  } catch {
    return null;
  } finally {
    closeSync(file);
  }
}

/** Names in a folder; none when it is gone. */
export function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Names of the folders in a folder. */
export function foldersIn(path: string): readonly string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch {
    return [];
  }
}

export function linkAt(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

/** How many links a folder has: it changes when a folder in it comes or goes. Null when it is gone. */
export function linksTo(path: string): number | null {
  try {
    return statSync(path).nlink;
  } catch {
    return null;
  }
}

/** The number after a key at the beginning of a line; null when there is none. */
export function numberAfter(text: string, key: string): number | null {
  const at = text.startsWith(`${key} `) ? 0 : text.indexOf(`\n${key} `) + 1;
  if (at === 0 && !text.startsWith(`${key} `)) return null;
  const value = Number.parseInt(text.slice(at + key.length + 1, at + key.length + 24), 10);
  return Number.isNaN(value) ? null : value;
}

/** A file that is one number; null when it says something else, such as `max`. */
export function numberIn(path: string): number | null {
  const text = readKernelFile(path);
  if (text === null) return null;
  const value = Number.parseInt(text, 10);
  return Number.isNaN(value) ? null : value;
}
