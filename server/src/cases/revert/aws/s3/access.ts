/** S3: who may read a bucket. Rows 13 to 15. */
import {
  type CatalogueEntry,
  listOf,
  objectOf,
  orNone,
  type ResourceKind,
  textOf,
  textsOf,
  type TrailEvent,
} from '../../catalogue.ts';
import { deadPrincipals } from '../../policy-document.ts';
import { type Fields, type Json, policyDocument } from '../../state.ts';
import { type Answer, type Ask, call, entriesOf, kindOf, made, type Setting, several } from './setting.ts';

const policy: Setting = {
  type: 'AWS::S3::BucketPolicy',
  get: 'GetBucketPolicy',
  none: ['NoSuchBucketPolicy'],
  state: (answer) => ({ value: policyDocument(answer?.['Policy']) }),
  notes: async (ask) => {
    // Whoever may read the policy may still not be allowed to ask for this.
    const status = await ask('GetBucketPolicyStatus', 'NoSuchBucketPolicy', 'AccessDenied', 'MethodNotAllowed');
    return { '(public)': objectOf(status ?? {}, 'PolicyStatus')['IsPublic'] === true };
  },
  lead: (_from, to) => {
    const value = to['value'] ?? null;
    return [value === null ? call('DeleteBucketPolicy') : call('PutBucketPolicy', { Policy: JSON.stringify(value) })];
  },
};

const policies = kindOf(policy);

const bucketPolicy: CatalogueEntry = {
  ...entriesOf(policy, policies),
  row: 13,
  events: ['s3:PutBucketPolicy', 's3:DeleteBucketPolicy'],
  mode: 'after-answer',
  ...made(({ name, request }) => {
    if (name.startsWith('Delete')) return { value: null };
    return 'bucketPolicy' in request ? { value: policyDocument(request['bucketPolicy']) } : undefined;
  }),
  hindrance: ({ baseline }) => {
    const dead = deadPrincipals(baseline?.['value'] ?? null);
    return dead.length === 0 ? null : `the trusted policy names who is gone, which S3 refuses: ${dead.join(', ')}`;
  },
  doubt: (reached) => (reached?.['(public)'] === true ? 'S3 calls the bucket public, as it was trusted' : null),
  remains: 'read-meanwhile',
};

const EVERYBODY = 'http://acs.amazonaws.com/groups/global/AllUsers';
const ANY_ACCOUNT = 'http://acs.amazonaws.com/groups/global/AuthenticatedUsers';
const LOG_DELIVERY = 'http://acs.amazonaws.com/groups/s3/LogDelivery';
/** The account of AWS that reads images for EC2. */
const EXECUTION = '6aa5a366c34c1cbe25dc49211496e913e0351eb0e8c37aa3477e40942ec6b97c';

/** What a canned list grants beside everything to the owner. */
const CANNED: Readonly<Record<string, readonly string[]>> = {
  private: [],
  'bucket-owner-read': [],
  'bucket-owner-full-control': [],
  'public-read': [`READ ${EVERYBODY}`],
  'public-read-write': [`READ ${EVERYBODY}`, `WRITE ${EVERYBODY}`],
  'authenticated-read': [`READ ${ANY_ACCOUNT}`],
  'aws-exec-read': [`READ ${EXECUTION}`],
  'log-delivery-write': [`WRITE ${LOG_DELIVERY}`, `READ_ACP ${LOG_DELIVERY}`],
};

/** Each grant is a field: `READ http://acs.amazonaws.com/groups/global/AllUsers`. */
const acl: Setting = {
  type: 'AWS::S3::BucketAcl',
  get: 'GetBucketAcl',
  none: [],
  state: (answer) => ({
    ...grantFields(listOf(answer ?? {}, 'Grants')),
    '(owner)': textOf(objectOf(answer ?? {}, 'Owner'), 'ID'),
  }),
  lead: (from, to) => {
    const grants = Object.keys(to).filter((field) => !field.startsWith('('));
    const Owner = { ID: from['(owner)'] ?? to['(owner)'] ?? null };
    return [call('PutBucketAcl', { AccessControlPolicy: { Owner, Grants: grants.map(grantOf) } })];
  },
};

function grantFields(grants: readonly Answer[]): Fields {
  const names = grants.flatMap((grant) => {
    const who = textOf(objectOf(grant, 'Grantee'), 'ID', 'URI', 'EmailAddress');
    return who === null ? [] : [`${textOf(grant, 'Permission')} ${who}`];
  });
  return Object.fromEntries(names.map((name) => [name, true]));
}

function grantOf(field: string): Json {
  const [Permission = '', who = ''] = field.split(' ');
  if (who.startsWith('http')) return { Permission, Grantee: { Type: 'Group', URI: who } };
  return who.includes('@')
    ? { Permission, Grantee: { Type: 'AmazonCustomerByEmail', EmailAddress: who } }
    : { Permission, Grantee: { Type: 'CanonicalUser', ID: who } };
}

/** The header of a grant: `uri="http://…", id="…"`. */
function headerGrants(request: Answer): Fields {
  const names = ['read', 'write', 'read-acp', 'write-acp', 'full-control'].flatMap((header) => {
    const permission = header.toUpperCase().replace('-', '_');
    const texts = textsOf(request, `x-amz-grant-${header}`).join(',');
    return [...texts.matchAll(/(?:id|uri|emailAddress)="?([^",]+)"?/gi)].map(([, who]) => `${permission} ${who}`);
  });
  return Object.fromEntries(names.map((name) => [name, true]));
}

const acls = kindOf(acl);

const bucketAcl: CatalogueEntry = {
  ...entriesOf(acl, acls),
  row: 14,
  events: ['s3:PutBucketAcl'],
  mode: 'after-answer',
  ...made(({ request }, baseline) => {
    const given = objectOf(objectOf(request, 'AccessControlPolicy'), 'AccessControlList')['Grant'];
    if (given !== undefined) return grantFields(several(given));
    const headers = { ...request, ...objectOf(request, 'accessControlList') };
    const [canned] = textsOf(headers, 'x-amz-acl');
    const owner = baseline['(owner)'];
    const named = canned === undefined ? undefined : CANNED[canned];
    if (named !== undefined && typeof owner === 'string')
      return Object.fromEntries([`FULL_CONTROL ${owner}`, ...named].map((name) => [name, true]));
    const granted = headerGrants(headers);
    return Object.keys(granted).length > 0 ? granted : undefined;
  }),
  remains: 'read-meanwhile',
};

const FLAGS = ['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'];
/** On the bucket of a site that is public on purpose, when it was trusted. */
const PUBLIC_TAG = 'countersign:public';

function flagsOf(of: Answer): Json {
  return Object.fromEntries(FLAGS.map((flag) => [flag, of[flag] === true || of[flag] === 'true']));
}

function blockMade({ name, request }: TrailEvent): Fields | undefined {
  if (name.startsWith('Delete')) return { value: null };
  const given = request['PublicAccessBlockConfiguration'];
  return typeof given === 'object' ? { value: flagsOf(objectOf({ given }, 'given')) } : undefined;
}

function blockState(answer: Answer | null): Fields {
  return { value: answer === null ? null : flagsOf(objectOf(answer, 'PublicAccessBlockConfiguration')) };
}

async function isTaggedPublic(ask: Ask): Promise<boolean> {
  const tags = listOf((await ask('GetBucketTagging', 'NoSuchTagSet', 'AccessDenied')) ?? {}, 'TagSet');
  return tags.some((tag) => tag['Key'] === PUBLIC_TAG && tag['Value'] === 'true');
}

const block: Setting = {
  type: 'AWS::S3::BucketPublicAccessBlock',
  get: 'GetPublicAccessBlock',
  none: ['NoSuchPublicAccessBlockConfiguration'],
  state: blockState,
  notes: async (ask) => ({ '(publicOnPurpose)': await isTaggedPublic(ask) }),
  lead: (_from, to) => {
    const value = to['value'] ?? null;
    if (value === null) return [call('DeletePublicAccessBlock')];
    return [call('PutPublicAccessBlock', { PublicAccessBlockConfiguration: value })];
  },
};

const blocks = kindOf(block);

const bucketBlock: CatalogueEntry = {
  ...entriesOf(block, blocks),
  row: 15,
  events: ['s3:PutBucketPublicAccessBlock', 's3:DeleteBucketPublicAccessBlock'],
  mode: 'after-answer',
  ...made(blockMade),
  // The tag counts as it was trusted: who opens a bucket can tag it too.
  hindrance: ({ baseline }) =>
    baseline?.['(publicOnPurpose)'] === true
      ? `the bucket was trusted with the tag ${PUBLIC_TAG}: it is a public site`
      : null,
  remains: 'read-meanwhile',
};

const accountBlocks: ResourceKind = {
  type: 'AWS::S3::AccountPublicAccessBlock',
  reach: 'global',
  list: (_caller, { account }) => Promise.resolve([account]),
  read: async (caller, { id }) => {
    const asked = caller.call({ service: 's3-control', operation: 'GetPublicAccessBlock', input: { AccountId: id } });
    return blockState(await orNone(asked, 'NoSuchPublicAccessBlockConfiguration'));
  },
};

const accountBlock: CatalogueEntry = {
  row: 15,
  events: ['s3:PutAccountPublicAccessBlock', 's3:DeleteAccountPublicAccessBlock'],
  class: 'B',
  mode: 'auto',
  proof: 'emulator',
  resources: ({ account }) => [{ type: accountBlocks.type, account, region: 'aws-global', id: account }],
  read: accountBlocks.read,
  after: blockMade,
  lead: (_from, to, { resource }) => {
    const value = to?.['value'] ?? null;
    const service = 's3-control';
    const AccountId = resource.id;
    if (value === null) return [{ service, operation: 'DeletePublicAccessBlock', input: { AccountId } }];
    const input = { AccountId, PublicAccessBlockConfiguration: value };
    return [{ service, operation: 'PutPublicAccessBlock', input }];
  },
  remains: 'read-meanwhile',
};

export const s3AccessKinds: readonly ResourceKind[] = [policies, acls, blocks, accountBlocks];
export const s3AccessEntries: readonly CatalogueEntry[] = [bucketPolicy, bucketAcl, bucketBlock, accountBlock];
