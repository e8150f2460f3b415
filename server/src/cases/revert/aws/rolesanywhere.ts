/** IAM Roles Anywhere: who outside may become a role inside. Row 29. What was made is disabled, and deleted by a person. */
import type { Call, Caller } from '../../../vendors/aws/calls.ts';
import { type CatalogueEntry, objectOf, orNone, type ResourceKind, textOf } from '../catalogue.ts';
import { everyObject } from '../pages.ts';
import type { Fields, ResourceState } from '../state.ts';

/** A trust anchor or a profile: what AWS calls it in operations, and in members. */
interface Door {
  readonly type: string;
  readonly stem: 'TrustAnchor' | 'Profile';
  readonly member: 'trustAnchor' | 'profile';
  readonly read: CatalogueEntry['read'];
}

const DOORS: readonly Door[] = [
  doorOf({ type: 'AWS::RolesAnywhere::TrustAnchor', stem: 'TrustAnchor', member: 'trustAnchor' }),
  doorOf({ type: 'AWS::RolesAnywhere::Profile', stem: 'Profile', member: 'profile' }),
];

function call(operation: string, input: Fields): Call {
  return { service: 'rolesanywhere', operation, input };
}

function doorOf(door: Omit<Door, 'read'>): Door {
  const { stem, member } = door;
  const read = async (caller: Caller, { id }: { readonly id: string }): Promise<ResourceState> => {
    const asked = caller.call(call(`Get${stem}`, { [`${member}Id`]: id }));
    const answer = await orNone(asked, 'ResourceNotFoundException');
    return answer === null ? null : { enabled: objectOf(answer, member)['enabled'] === true };
  };
  return { ...door, read };
}

function entryOf({ type, stem, member, read }: Door): CatalogueEntry {
  const idName = `${member}Id`;
  return {
    row: 29,
    events: [`rolesanywhere:Create${stem}`],
    class: 'X',
    mode: 'after-answer',
    proof: 'shape',
    resources: ({ response, account, region }) => {
      const id = textOf(objectOf(response, member), idName);
      return id === null ? [] : [{ type, account, region, id }];
    },
    cannot: ({ response }) =>
      textOf(objectOf(response, member), idName) === null ? 'the event does not tell the id of what was made' : null,
    read,
    after: ({ request, response }) => ({
      enabled: (objectOf(response, member)['enabled'] ?? request['enabled']) === true,
    }),
    before: () => ({ enabled: false }),
    lead: (from, to, { resource }) => {
      if (from === null || to === null) return [];
      return [call(`${to['enabled'] === true ? 'Enable' : 'Disable'}${stem}`, { [idName]: resource.id })];
    },
    remains: 'sessions-live-on',
  };
}

export const rolesanywhereEntries: readonly CatalogueEntry[] = DOORS.map(entryOf);

export const rolesanywhereKinds: readonly ResourceKind[] = DOORS.map((door) => ({
  type: door.type,
  reach: 'region',
  read: door.read,
  list: async (caller) => {
    const all = { member: `${door.member}s`, token: ['nextToken'] } as const;
    const doors = await everyObject(caller, call(`List${door.stem}s`, {}), all);
    return doors.flatMap((one) => textOf(one, `${door.member}Id`) ?? []);
  },
}));
