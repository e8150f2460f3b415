/**
 * Secrets at rest: AES-256-GCM under the server's own key, a file beside the data that only its owner can read.
 *
 * Each sealed text is bound to what it belongs to (`purpose`), so that a row copied onto another person's row does not
 * open. Several servers on one database need the same key file.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { chmod, open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Random } from '../../ground/random.ts';

const KEY_FILE = 'server.key';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const PRIVATE_MODE = 0o600;

export interface SecretBox {
  seal(text: string, purpose: string): string;
  /** Throws when the text was altered, belongs to another purpose or was sealed with another key. */
  open(sealed: string, purpose: string): string;
}

export function createSecretBox(key: Uint8Array, random: Random): SecretBox {
  if (key.length !== KEY_BYTES) {
    throw new Error(`a server key has ${KEY_BYTES} bytes, not ${key.length}`);
  }
  return {
    seal(text, purpose) {
      const nonce = random.bytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(purpose));
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return `v1.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')}`;
    },
    open(sealed, purpose) {
      const bytes = Buffer.from(sealed.replace(/^v1\./, ''), 'base64url');
      if (!sealed.startsWith('v1.') || bytes.length < NONCE_BYTES + TAG_BYTES) {
        throw new Error('this is no sealed secret');
      }
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      const body = bytes.subarray(NONCE_BYTES + TAG_BYTES);
      return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8');
    },
  };
}

/** Reads `server.key` in the data directory, or makes it on the first start. Mode 0600 either way. */
export async function loadServerKey(dataDirectory: string, random: Random): Promise<Uint8Array> {
  const path = join(dataDirectory, KEY_FILE);
  await createKey(path, random);
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) {
    await chmod(path, PRIVATE_MODE);
  }
  const key = Buffer.from((await readFile(path, 'utf8')).trim(), 'base64url');
  if (key.length !== KEY_BYTES) {
    throw new Error(
      `${path} holds no server key. Put back the file that belongs to this data; without it every second factor must be enrolled again`,
    );
  }
  return key;
}

/** `wx`: of two servers that start at once, one makes the key and the other reads it. */
async function createKey(path: string, random: Random): Promise<void> {
  try {
    const file = await open(path, 'wx', PRIVATE_MODE);
    try {
      await file.writeFile(`${Buffer.from(random.bytes(KEY_BYTES)).toString('base64url')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) {
      throw error;
    }
  }
}
