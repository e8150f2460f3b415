/** S3: who may read a bucket, and what keeps it from being lost. Rows 13 and 15 to 19. */
import type { Call } from '../../../vendors/aws/calls.ts';
import { type CatalogueEntry, listOf, objectOf, orNone, textOf, type TrailEvent } from '../catalogue.ts';
import { type Fields, type Json, policyDocument, toJson } from '../state.ts';

type Answer = Readonly<Record<string, unknown>>;

function call(operation: string, input: Fields): Call {
  return { service: 's3', operation, input };
}

/** One setting of a bucket: how it is read, and the calls that set and remove it. The state is `{ value }`. */
interface Setting {
  readonly row: number;
  readonly type: string;
  readonly events: readonly string[];
  readonly mode: CatalogueEntry['mode'];
  readonly remains?: string;
  /** The SDK's names. */
  readonly get: string;
  readonly put: string;
  readonly remove: string | null;
  /** What GET answers where there is none. */
  readonly none: readonly string[];
  value(answer: Answer): Json;
  /** The value as members of PUT. */
  input(value: Json): Fields;
  /** What the event made of it; `undefined` when it does not tell. */
  after(event: TrailEvent): Json | undefined;
}

function entryOf(setting: Setting): CatalogueEntry {
  const { row, type, events, mode, get, put, remove, none, remains } = setting;
  return {
    row,
    events,
    class: 'B',
    mode,
    proof: 'emulator',
    ...(remains === undefined ? {} : { remains }),
    resources: ({ request, account, region }) => {
      const name = textOf(request, 'bucketName');
      return name === null ? [] : [{ type, account, region, id: name }];
    },
    read: async (caller, { id, account }) => {
      const input = { Bucket: id, ExpectedBucketOwner: account };
      const answer = await orNone(caller.call(call(get, input)), 'NoSuchBucket', ...none);
      if (answer !== null) return { value: setting.value(answer) };
      const there = await orNone(caller.call(call('GetBucketLocation', input)), 'NoSuchBucket');
      return there === null ? null : { value: null };
    },
    after: (event) => {
      const value = setting.after(event);
      return value === undefined ? undefined : { value };
    },
    lead: (_from, to, { resource }) => {
      if (to === null) return [];
      const input = { Bucket: resource.id, ExpectedBucketOwner: resource.account };
      const value = to['value'] ?? null;
      if (value !== null) return [call(put, { ...input, ...setting.input(value) })];
      return remove === null ? [] : [call(remove, input)];
    },
  };
}

const FLAGS = ['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'];

function flagsOf(of: Answer): Json {
  return Object.fromEntries(FLAGS.map((flag) => [flag, of[flag] === true || of[flag] === 'true']));
}

/** One or many, as XML made into JSON has it. */
function several(value: unknown): readonly Answer[] {
  return [value].flat().filter((one): one is Record<string, unknown> => typeof one === 'object' && one !== null);
}

/** XML made into JSON has texts where the SDK has numbers and truths. */
function plain(value: unknown): Json {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null && !(value instanceof Date))
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, one]) => (one === undefined ? [] : [[key, plain(one)]])),
    );
  if (value === 'true' || value === 'false') return value === 'true';
  if (typeof value === 'string' && /^\d{1,9}$/.test(value)) return Number(value);
  return toJson(value);
}

function encryptionOf(rules: readonly Answer[]): Json {
  return rules.map((rule) => {
    const given = objectOf(rule, 'ApplyServerSideEncryptionByDefault');
    const key = textOf(given, 'KMSMasterKeyID');
    return {
      ApplyServerSideEncryptionByDefault: {
        SSEAlgorithm: textOf(given, 'SSEAlgorithm'),
        ...(key === null ? {} : { KMSMasterKeyID: key }),
      },
      BucketKeyEnabled: rule['BucketKeyEnabled'] === true || rule['BucketKeyEnabled'] === 'true',
    };
  });
}

const settings: readonly Setting[] = [
  {
    row: 13,
    type: 'AWS::S3::BucketPolicy',
    events: ['s3:PutBucketPolicy', 's3:DeleteBucketPolicy'],
    mode: 'after-answer',
    get: 'GetBucketPolicy',
    put: 'PutBucketPolicy',
    remove: 'DeleteBucketPolicy',
    none: ['NoSuchBucketPolicy'],
    value: (answer) => policyDocument(answer['Policy']),
    input: (value) => ({ Policy: JSON.stringify(value) }),
    after: ({ name, request }) => {
      if (name.startsWith('Delete')) return null;
      return 'bucketPolicy' in request ? policyDocument(request['bucketPolicy']) : undefined;
    },
  },
  {
    row: 15,
    type: 'AWS::S3::BucketPublicAccessBlock',
    events: ['s3:PutBucketPublicAccessBlock', 's3:DeleteBucketPublicAccessBlock'],
    mode: 'after-answer',
    get: 'GetPublicAccessBlock',
    put: 'PutPublicAccessBlock',
    remove: 'DeletePublicAccessBlock',
    none: ['NoSuchPublicAccessBlockConfiguration'],
    value: (answer) => flagsOf(objectOf(answer, 'PublicAccessBlockConfiguration')),
    input: (value) => ({ PublicAccessBlockConfiguration: value }),
    after: ({ name, request }) =>
      name.startsWith('Delete') ? null : flagsOf(objectOf(request, 'PublicAccessBlockConfiguration')),
  },
  {
    row: 16,
    type: 'AWS::S3::BucketVersioning',
    events: ['s3:PutBucketVersioning'],
    mode: 'after-answer',
    get: 'GetBucketVersioning',
    put: 'PutBucketVersioning',
    remove: null,
    none: [],
    value: (answer) => textOf(answer, 'Status'),
    input: (value) => ({ VersioningConfiguration: { Status: value } }),
    after: ({ request }) => textOf(objectOf(request, 'VersioningConfiguration'), 'Status') ?? undefined,
  },
  {
    row: 17,
    type: 'AWS::S3::BucketLifecycle',
    events: ['s3:PutBucketLifecycle', 's3:DeleteBucketLifecycle'],
    mode: 'auto',
    remains: 'expiry-begun',
    get: 'GetBucketLifecycleConfiguration',
    put: 'PutBucketLifecycleConfiguration',
    remove: 'DeleteBucketLifecycle',
    none: ['NoSuchLifecycleConfiguration'],
    value: (answer) => plain(listOf(answer, 'Rules')),
    input: (value) => ({ LifecycleConfiguration: { Rules: value } }),
    after: ({ name, request }) => {
      if (name.startsWith('Delete')) return null;
      const rule = objectOf(request, 'LifecycleConfiguration')['Rule'];
      return rule === undefined ? undefined : plain(several(rule));
    },
  },
  {
    row: 19,
    type: 'AWS::S3::BucketEncryption',
    events: ['s3:PutBucketEncryption', 's3:DeleteBucketEncryption'],
    mode: 'after-answer',
    remains: 'objects-encrypted-meanwhile',
    get: 'GetBucketEncryption',
    put: 'PutBucketEncryption',
    remove: 'DeleteBucketEncryption',
    none: ['ServerSideEncryptionConfigurationNotFoundError'],
    value: (answer) => encryptionOf(listOf(objectOf(answer, 'ServerSideEncryptionConfiguration'), 'Rules')),
    input: (value) => ({ ServerSideEncryptionConfiguration: { Rules: value } }),
    after: ({ name, request }) =>
      name.startsWith('Delete')
        ? null
        : encryptionOf(several(objectOf(request, 'ServerSideEncryptionConfiguration')['Rule'])),
  },
];

const accountBlock: CatalogueEntry = {
  row: 15,
  events: ['s3:PutAccountPublicAccessBlock', 's3:DeleteAccountPublicAccessBlock'],
  class: 'B',
  mode: 'auto',
  proof: 'shape',
  resources: ({ account }) => [
    { type: 'AWS::S3::AccountPublicAccessBlock', account, region: 'us-east-1', id: account },
  ],
  read: async (caller, { id }) => {
    const input = { AccountId: id };
    const asked = caller.call({ service: 's3-control', operation: 'GetPublicAccessBlock', input });
    const answer = await orNone(asked, 'NoSuchPublicAccessBlockConfiguration');
    return { value: answer === null ? null : flagsOf(objectOf(answer, 'PublicAccessBlockConfiguration')) };
  },
  after: ({ name, request }) => ({
    value: name.startsWith('Delete') ? null : flagsOf(objectOf(request, 'PublicAccessBlockConfiguration')),
  }),
  lead: (_from, to, { resource }) => {
    const value = to?.['value'] ?? null;
    const service = 's3-control';
    const AccountId = resource.id;
    if (value === null) return [{ service, operation: 'DeletePublicAccessBlock', input: { AccountId } }];
    const input = { AccountId, PublicAccessBlockConfiguration: value };
    return [{ service, operation: 'PutPublicAccessBlock', input }];
  },
};

export const s3Entries: readonly CatalogueEntry[] = [...settings.map(entryOf), accountBlock];
