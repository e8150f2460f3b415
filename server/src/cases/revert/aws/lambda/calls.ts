/** Lambda, and how its functions are called: by a name, a part of an ARN, or all of it, with a version or alias behind. */
import type { Call, Caller } from '../../../../vendors/aws/calls.ts';
import { orNone, type ResourceKind, textOf, type TrailEvent } from '../../catalogue.ts';
import { everyObject } from '../../pages.ts';
import type { Fields } from '../../state.ts';

export type Answer = Readonly<Record<string, unknown>>;

export function call(operation: string, input: Fields = {}): Call {
  return { service: 'lambda', operation, input };
}

/** Null when what is asked for is not there. */
export function ask(caller: Caller, operation: string, input: Fields): Promise<Answer | null> {
  return orNone(caller.call(call(operation, input)), 'ResourceNotFoundException');
}

/** `shop` or, with a version or alias, `shop:live`. */
export function functionOf({ request }: TrailEvent): string | null {
  const given = textOf(request, 'functionName');
  if (given === null) return null;
  const parts = given.split(':');
  const at = parts.indexOf('function');
  // `123456789012:function:shop:live`, or `shop:live`.
  const [name = '', behind] = at === -1 ? parts : parts.slice(at + 1);
  const qualifier = textOf(request, 'qualifier') ?? behind;
  return qualifier === undefined || qualifier === '$LATEST' ? name : `${name}:${qualifier}`;
}

/** As calls want it. */
export function target(id: string): Fields {
  const [FunctionName = '', Qualifier] = id.split(':');
  return Qualifier === undefined ? { FunctionName } : { FunctionName, Qualifier };
}

export const listFunctions: ResourceKind['list'] = async (caller) => {
  const asked = { member: 'Functions', token: ['NextMarker', 'Marker'] } as const;
  const found = await everyObject(caller, call('ListFunctions'), asked);
  return found.flatMap((one) => textOf(one, 'FunctionName') ?? []);
};
