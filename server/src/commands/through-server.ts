/** Commands that ask a running server: where it is, with which token, and what it said. */
import { createServerCalls, type ServerAnswer, type ServerCalls } from '../vendors/countersign/server-calls.ts';
import { type Arguments, InputError, UsageError } from './command-line.ts';
import { readToken, serverAddress } from './server-address.ts';

/** @throws UsageError, InputError when the address or the token cannot be used. @param whose "of an admin": whose token is needed. */
export function serverOf(given: Arguments, whose: string): ServerCalls {
  const server = serverAddress(given.text('server'), 'a token');
  const file = given.text('token-file');
  if (file === undefined) throw new UsageError(`name a file with an API token ${whose} with --token-file`);
  return createServerCalls({ server, token: readToken(file) });
}

/** @throws InputError when there is no answer. */
export function bodyOf(answer: ServerAnswer): Readonly<Record<string, unknown>> {
  if (answer.type === 'answer') return answer.body;
  if (answer.status === null) throw new InputError(`no server answers: ${answer.reason}`);
  throw new InputError(`the server refuses it: ${answer.status} ${answer.reason}`);
}
