/**
 * EC2: snapshots and images that are shared. Row 34.
 *
 * The surprise: nothing is enrolled here. Accounts hold snapshots by the hundred thousand, and the event tells whom it added.
 */
import { type CatalogueEntry, listOf, objectOf, orNone, textOf, type TrailEvent } from '../../catalogue.ts';
import type { Fields, Json } from '../../state.ts';
import { call, named } from './calls.ts';

interface Shared {
  readonly type: string;
  readonly event: string;
  /** `snapshotId`, `SnapshotId`. */
  readonly id: string;
  /** The attribute, and the member of a request that holds what was added. */
  readonly attribute: 'createVolumePermission' | 'launchPermission';
  readonly answer: string;
  readonly gone: string;
  /** What the call names groups by. */
  readonly groups: string;
}

const EVERYBODY = 'all';

/** With whom, in an event or in an answer. */
function whom(item: Readonly<Record<string, unknown>>): string | null {
  const names = ['userId', 'group', 'organizationArn', 'organizationalUnitArn'];
  return textOf(item, ...names.flatMap((name) => [name, name.charAt(0).toUpperCase() + name.slice(1)]));
}

function listed({ request }: TrailEvent, attribute: string, which: 'add' | 'remove'): readonly string[] {
  return listOf(objectOf(request, attribute), which).flatMap((item) => whom(item) ?? []);
}

function without(state: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(state).filter(([name]) => !names.includes(name)));
}

/** Each sharer is a field. */
function shares({ type, event, id, attribute, answer, gone, groups }: Shared): CatalogueEntry {
  const member = id.charAt(0).toUpperCase() + id.slice(1);
  const change = (resource: string, OperationType: string, names: readonly string[]) => {
    const by = (key: string, fits: (name: string) => boolean) => {
      const fitting = names.filter(fits);
      return fitting.length === 0 ? {} : { [key]: fitting };
    };
    return call(event, {
      [member]: resource,
      Attribute: attribute,
      OperationType,
      ...by('UserIds', (name) => /^\d{12}$/.test(name)),
      ...by(groups, (name) => name === EVERYBODY),
      ...by('OrganizationArns', (name) => name.includes(':organization/')),
      ...by('OrganizationalUnitArns', (name) => name.includes(':ou/')),
    });
  };
  return {
    row: 34,
    events: [`ec2:${event}`],
    class: 'X',
    mode: 'after-answer',
    urgent: {
      mode: 'auto',
      of: 'it is shared with everybody',
      applies: (look) => listed(look.event, attribute, 'add').includes(EVERYBODY),
    },
    proof: 'emulator',
    // Other attributes share nothing.
    resources: (trail) => (attribute in trail.request ? named(type, id)(trail) : []),
    cannot: (trail) => (attribute in trail.request ? null : 'this set another attribute, which shares nothing'),
    read: async (caller, resource) => {
      const asked = caller.call(
        call(event.replace('Modify', 'Describe'), { [member]: resource.id, Attribute: attribute }),
      );
      const found = await orNone(asked, gone);
      if (found === null) return null;
      return Object.fromEntries(listOf(found, answer).flatMap((one): [string, Json][] => [[whom(one) ?? '', true]]));
    },
    after: (trail, baseline) => {
      if (baseline === null) return null;
      const given = Object.fromEntries(listed(trail, attribute, 'add').map((who) => [who, true]));
      return { ...without(baseline, listed(trail, attribute, 'remove')), ...given };
    },
    before: (trail, current) => {
      if (current === null) return null;
      const taken = Object.fromEntries(listed(trail, attribute, 'remove').map((who) => [who, true]));
      return { ...without(current, listed(trail, attribute, 'add')), ...taken };
    },
    lead: (from, to, { resource }) => {
      if (from === null || to === null) return [];
      const less = Object.keys(from).filter((who) => !(who in to));
      const more = Object.keys(to).filter((who) => !(who in from));
      // Adding and removing do not go in one call.
      return [
        ...(less.length > 0 ? [change(resource.id, 'remove', less)] : []),
        ...(more.length > 0 ? [change(resource.id, 'add', more)] : []),
      ];
    },
    remains: 'copies-taken',
  };
}

export const shareEntries: readonly CatalogueEntry[] = [
  shares({
    type: 'AWS::EC2::Snapshot',
    event: 'ModifySnapshotAttribute',
    id: 'snapshotId',
    attribute: 'createVolumePermission',
    answer: 'CreateVolumePermissions',
    gone: 'InvalidSnapshot.NotFound',
    groups: 'GroupNames',
  }),
  shares({
    type: 'AWS::EC2::Image',
    event: 'ModifyImageAttribute',
    id: 'imageId',
    attribute: 'launchPermission',
    answer: 'LaunchPermissions',
    gone: 'InvalidAMIID.NotFound',
    groups: 'UserGroups',
  }),
];
