/** Which address a command may send a secret to, and what it says of one that it may not. */
import { expect, test } from 'vitest';
import { InputError, UsageError } from './command-line.ts';
import { readToken, serverAddress } from './server-address.ts';

test.each([
  'https://countersign.example.com',
  'http://localhost:8080',
  'http://127.0.0.1',
  'http://[::1]:8080',
])('%s', (text) => {
  expect(serverAddress(text, 'a token').href).toBe(new URL(text).href);
});

test.each([
  [undefined, /^say which server with --server/],
  ['', /it must be an http or https address$/],
  ['countersign.example.com', /it must be an http or https address$/],
  ['file:///etc/passwd', /it must be an http or https address$/],
  ['http://countersign.example.com', /over a network a token needs https$/],
  ['http://localhost.example.com', /over a network a token needs https$/],
])('%s is refused', (text, why) => {
  const refused = () => serverAddress(text, 'a token');
  expect(refused).toThrow(UsageError);
  expect(refused).toThrow(why);
});

test('a token that cannot be read is the input of the person, not a mistake in the call', () => {
  expect(() => readToken('/nowhere/token')).toThrow(InputError);
});
