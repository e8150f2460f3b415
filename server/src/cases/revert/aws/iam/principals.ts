/** IAM: whose something is, and how IAM is asked. Names hold no bar and no slash; paths are no part of them. */
import type { Call, Caller } from '../../../../vendors/aws/calls.ts';
import { orNone, type ResourceKind, type ResourceRef, textOf, type TrailEvent } from '../../catalogue.ts';
import { everyObject } from '../../pages.ts';
import type { Fields } from '../../state.ts';

const REGION = 'aws-global';
const NONE = ['NoSuchEntity', 'NoSuchEntityException'] as const;

export type PrincipalKind = 'User' | 'Role' | 'Group';
export interface Principal {
  readonly kind: PrincipalKind;
  readonly name: string;
}
export type Answer = Readonly<Record<string, unknown>>;

export function call(operation: string, input: Fields): Call {
  return { service: 'iam', operation, input };
}

/** Null when what is asked for is not there. */
export function ask(caller: Caller, operation: string, input: Fields): Promise<Answer | null> {
  return orNone(caller.call(call(operation, input)), ...NONE);
}

/** Every page; null when whose they are is gone. */
export function askAll(
  caller: Caller,
  operation: string,
  input: Fields,
  member: string,
): Promise<readonly Answer[] | null> {
  return orNone(everyObject(caller, call(operation, input), { member, token: ['Marker'] }), ...NONE);
}

export function iamResource(type: string, account: string, id: string): ResourceRef {
  return { type: `AWS::IAM::${type}`, account, region: REGION, id };
}

/** By the request's own member: `userName`, `roleName`, `groupName`. */
export function principalOf({ request, name }: TrailEvent): Principal | null {
  const kind = (['User', 'Role', 'Group'] as const).find((one) => name.includes(one)) ?? 'User';
  const who = textOf(request, `${kind.toLowerCase()}Name`);
  return who === null ? null : { kind, name: who };
}

/** `User/alice`. */
export function idOf({ kind, name }: Principal): string {
  return `${kind}/${name}`;
}

export function principalIn(id: string): Principal {
  const [kind = 'User', name = ''] = (id.split('|')[0] ?? '').split('/');
  return { kind: kind === 'Role' || kind === 'Group' ? kind : 'User', name };
}

/** `{ UserName: 'alice' }`. */
export function named({ kind, name }: Principal): Fields {
  return { [`${kind}Name`]: name };
}

/** Roles that AWS keeps for itself answer every change with UnmodifiableEntity. */
export function reservedBecause({ id }: Pick<ResourceRef, 'id'>): string | null {
  const { kind, name } = principalIn(id);
  return kind === 'Role' && /^AWS(?:ServiceRoleFor|ReservedSSO_)/.test(name)
    ? 'AWS keeps this role for itself: it is changed where it comes from, in IAM Identity Center or by its service'
    : null;
}

/** Every principal of some kinds, as ids. */
export function principals(...kinds: readonly PrincipalKind[]): ResourceKind['list'] {
  return async (caller) => {
    const found: string[] = [];
    for (const kind of kinds) {
      const all = (await askAll(caller, `List${kind}s`, {}, `${kind}s`)) ?? [];
      found.push(...all.map((one) => idOf({ kind, name: textOf(one, `${kind}Name`) ?? '' })));
    }
    return found.filter((id) => reservedBecause({ id }) === null);
  };
}
