/**
 * One setting of a bucket: how it is read, set and removed. What S3's events hold is XML made into JSON: texts where the SDK has numbers,
 * one where it has a list, and other names for lists.
 */
import type { Call, Caller } from '../../../../vendors/aws/calls.ts';
import {
  type CatalogueEntry,
  orNone,
  type ResourceKind,
  type ResourceRef,
  textOf,
  type TrailEvent,
} from '../../catalogue.ts';
import { everyObject } from '../../pages.ts';
import { digestOfJson, type Fields, type Json, type ResourceState, toJson } from '../../state.ts';

export type Answer = Readonly<Record<string, unknown>>;

/** What the entries of a setting have in common, and what its state is. */
export interface Setting {
  readonly type: string;
  readonly get: string;
  /** What GET answers where there is none. */
  readonly none: readonly string[];
  /** The state; of null where there is none. */
  state(answer: Answer | null): Fields;
  /** Notes that need calls of their own. */
  notes?(ask: Ask): Promise<Fields>;
  /** The calls that lead there; the bucket is added to their input. */
  lead(from: Fields, to: Fields): readonly Call[];
}

/** @returns null where there is none of it. */
export type Ask = (operation: string, ...none: readonly string[]) => Promise<Answer | null>;

export function call(operation: string, input: Fields = {}): Call {
  return { service: 's3', operation, input };
}

type Common = Pick<CatalogueEntry, 'class' | 'proof' | 'resources' | 'read' | 'lead'>;

/** What its entries share, among it the way back, by which several changes of one bucket are one plan. */
export function entriesOf(setting: Setting, { type, read: ofKind }: ResourceKind): Common {
  return {
    class: 'B',
    proof: 'emulator',
    resources: ({ request, account, region }) => {
      const name = textOf(request, 'bucketName');
      return name === null ? [] : [{ type, account, region, id: name }];
    },
    read: ofKind,
    lead: (from, to, { resource }) => {
      if (from === null || to === null) return [];
      const bucket = { Bucket: resource.id, ExpectedBucketOwner: resource.account };
      return setting.lead(from, to).map((one) => ({ ...one, input: { ...bucket, ...one.input } }));
    },
  };
}

export function kindOf(setting: Setting): ResourceKind {
  return {
    type: setting.type,
    reach: 'region',
    read: (caller, resource) => read(setting, caller, resource),
    list: async (caller, { region }) => {
      const asked = { service: 's3', operation: 'ListBuckets', input: { BucketRegion: region, MaxBuckets: 1_000 } };
      const buckets = await everyObject(caller, asked, { member: 'Buckets', token: ['ContinuationToken'] });
      const here = buckets.filter((one) => (textOf(one, 'BucketRegion') ?? region) === region);
      return here.flatMap((one) => textOf(one, 'Name') ?? []);
    },
  };
}

async function read(setting: Setting, caller: Caller, { id, account }: ResourceRef): Promise<ResourceState> {
  const input = { Bucket: id, ExpectedBucketOwner: account };
  const ask: Ask = (operation, ...none) => orNone(caller.call(call(operation, input)), 'NoSuchBucket', ...none);
  const answer = await ask(setting.get, ...setting.none);
  if (answer === null && (await ask('GetBucketLocation')) === null) return null;
  return { ...setting.state(answer), ...(await setting.notes?.(ask)) };
}

/** What an event made of a setting, by its name and request; of the trusted state where the request leaves something out. */
export function made(tell: (event: TrailEvent, baseline: Fields) => Fields | undefined): Pick<CatalogueEntry, 'after'> {
  return { after: (event, baseline) => (baseline === null ? null : tell(event, baseline)) };
}

/** One or many, as XML made into JSON has it. */
export function several(value: unknown): readonly Answer[] {
  return [value].flat().filter((one): one is Record<string, unknown> => typeof one === 'object' && one !== null);
}

const LISTS: Readonly<Record<string, string>> = {
  Transition: 'Transitions',
  NoncurrentVersionTransition: 'NoncurrentVersionTransitions',
};

/** As the SDK has it: lists by their names, numbers and truths, dates in one spelling, nothing that says nothing. */
export function plain(value: unknown): Json {
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null) return plainMembers(value as Answer);
  if (value === 'true' || value === 'false') return value === 'true';
  if (typeof value === 'string' && /^\d{1,9}$/.test(value)) return Number(value);
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value)) return new Date(value).toISOString();
  return toJson(value);
}

function plainMembers(members: Answer): Json {
  const entries = Object.entries(members).flatMap(([key, one]): (readonly [string, Json])[] => {
    if (one === undefined || one === '' || key === 'xmlns') return [];
    const list = LISTS[key] ?? (key === 'Tag' && ('Prefix' in members || Array.isArray(one)) ? 'Tags' : null);
    const told = list === null ? plain(one) : [one].flat().map(plain);
    return isEmpty(told) ? [] : [[list ?? key, told]];
  });
  return Object.fromEntries(entries);
}

function isEmpty(value: Json): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/**
 * Rules as fields, each by what it says: S3 names those that have no name. What must be said to put one back is a note, and kept as it
 * was given.
 *
 * @param tell a rule without what S3 adds to it.
 */
export function rulesState(rules: readonly Answer[], tell: (rule: Answer) => Answer = (rule) => rule): Fields {
  const named = rules.map((rule) => {
    const { ID: _, ...rest } = tell(rule);
    const said = plain(rest);
    return [`rule ${digestOfJson(said).slice(0, 12)}`, said, toJson(rule)] as const;
  });
  return {
    ...Object.fromEntries(named.map(([name, said]) => [name, said])),
    '(rules)': Object.fromEntries(named.map(([name, , rule]) => [name, rule])),
  };
}

/** The rules of a state, as the calls want them. */
export function rulesOf(to: Fields, from: Fields): readonly Json[] {
  const known = [from, to].map((state) => state['(rules)'] as Fields | undefined);
  const names = Object.keys(to).filter((field) => field.startsWith('rule '));
  return names.map((name) => known[1]?.[name] ?? known[0]?.[name] ?? to[name] ?? null);
}
