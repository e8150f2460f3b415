/** EC2, and how it is asked. Its events spell numbers now as numbers and now as texts, and lists as `{ items: [...] }`. */
import type { Call, Caller } from '../../../../vendors/aws/calls.ts';
import { type ResourceKind, type ResourceRef, textOf, type TrailEvent } from '../../catalogue.ts';
import { everyObject } from '../../pages.ts';
import type { Fields, Json } from '../../state.ts';

export type Answer = Readonly<Record<string, unknown>>;

export function call(operation: string, input: Fields = {}): Call {
  return { service: 'ec2', operation, input };
}

/** A text or a number, as text; nothing else. */
export function wordOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

export function numberOf(value: unknown): number | null {
  const word = wordOf(value);
  return word === '' || Number.isNaN(Number(word)) ? null : Number(word);
}

/** By the member of the request that names it, in either case: `groupId`, and `GroupId` in what stands in a wrapper. */
export function named(type: string, member: string) {
  return ({ request, account, region }: TrailEvent): readonly ResourceRef[] => {
    const id = textOf(request, member, member.charAt(0).toUpperCase() + member.slice(1));
    return id === null ? [] : [{ type, account, region, id }];
  };
}

/** All of a region, by a call that describes them. */
export function described(
  operation: string,
  { member, id, input = {} }: { readonly member: string; readonly id: string; readonly input?: Fields },
): ResourceKind['list'] {
  return async (caller) => {
    const found = await everyObject(caller, call(operation, input), { member, token: ['NextToken'] });
    return found.flatMap((one) => textOf(one, id) ?? []);
  };
}

export async function everyDescribed(
  caller: Caller,
  operation: string,
  { member, filters }: { readonly member: string; readonly filters: Readonly<Record<string, string>> },
): Promise<readonly Answer[]> {
  const Filters: Json = Object.entries(filters).map(([Name, value]) => ({ Name, Values: [value] }));
  return everyObject(caller, call(operation, { Filters }), { member, token: ['NextToken'] });
}
