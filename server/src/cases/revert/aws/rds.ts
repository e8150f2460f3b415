/** RDS: snapshots that are shared, and databases that are opened or no longer protected. Row 35. */
import type { Call, Caller } from '../../../vendors/aws/calls.ts';
import {
  type CatalogueEntry,
  listOf,
  objectOf,
  orNone,
  type ResourceKind,
  textOf,
  textsOf,
  Unsettled,
} from '../catalogue.ts';
import { everyObject } from '../pages.ts';
import { changedFields, type Fields, type Json, toJson } from '../state.ts';

type Answer = Readonly<Record<string, unknown>>;

function call(operation: string, input: Fields): Call {
  return { service: 'rds', operation, input };
}

/** In events, `DBSnapshot` becomes `dBSnapshot`. */
function lower(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/** With whom a snapshot is shared, each a field: an account, or `all`. */
function shares(what: 'DBSnapshot' | 'DBClusterSnapshot'): CatalogueEntry {
  const member = `${what}Identifier`;
  const listed = (request: Answer, name: string) =>
    request['attributeName'] === 'restore' ? textsOf(request, name) : [];
  const without = (state: Fields, names: readonly string[]) =>
    Object.fromEntries(Object.entries(state).filter(([name]) => !names.includes(name)));
  const withAll = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, true] as const));
  return {
    row: 35,
    events: [`rds:Modify${what}Attribute`],
    class: 'X',
    mode: 'after-answer',
    proof: 'emulator',
    resources: ({ request, account, region }) => {
      const id = textOf(request, lower(member));
      return id === null ? [] : [{ type: `AWS::RDS::${what}`, account, region, id }];
    },
    read: async (caller, { id }) => {
      const asked = caller.call(call(`Describe${what}Attributes`, { [member]: id }));
      const found = await orNone(asked, `${what}NotFound`, `${what}NotFoundFault`);
      if (found === null) return null;
      const attributes = listOf(objectOf(found, `${what}AttributesResult`), `${what}Attributes`);
      const restore = attributes.find((one) => one['AttributeName'] === 'restore') ?? {};
      return withAll(textsOf(restore, 'AttributeValues'));
    },
    after: ({ request }, baseline) =>
      baseline === null
        ? null
        : { ...without(baseline, listed(request, 'valuesToRemove')), ...withAll(listed(request, 'valuesToAdd')) },
    before: ({ request }, current) =>
      current === null
        ? null
        : { ...without(current, listed(request, 'valuesToAdd')), ...withAll(listed(request, 'valuesToRemove')) },
    lead: (from, to, { resource }) => {
      if (from === null || to === null) return [];
      const ValuesToRemove = Object.keys(from).filter((who) => !(who in to));
      const ValuesToAdd = Object.keys(to).filter((who) => !(who in from));
      const target = { [member]: resource.id, AttributeName: 'restore' };
      return [call(`Modify${what}Attribute`, { ...target, ValuesToRemove, ValuesToAdd })];
    },
    remains: 'copies-taken',
  };
}

const PASSWORD = 'masterUserPassword';
/** RDS finishes one change before it takes the next. */
const BUSY =
  /^(?:backing-up|configuring|creating|maintenance|modifying|rebooting|renaming|resetting|starting|upgrading)/;

interface Database {
  readonly what: 'DBInstance' | 'DBCluster';
  /** Of what a request may change, what opens or no longer protects. The SDK's names. */
  readonly fields: readonly string[];
  readonly gone: readonly string[];
}

async function describe(caller: Caller, { what, gone }: Database, id: string): Promise<Answer | null> {
  const asked = caller.call(call(`Describe${what}s`, { [`${what}Identifier`]: id }));
  const [found] = listOf((await orNone(asked, ...gone)) ?? {}, `${what}s`);
  return found ?? null;
}

function kindOf(database: Database): ResourceKind {
  const { what, fields } = database;
  return {
    type: `AWS::RDS::${what}`,
    reach: 'region',
    list: async (caller) => {
      const all = await everyObject(caller, call(`Describe${what}s`, {}), { member: `${what}s`, token: ['Marker'] });
      return all.flatMap((one) => textOf(one, `${what}Identifier`) ?? []);
    },
    read: async (caller, { id }) => {
      const found = await describe(caller, database, id);
      if (found === null) return null;
      // What RDS has accepted counts: it is on its way.
      const pending = objectOf(found, 'PendingModifiedValues');
      const values = fields.map((field) => [field, toJson(pending[field] ?? found[field])] as const);
      const waiting = fields.filter((field) => pending[field] !== undefined);
      return { ...Object.fromEntries(values), '(pending)': waiting };
    },
  };
}

function entryOf(database: Database, kind: ResourceKind): CatalogueEntry {
  const { what, fields } = database;
  const member = `${what}Identifier`;
  const touched = (request: Answer) => fields.filter((field) => request[lower(field)] !== undefined);
  return {
    row: 35,
    events: [`rds:Modify${what}`],
    class: 'B',
    mode: 'approve',
    proof: 'emulator',
    resources: ({ request, account, region }) => {
      const id = textOf(request, lower(member));
      const matters = touched(request).length > 0 || request[PASSWORD] !== undefined;
      return id === null || !matters ? [] : [{ type: kind.type, account, region, id }];
    },
    read: kind.read,
    cannot: ({ request }) =>
      touched(request).length === 0 ? 'the master password was changed: no old one can return, set a new one' : null,
    after: ({ request }, baseline) => {
      if (baseline === null) return null;
      const set = touched(request).map((field) => [field, plain(request[lower(field)])] as const);
      return { ...baseline, ...Object.fromEntries(set) };
    },
    lead: (from, to, { resource }) => {
      if (from === null || to === null) return [];
      const set = changedFields(from, to).map((field) => [field, to[field] ?? null] as const);
      const input = { [member]: resource.id, ...Object.fromEntries(set), ApplyImmediately: true };
      return [call(`Modify${what}`, input)];
    },
    complete: async (planned, { caller, resource }) => {
      const found = await describe(caller, database, resource.id);
      const status = textOf(found ?? {}, `${what}Status`, 'Status') ?? '';
      if (BUSY.test(status)) throw new Unsettled(`RDS is busy with it: ${status}`);
      return planned;
    },
    doubt: (reached) => {
      const pending = reached?.['(pending)'];
      return Array.isArray(pending) && pending.length > 0 ? `RDS has not finished with: ${pending.join(', ')}` : null;
    },
    remains: 'password-anew-if-set',
  };
}

/** Texts where the SDK has numbers and truths. */
function plain(value: unknown): Json {
  if (value === 'true' || value === 'false') return value === 'true';
  return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : toJson(value);
}

const INSTANCES: Database = {
  what: 'DBInstance',
  fields: ['PubliclyAccessible', 'DeletionProtection', 'BackupRetentionPeriod'],
  gone: ['DBInstanceNotFound', 'DBInstanceNotFoundFault'],
};
const CLUSTERS: Database = {
  what: 'DBCluster',
  fields: ['DeletionProtection', 'BackupRetentionPeriod'],
  gone: ['DBClusterNotFoundFault', 'DBClusterNotFound'],
};
const [instances, clusters] = [kindOf(INSTANCES), kindOf(CLUSTERS)];

export const rdsKinds: readonly ResourceKind[] = [instances, clusters];
export const rdsEntries: readonly CatalogueEntry[] = [
  shares('DBSnapshot'),
  shares('DBClusterSnapshot'),
  entryOf(INSTANCES, instances),
  entryOf(CLUSTERS, clusters),
];
