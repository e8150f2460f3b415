/** Captures as files: what they are called, where they lie, and what proves that one is still the same. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';

/** A pattern of the whole id. It comes from hosts, and becomes part of a path. */
export const RECORDING_ID = '^[A-Za-z0-9-]{1,64}$';
const ID = new RegExp(RECORDING_ID);
export const SUFFIX = '.scap.gz';

/** The file of a capture; null for an id that is none. */
export function recordingFile(directory: string, id: string): string | null {
  return ID.test(id) ? join(directory, `${id}${SUFFIX}`) : null;
}

/** The id in a file's name that ends with `suffix`; null for other files. */
export function recordingIn(name: string, suffix = SUFFIX): string | null {
  const id = name.endsWith(suffix) ? name.slice(0, -suffix.length) : '';
  return ID.test(id) ? id : null;
}

/** Beside this server's own, those of agents. */
export function agentCaptures(directory: string): string {
  return join(directory, 'agents');
}

/** SHA-256, hexadecimal. */
export async function hashOfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
