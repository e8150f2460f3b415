/** Answers that come in pages, read to their end: a state of which the rest is missing would be a wrong one. */
import { type Call, type Caller, CallFailure } from '../../vendors/aws/calls.ts';
import { objectOf, textOf } from './catalogue.ts';

const MOST_PAGES = 2_000;

/**
 * @param member where the items are: `Reservations`.
 * @param token the answer's name of the next page, and the request's, where it differs: `['NextMarker', 'Marker']`.
 * @throws CallFailure, also when there are more pages than anybody should read.
 */
export async function everyPage(
  caller: Caller,
  call: Call,
  { member, token: [given, asked = given] }: { readonly member: string; readonly token: readonly [string, string?] },
): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  let next: string | null = null;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const input = next === null ? call.input : { ...call.input, [asked]: next };
    const answer = await caller.call({ ...call, input });
    const items = answer[member];
    if (Array.isArray(items)) found.push(...(items as unknown[]));
    next = textOf(answer, given);
    if (next === null) return found;
  }
  throw new CallFailure('TooManyPages', `${call.operation} has more than ${MOST_PAGES} pages`, false);
}

/** For calls that take only so many at once. */
export function inBatches<T>(list: readonly T[], most: number): readonly (readonly T[])[] {
  const count = Math.ceil(list.length / most);
  return Array.from({ length: count }, (_, batch) => list.slice(batch * most, (batch + 1) * most));
}

/** The objects of every page. */
export async function everyObject(
  ...args: Parameters<typeof everyPage>
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const items = await everyPage(...args);
  return items.map((item) => objectOf({ item }, 'item'));
}
