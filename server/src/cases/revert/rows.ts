/**
 * The rows of the revert specification, and which entries of the catalogue stand for them. `countersign reverts list` prints them.
 *
 * The surprise: a row also names the events for which there is no entry yet, so that a gap is seen and not forgotten.
 */
import { cloudtrailEntries, cloudtrailKinds } from './aws/cloudtrail.ts';
import { cloudwatchEntries, cloudwatchKinds } from './aws/cloudwatch.ts';
import { configEntries, configKinds } from './aws/config.ts';
import { guardEntries, guardKinds } from './aws/ec2/guards.ts';
import { instanceEntries, instanceKinds } from './aws/ec2/instances.ts';
import { networkEntries, networkKinds } from './aws/ec2/networks.ts';
import { securityGroupEntries, securityGroupKinds } from './aws/ec2/security-groups.ts';
import { shareEntries } from './aws/ec2/shares.ts';
import { ecrEntries, ecrKinds } from './aws/ecr.ts';
import { eksEntries, eksKinds } from './aws/eks.ts';
import { eventbridgeEntries, eventbridgeKinds } from './aws/eventbridge.ts';
import { flowLogEntries, flowLogKinds } from './aws/flow-logs.ts';
import { guarddutyEntries, guarddutyKinds } from './aws/guardduty.ts';
import { accountEntries, accountKinds } from './aws/iam/account.ts';
import { credentialEntries } from './aws/iam/credentials.ts';
import { policyEntries, policyKinds } from './aws/iam/policies.ts';
import { roleEntries, roleKinds } from './aws/iam/roles.ts';
import { kmsEntries, kmsKinds } from './aws/kms.ts';
import { lambdaFunctionEntries, lambdaFunctionKinds } from './aws/lambda/functions.ts';
import { lambdaPermissionEntries, lambdaPermissionKinds } from './aws/lambda/permissions.ts';
import { logsEntries, logsKinds } from './aws/logs.ts';
import { organizationsEntries, organizationsKinds } from './aws/organizations.ts';
import { rolesanywhereEntries, rolesanywhereKinds } from './aws/rolesanywhere.ts';
import { route53Entries, route53Kinds } from './aws/route53.ts';
import { route53domainsEntries, route53domainsKinds } from './aws/route53domains.ts';
import { rdsEntries, rdsKinds } from './aws/rds.ts';
import { s3AccessEntries, s3AccessKinds } from './aws/s3/access.ts';
import { s3KeepingEntries, s3KeepingKinds } from './aws/s3/keeping.ts';
import { secretsmanagerEntries, secretsmanagerKinds } from './aws/secretsmanager.ts';
import { securityhubEntries, securityhubKinds } from './aws/securityhub.ts';
import { snsEntries, snsKinds } from './aws/sns.ts';
import { sqsEntries, sqsKinds } from './aws/sqs.ts';
import { ssoEntries, ssoKinds } from './aws/sso.ts';
import { wafv2Entries, wafv2Kinds } from './aws/wafv2.ts';
import { kubernetesContainments } from './kubernetes/containment.ts';
import { kubernetesEntries } from './kubernetes/objects.ts';
import { linuxContainments } from './linux/containment.ts';
import { type CatalogueEntry, type DefaultMode, plainName, type Proof, type ResourceKind } from './catalogue.ts';

export const CATALOGUE: readonly CatalogueEntry[] = [
  ...cloudtrailEntries,
  ...cloudwatchEntries,
  ...configEntries,
  ...guardEntries,
  ...instanceEntries,
  ...networkEntries,
  ...securityGroupEntries,
  ...shareEntries,
  ...ecrEntries,
  ...eksEntries,
  ...eventbridgeEntries,
  ...flowLogEntries,
  ...accountEntries,
  ...credentialEntries,
  ...policyEntries,
  ...roleEntries,
  ...kmsEntries,
  ...lambdaFunctionEntries,
  ...lambdaPermissionEntries,
  ...rdsEntries,
  ...logsEntries,
  ...s3AccessEntries,
  ...s3KeepingEntries,
  ...guarddutyEntries,
  ...organizationsEntries,
  ...rolesanywhereEntries,
  ...route53Entries,
  ...route53domainsEntries,
  ...secretsmanagerEntries,
  ...securityhubEntries,
  ...snsEntries,
  ...sqsEntries,
  ...ssoEntries,
  ...wafv2Entries,
];

/** What an account holds that can be put back, for enrolment. */
export const KINDS: readonly ResourceKind[] = [
  ...cloudtrailKinds,
  ...cloudwatchKinds,
  ...configKinds,
  ...ecrKinds,
  ...eksKinds,
  ...eventbridgeKinds,
  ...flowLogKinds,
  ...guarddutyKinds,
  ...logsKinds,
  ...guardKinds,
  ...instanceKinds,
  ...networkKinds,
  ...securityGroupKinds,
  ...accountKinds,
  ...policyKinds,
  ...roleKinds,
  ...kmsKinds,
  ...lambdaFunctionKinds,
  ...lambdaPermissionKinds,
  ...rdsKinds,
  ...s3AccessKinds,
  ...s3KeepingKinds,
  ...organizationsKinds,
  ...rolesanywhereKinds,
  ...route53Kinds,
  ...route53domainsKinds,
  ...secretsmanagerKinds,
  ...securityhubKinds,
  ...snsKinds,
  ...sqsKinds,
  ...ssoKinds,
  ...wafv2Kinds,
];

export interface Row {
  readonly row: number;
  /** As the specification classes it: `X`, `B`, `C`, `P`, or several. */
  readonly class: string;
  readonly mode: DefaultMode;
  /** Every event of the row, `service:Name`. */
  readonly events: readonly string[];
}

/** @param text `service: Event, Event; service: Event`. */
function row(number: number, kind: string, mode: DefaultMode, text: string): Row {
  const events = text.split(';').flatMap((part) => {
    const [service = '', names = ''] = part.split(':').map((one) => one.trim());
    return names.split(',').map((name) => `${service}:${name.trim()}`);
  });
  return { row: number, class: kind, mode, events };
}

export const ROWS: readonly Row[] = [
  row(1, 'X', 'auto', 'cloudtrail: StopLogging'),
  row(2, 'B', 'auto', 'cloudtrail: DeleteTrail'),
  row(3, 'B', 'auto', 'cloudtrail: UpdateTrail'),
  row(4, 'B', 'auto', 'cloudtrail: PutEventSelectors, PutInsightSelectors'),
  row(5, 'B', 'after-answer', 'ec2: DeleteFlowLogs'),
  row(6, 'B', 'after-answer', 'guardduty: DeleteDetector, UpdateDetector'),
  row(
    7,
    'B',
    'after-answer',
    'guardduty: CreateFilter, UpdateFilter, CreateIPSet, UpdateIPSet, DisassociateMembers, StopMonitoringMembers, DeleteMembers; securityhub: DisableSecurityHub, BatchDisableStandards',
  ),
  row(
    8,
    'B',
    'auto',
    'config: StopConfigurationRecorder, DeleteConfigurationRecorder, DeleteDeliveryChannel, DeleteConfigRule',
  ),
  row(9, 'B', 'after-answer', 'logs: DeleteLogGroup, PutRetentionPolicy, DeleteSubscriptionFilter, DeleteMetricFilter'),
  row(10, 'B', 'after-answer', 'monitoring: DeleteAlarms, DisableAlarmActions'),
  row(11, 'B', 'after-answer', 'wafv2: DisassociateWebACL, UpdateWebACL, DeleteWebACL; eks: UpdateClusterConfig'),
  row(12, 'B', 'auto', 'events: DisableRule, DeleteRule, RemoveTargets'),
  row(13, 'B', 'after-answer', 's3: PutBucketPolicy, DeleteBucketPolicy'),
  row(14, 'B', 'after-answer', 's3: PutBucketAcl'),
  row(
    15,
    'B',
    'auto',
    's3: PutBucketPublicAccessBlock, DeleteBucketPublicAccessBlock, PutAccountPublicAccessBlock, DeleteAccountPublicAccessBlock',
  ),
  row(16, 'B', 'after-answer', 's3: PutBucketVersioning'),
  row(17, 'B', 'auto', 's3: PutBucketLifecycle, DeleteBucketLifecycle'),
  row(18, 'B', 'after-answer', 's3: PutBucketReplication'),
  row(19, 'B', 'after-answer', 's3: PutBucketLogging, PutBucketEncryption, DeleteBucketEncryption'),
  row(20, 'X/C', 'after-answer', 'iam: CreateAccessKey'),
  row(21, 'C', 'approve', 'iam: CreateLoginProfile, UpdateLoginProfile'),
  row(22, 'X', 'after-answer', 'iam: AttachUserPolicy, AttachRolePolicy, AttachGroupPolicy'),
  row(23, 'B', 'after-answer', 'iam: PutUserPolicy, PutRolePolicy, PutGroupPolicy'),
  row(24, 'B', 'after-answer', 'iam: CreatePolicyVersion, SetDefaultPolicyVersion'),
  row(25, 'B', 'after-answer', 'iam: UpdateAssumeRolePolicy'),
  row(26, 'C', 'approve', 'iam: CreateUser, CreateRole, AddUserToGroup'),
  row(27, 'C', 'page', 'iam: DeactivateMFADevice, DeleteVirtualMFADevice'),
  row(
    28,
    'B',
    'approve',
    'iam: CreateSAMLProvider, UpdateSAMLProvider, CreateOpenIDConnectProvider, AddClientIDToOpenIDConnectProvider, UpdateOpenIDConnectProviderThumbprint',
  ),
  row(29, 'X', 'after-answer', 'rolesanywhere: CreateTrustAnchor, CreateProfile'),
  row(
    30,
    'B',
    'after-answer',
    'iam: PutRolePermissionsBoundary, DeleteRolePermissionsBoundary, PutUserPermissionsBoundary, DeleteUserPermissionsBoundary, UpdateAccountPasswordPolicy, DeleteAccountPasswordPolicy',
  ),
  row(
    31,
    'X/B',
    'approve',
    'sso: CreateAccountAssignment, AttachManagedPolicyToPermissionSet, PutInlinePolicyToPermissionSet',
  ),
  row(
    32,
    'X',
    'after-answer',
    'ec2: AuthorizeSecurityGroupIngress, AuthorizeSecurityGroupEgress, ModifySecurityGroupRules',
  ),
  row(
    33,
    'B',
    'approve',
    'ec2: RevokeSecurityGroupIngress, RevokeSecurityGroupEgress, CreateNetworkAclEntry, ReplaceNetworkAclEntry, DeleteNetworkAclEntry, CreateRoute, ReplaceRoute, DeleteRoute, AttachInternetGateway, AcceptVpcPeeringConnection',
  ),
  row(34, 'X', 'auto', 'ec2: ModifySnapshotAttribute, ModifyImageAttribute'),
  row(
    35,
    'X/B',
    'approve',
    'rds: ModifyDBSnapshotAttribute, ModifyDBClusterSnapshotAttribute, ModifyDBInstance, ModifyDBCluster',
  ),
  row(
    36,
    'X',
    'auto',
    'ec2: DisableEbsEncryptionByDefault, DisableSnapshotBlockPublicAccess, DisableImageBlockPublicAccess, EnableSerialConsoleAccess',
  ),
  row(
    37,
    'B',
    'approve',
    'ec2: ModifyInstanceAttribute, ModifyInstanceMetadataOptions, AssociateIamInstanceProfile, ReplaceIamInstanceProfileAssociation',
  ),
  row(38, 'B', 'auto', 'kms: ScheduleKeyDeletion, DisableKey, PutKeyPolicy, CreateGrant'),
  row(
    39,
    'X/B',
    'approve',
    'lambda: AddPermission, CreateFunctionUrlConfig, UpdateFunctionUrlConfig, AddLayerVersionPermission, UpdateFunctionCode, UpdateFunctionConfiguration',
  ),
  row(
    40,
    'B',
    'approve',
    'organizations: DetachPolicy, UpdatePolicy, DisablePolicyType, LeaveOrganization, RegisterDelegatedAdministrator; secretsmanager: PutResourcePolicy, DeleteSecret; sns: SetTopicAttributes, AddPermission; sqs: SetQueueAttributes, AddPermission; ecr: SetRepositoryPolicy; route53domains: DisableDomainTransferLock; route53: ChangeResourceRecordSets',
  ),
];

/** Beside the rows of AWS: what is put back in clusters, and what a person does to keep damage small. */
export const OTHER_TARGETS: readonly CatalogueEntry[] = [
  ...kubernetesEntries,
  ...kubernetesContainments,
  ...linuxContainments,
];

const BY_EVENT: ReadonlyMap<string, CatalogueEntry> = new Map(
  [...CATALOGUE, ...OTHER_TARGETS].flatMap((entry) => entry.events.map((event) => [event, entry] as const)),
);

/** The entry of an event, by any of its names. */
export function entryOf(service: string, name: string): CatalogueEntry | null {
  return BY_EVENT.get(`${service}:${plainName(name)}`) ?? null;
}

/** What holds for some events of a row, or for the more urgent ones among their changes. */
export interface EntryListing {
  readonly events: readonly string[];
  /** Of these events, only such changes: "shared with everybody". */
  readonly only?: string;
  readonly class: string;
  readonly default_mode: DefaultMode;
  readonly approval: boolean;
  readonly proven: Proof;
}

export interface RowListing {
  readonly row: number;
  /** Events that can be put back. */
  readonly events: readonly string[];
  readonly class: string;
  /** The row's headline; where its entries differ, each tells its own. */
  readonly default_mode: DefaultMode;
  /** A second person approves the plan, unless the policy says otherwise. */
  readonly approval: boolean;
  /** The weakest proof of its entries; `none` where there is no entry. */
  readonly proven: Proof;
  readonly entries: readonly EntryListing[];
  /** Events of the row that nothing but a person puts back: they page. */
  readonly page_only: readonly string[];
  /** Events of the row that page and are not put back yet. */
  readonly not_yet: readonly string[];
}

const STRENGTH: readonly Proof[] = ['none', 'shape', 'emulator'];

export function listRows(): readonly RowListing[] {
  return ROWS.map(({ row: number, class: kind, mode, events }) => {
    const known = CATALOGUE.filter((entry) => entry.row === number);
    const entries = known.filter(({ mode }) => mode !== 'page');
    const weakest = Math.min(...entries.map(({ proof }) => STRENGTH.indexOf(proof)), STRENGTH.length - 1);
    const held = entries.flatMap((entry) => entry.events);
    const paging = known.flatMap((entry) => (entry.mode === 'page' ? entry.events : []));
    return {
      row: number,
      events: held.length > 0 ? held : events,
      class: kind,
      default_mode: entries.length === 0 ? 'page' : mode,
      approval: mode === 'approve',
      proven: entries.length === 0 ? 'none' : (STRENGTH[weakest] ?? 'none'),
      entries: known.flatMap(listEntry),
      page_only: paging,
      not_yet: events.filter((event) => !held.includes(event) && !paging.includes(event)),
    };
  });
}

function listEntry({ events, class: kind, mode, urgent, proof }: CatalogueEntry): readonly EntryListing[] {
  const one = (default_mode: DefaultMode, only?: string): EntryListing => ({
    events,
    ...(only === undefined ? {} : { only }),
    class: kind,
    default_mode,
    approval: default_mode === 'approve',
    proven: proof,
  });
  return urgent === undefined ? [one(mode)] : [one(urgent.mode, urgent.of), one(mode)];
}
