/**
 * Asks AWS whether we may make a plan's calls, where it answers that without making them (`DryRun`): a plan of three calls whose last is
 * refused would leave the resource half made.
 *
 * The surprise: only calls that are known to take the word get it. One that does not know it would be done.
 */
import { type Call, type Caller, CallFailure } from '../../vendors/aws/calls.ts';
import type { CallPlace, CatalogueEntry } from './catalogue.ts';

/** Of EC2, what the catalogue calls and the SDK gives a `DryRun`; what associates instance profiles has none. */
const EC2 = new RegExp(
  `^(?:${[
    '(?:Authorize|Revoke)SecurityGroup(?:In|E)gress',
    'ModifySecurityGroupRules',
    '(?:Create|Replace|Delete)(?:NetworkAclEntry|Route)',
    '(?:Attach|Detach)InternetGateway',
    'DeleteVpcPeeringConnection',
    'Modify(?:Snapshot|Image|Instance)Attribute',
    'ModifyInstanceMetadataOptions',
    '(?:Enable|Disable)(?:EbsEncryptionByDefault|SnapshotBlockPublicAccess|ImageBlockPublicAccess|SerialConsoleAccess)',
    '(?:Create|Delete)FlowLogs',
  ].join('|')})$`,
);
const REFUSED: readonly string[] = ['UnauthorizedOperation', 'AccessDenied', 'AccessDeniedException'];

/** Whether a call can be tried without being made. */
export function canBeTried({ service, operation }: Call): boolean {
  if (service === 'ec2') return EC2.test(operation);
  return (
    (service === 'kms' && operation === 'RevokeGrant') || (service === 'lambda' && operation === 'UpdateFunctionCode')
  );
}

/** @throws CallFailure when we may not. What else AWS says to a trial is for the call itself to meet. */
export async function tryCalls(
  entry: Pick<CatalogueEntry, 'complete'>,
  calls: readonly Call[],
  at: CallPlace & { readonly caller: Caller },
): Promise<void> {
  for (const planned of calls.filter(canBeTried)) {
    const call = (await entry.complete?.(planned, at)) ?? planned;
    try {
      await at.caller.call({ ...call, input: { ...call.input, DryRun: true } });
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      if (REFUSED.includes(error.code))
        throw new CallFailure(error.code, `a trial run of ${call.operation} was refused: ${error.message}`, false);
    }
  }
}
