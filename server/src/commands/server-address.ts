/** Which server a command speaks to, and the secret it speaks with. */
import { readFileSync } from 'node:fs';
import { messageOf } from '../ground/failure.ts';
import { InputError, UsageError } from './command-line.ts';

const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

/** @param secret what would be read by others without https: "a token". @throws UsageError */
export function serverAddress(text: string | undefined, secret: string): URL {
  if (text === undefined) throw new UsageError('say which server with --server https://countersign.example.com');
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['https:', 'http:'].includes(url.protocol))
    throw new UsageError(`--server is '${text}', it must be an http or https address`);
  if (url.protocol === 'http:' && !LOOPBACK.includes(url.hostname))
    throw new UsageError(`--server is '${text}': over a network ${secret} needs https`);
  return url;
}

/** @throws InputError */
export function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new InputError(`the token cannot be read: ${messageOf(error)}`);
  }
}
