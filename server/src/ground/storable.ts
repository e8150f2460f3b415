/**
 * Text that PostgreSQL takes: without NUL and without halves of characters, both of which an attacker may put in a name
 * or a user agent to make the whole batch fail for ever.
 */

const REPLACEMENT = '\ufffd';

export function storable(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8').replaceAll('\u0000', REPLACEMENT);
}
