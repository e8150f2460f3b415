/** S3: what keeps objects from being lost, copied away or locked: versions, lifecycle, replication, logging, encryption. Rows 16 to 19. */
import { type CatalogueEntry, listOf, objectOf, present, type ResourceKind, textOf } from '../../catalogue.ts';
import { canonical, type Fields, type Json, policyDocument, toJson } from '../../state.ts';
import {
  type Answer,
  type Ask,
  call,
  entriesOf,
  kindOf,
  made,
  plain,
  rulesOf,
  rulesState,
  type Setting,
  several,
} from './setting.ts';

const versioning: Setting = {
  type: 'AWS::S3::BucketVersioning',
  get: 'GetBucketVersioning',
  none: [],
  state: (answer) => ({
    status: textOf(answer ?? {}, 'Status'),
    deletingNeedsMfa: answer?.['MFADelete'] === 'Enabled',
  }),
  lead: (_from, to) => {
    const Status = to['status'] ?? null;
    // A bucket that once had versions cannot go back to never having had any.
    return Status === null ? [] : [call('PutBucketVersioning', { VersioningConfiguration: { Status } })];
  },
};

const versionings = kindOf(versioning);

const bucketVersioning: CatalogueEntry = {
  ...entriesOf(versioning, versionings),
  row: 16,
  events: ['s3:PutBucketVersioning'],
  mode: 'after-answer',
  ...made(({ request }, baseline) => {
    const given = objectOf(request, 'VersioningConfiguration');
    const status = textOf(given, 'Status');
    const mfa = textOf(given, 'MfaDelete', 'MFADelete');
    if (status === null) return undefined;
    return { ...baseline, status, ...(mfa === null ? {} : { deletingNeedsMfa: mfa === 'Enabled' }) };
  }),
  hindrance: ({ baseline, current }) =>
    baseline?.['deletingNeedsMfa'] === true || current?.['deletingNeedsMfa'] === true
      ? 'deleting from it needs a second factor: only the root user with theirs can change its versioning'
      : null,
  remains: 'versions-late',
};

/** Services that deliver logs, by whom a bucket of logs lets in. */
const LOG_WRITERS =
  /"(?:cloudtrail|config|delivery\.logs|logging\.s3|logdelivery\.elasticloadbalancing)\.amazonaws\.com(?:\.cn)?"/;
const LOG_DELIVERY = '/groups/s3/LogDelivery';

async function holdsLogs(ask: Ask): Promise<boolean> {
  const policy = policyDocument((await ask('GetBucketPolicy', 'NoSuchBucketPolicy'))?.['Policy']);
  if (LOG_WRITERS.test(canonical(policy))) return true;
  return canonical(toJson(listOf((await ask('GetBucketAcl')) ?? {}, 'Grants'))).includes(LOG_DELIVERY);
}

/** AWS says it only where it is not what it is for everybody else. */
const USUAL_SIZE = 'all_storage_classes_128K';

const lifecycle: Setting = {
  type: 'AWS::S3::BucketLifecycle',
  get: 'GetBucketLifecycleConfiguration',
  none: ['NoSuchLifecycleConfiguration'],
  state: (answer) => ({
    ...rulesState(listOf(answer ?? {}, 'Rules')),
    '(smallest)': textOf(answer ?? {}, 'TransitionDefaultMinimumObjectSize'),
  }),
  notes: async (ask) => ({ '(logs)': await holdsLogs(ask) }),
  lead: (from, to) => {
    const Rules = rulesOf(to, from);
    const smallest = to['(smallest)'] ?? null;
    if (Rules.length === 0) return [call('DeleteBucketLifecycle')];
    const unusual =
      smallest === null || smallest === USUAL_SIZE ? {} : { TransitionDefaultMinimumObjectSize: smallest };
    return [call('PutBucketLifecycleConfiguration', { LifecycleConfiguration: { Rules }, ...unusual })];
  },
};

const lifecycles = kindOf(lifecycle);

const bucketLifecycle: CatalogueEntry = {
  ...entriesOf(lifecycle, lifecycles),
  row: 17,
  events: ['s3:PutBucketLifecycle', 's3:DeleteBucketLifecycle'],
  mode: 'after-answer',
  urgent: {
    mode: 'auto',
    of: 'logs are delivered to the bucket',
    applies: ({ baseline, current }) => baseline?.['(logs)'] === true || current?.['(logs)'] === true,
  },
  ...made(({ name, request }) => {
    if (name.startsWith('Delete')) return {};
    const rule = objectOf(request, 'LifecycleConfiguration')['Rule'];
    return rule === undefined ? undefined : rulesState(several(rule));
  }),
  remains: 'expiry-begun',
};

const replication: Setting = {
  type: 'AWS::S3::BucketReplication',
  get: 'GetBucketReplication',
  none: ['ReplicationConfigurationNotFoundError'],
  state: (answer) => replicationState(objectOf(answer ?? {}, 'ReplicationConfiguration'), 'Rules'),
  lead: (from, to) => {
    const Rules = rulesOf(to, from);
    if (Rules.length === 0) return [call('DeleteBucketReplication')];
    return [call('PutBucketReplication', { ReplicationConfiguration: { Role: to['role'] ?? null, Rules } })];
  },
};

function replicationState(given: Answer, rules: 'Rule' | 'Rules'): Fields {
  return { role: textOf(given, 'Role'), ...rulesState(several(given[rules]), withoutUsual) };
}

/** S3 numbers rules, and says of each that deletions are not copied, where the caller did not. */
function withoutUsual(rule: Answer): Answer {
  const { Priority, DeleteMarkerReplication, ...rest } = rule;
  const isUsual = textOf(objectOf(rule, 'DeleteMarkerReplication'), 'Status') !== 'Enabled';
  return {
    ...rest,
    ...(Number(Priority ?? 0) > 1 ? { Priority } : {}),
    ...(isUsual ? {} : { DeleteMarkerReplication }),
  };
}

const replications = kindOf(replication);

const bucketReplication: CatalogueEntry = {
  ...entriesOf(replication, replications),
  row: 18,
  events: ['s3:PutBucketReplication'],
  mode: 'after-answer',
  ...made(({ request }) => {
    const given = objectOf(request, 'ReplicationConfiguration');
    return given['Rule'] === undefined ? undefined : replicationState(given, 'Rule');
  }),
  remains: 'copies-taken',
};

const logging: Setting = {
  type: 'AWS::S3::BucketLogging',
  get: 'GetBucketLogging',
  none: [],
  state: (answer) => loggingState(objectOf(answer ?? {}, 'LoggingEnabled')),
  lead: (from, to) => {
    const TargetBucket = to['target'] ?? null;
    if (TargetBucket === null) return [call('PutBucketLogging', { BucketLoggingStatus: {} })];
    // Grants and the names of objects, as they were for that target.
    const known = [to, from]
      .map((state) => objectOf(state, '(enabled)'))
      .find((one) => one['TargetBucket'] === TargetBucket);
    const LoggingEnabled = { ...(toJson(known ?? {}) as Fields), TargetBucket, TargetPrefix: to['prefix'] ?? '' };
    return [call('PutBucketLogging', { BucketLoggingStatus: { LoggingEnabled } })];
  },
};

function loggingState(enabled: Answer): Fields {
  const target = textOf(enabled, 'TargetBucket');
  return {
    target,
    prefix: target === null ? null : (textOf(enabled, 'TargetPrefix') ?? ''),
    '(enabled)': toJson(enabled),
  };
}

const loggings = kindOf(logging);

const bucketLogging: CatalogueEntry = {
  ...entriesOf(logging, loggings),
  row: 19,
  events: ['s3:PutBucketLogging'],
  mode: 'after-answer',
  ...made(({ request }) => {
    const status = request['BucketLoggingStatus'];
    return status === undefined ? undefined : loggingState(objectOf(objectOf({ status }, 'status'), 'LoggingEnabled'));
  }),
  remains: 'not-logged-meanwhile',
};

/** Every bucket is encrypted by S3's own keys at least; saying so or not is the same. */
const encryption: Setting = {
  type: 'AWS::S3::BucketEncryption',
  get: 'GetBucketEncryption',
  none: ['ServerSideEncryptionConfigurationNotFoundError'],
  state: (answer) => encryptionState(listOf(objectOf(answer ?? {}, 'ServerSideEncryptionConfiguration'), 'Rules')),
  lead: (_from, to) => {
    const { algorithm = 'AES256', key = null, bucketKey = false } = to;
    if (algorithm === 'AES256') return [call('DeleteBucketEncryption')];
    const given = present({ SSEAlgorithm: algorithm, KMSMasterKeyID: key });
    const Rules = [{ ApplyServerSideEncryptionByDefault: given, BucketKeyEnabled: bucketKey }];
    return [call('PutBucketEncryption', { ServerSideEncryptionConfiguration: { Rules } })];
  },
};

function encryptionState([rule]: readonly Answer[]): Fields {
  const given = objectOf(rule ?? {}, 'ApplyServerSideEncryptionByDefault');
  const algorithm = textOf(given, 'SSEAlgorithm') ?? 'AES256';
  const bucketKey: Json = algorithm !== 'AES256' && plain(rule?.['BucketKeyEnabled'] ?? false);
  return { algorithm, key: textOf(given, 'KMSMasterKeyID'), bucketKey };
}

const encryptions = kindOf(encryption);

const bucketEncryption: CatalogueEntry = {
  ...entriesOf(encryption, encryptions),
  row: 19,
  events: ['s3:PutBucketEncryption', 's3:DeleteBucketEncryption'],
  mode: 'after-answer',
  ...made(({ name, request }) => {
    if (name.startsWith('Delete')) return encryptionState([]);
    const rule = objectOf(request, 'ServerSideEncryptionConfiguration')['Rule'];
    return rule === undefined ? undefined : encryptionState(several(rule));
  }),
  remains: 'objects-encrypted-meanwhile',
};

export const s3KeepingKinds: readonly ResourceKind[] = [versionings, lifecycles, replications, loggings, encryptions];
export const s3KeepingEntries: readonly CatalogueEntry[] = [
  bucketVersioning,
  bucketLifecycle,
  bucketReplication,
  bucketLogging,
  bucketEncryption,
];
