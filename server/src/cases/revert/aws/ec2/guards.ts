/** EC2: what guards a whole account in a region: encryption, public snapshots and images, the serial console. Row 36. */
import type { CatalogueEntry, ResourceKind } from '../../catalogue.ts';
import { type Json, toJson } from '../../state.ts';
import { call } from './calls.ts';

interface Guard {
  readonly type: string;
  readonly event: string;
  readonly proof: CatalogueEntry['proof'];
  readonly get: string;
  /** The member of the answer. */
  readonly member: string;
  /** As the event makes it, and as it was where nobody vouched: what guards, and takes nothing away that is shared already. */
  readonly open: Json;
  readonly guarded: Json;
  lead(to: Json): ReturnType<typeof call>;
  readonly remains?: string;
  /** AWS takes so long to carry a change out, and tells the state of before meanwhile. */
  readonly lagMs?: number;
}

const GUARDS: readonly Guard[] = [
  {
    type: 'AWS::EC2::EbsEncryptionByDefault',
    event: 'DisableEbsEncryptionByDefault',
    proof: 'emulator',
    get: 'GetEbsEncryptionByDefault',
    member: 'EbsEncryptionByDefault',
    open: false,
    guarded: true,
    lead: (to) => call(`${to === true ? 'Enable' : 'Disable'}EbsEncryptionByDefault`),
    remains: 'unencrypted-meanwhile',
  },
  {
    type: 'AWS::EC2::SnapshotBlockPublicAccess',
    event: 'DisableSnapshotBlockPublicAccess',
    proof: 'shape',
    get: 'GetSnapshotBlockPublicAccessState',
    member: 'State',
    open: 'unblocked',
    guarded: 'block-new-sharing',
    lead: (to) =>
      to === 'unblocked'
        ? call('DisableSnapshotBlockPublicAccess')
        : call('EnableSnapshotBlockPublicAccess', { State: to }),
    remains: 'shared-stays-shared',
  },
  {
    type: 'AWS::EC2::ImageBlockPublicAccess',
    event: 'DisableImageBlockPublicAccess',
    proof: 'shape',
    get: 'GetImageBlockPublicAccessState',
    member: 'ImageBlockPublicAccessState',
    open: 'unblocked',
    guarded: 'block-new-sharing',
    lead: (to) =>
      to === 'unblocked'
        ? call('DisableImageBlockPublicAccess')
        : call('EnableImageBlockPublicAccess', { ImageBlockPublicAccessState: to }),
    remains: 'shared-stays-shared',
    lagMs: 10 * 60_000,
  },
  {
    type: 'AWS::EC2::SerialConsoleAccess',
    event: 'EnableSerialConsoleAccess',
    proof: 'shape',
    get: 'GetSerialConsoleAccessStatus',
    member: 'SerialConsoleAccessEnabled',
    open: true,
    guarded: false,
    lead: (to) => call(`${to === true ? 'Enable' : 'Disable'}SerialConsoleAccess`),
  },
];

function kindOf({ type, get, member }: Guard): ResourceKind {
  return {
    type,
    reach: 'region',
    list: (_caller, { region }) => Promise.resolve([region]),
    read: async (caller) => ({ state: toJson((await caller.call(call(get)))[member]) }),
  };
}

/** What allows everything names no state of its own. */
function isCarriedOut({ member, open }: Guard, read: ResourceKind['read']): NonNullable<CatalogueEntry['isSettled']> {
  return async ({ input }, _answer, { caller, resource }) =>
    (await read(caller, resource))?.['state'] === (input[member] ?? open);
}

/** Each region has its own: an attacker who goes through all of them leaves an event in each. */
function entryOf(guard: Guard, { type, read }: ResourceKind): CatalogueEntry {
  const { event, proof, open, guarded, remains, lagMs } = guard;
  return {
    row: 36,
    events: [`ec2:${event}`],
    class: 'X',
    mode: 'auto',
    proof,
    resources: ({ account, region }) => [{ type, account, region, id: region }],
    read,
    after: () => ({ state: open }),
    before: () => ({ state: guarded }),
    lead: (_from, to) => [guard.lead(to?.['state'] ?? guarded)],
    ...(remains === undefined ? {} : { remains }),
    ...(lagMs === undefined ? {} : { lagMs, isSettled: isCarriedOut(guard, read) }),
  };
}

const KINDS = GUARDS.map((guard) => [guard, kindOf(guard)] as const);

export const guardKinds: readonly ResourceKind[] = KINDS.map(([, kind]) => kind);
export const guardEntries: readonly CatalogueEntry[] = KINDS.map(([guard, kind]) => entryOf(guard, kind));
