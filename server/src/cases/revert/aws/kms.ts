/** KMS: keys that are to vanish, are switched off, or open to strangers. Row 38. */
import type { Call } from '../../../vendors/aws/calls.ts';
import { type CatalogueEntry, objectOf, orNone, textOf, type TrailEvent } from '../catalogue.ts';
import { type Fields, policyDocument } from '../state.ts';

function call(operation: string, input: Fields): Call {
  return { service: 'kms', operation, input };
}

/** A key is called by its id or by its ARN. */
function keyOf({ request, account, region }: TrailEvent) {
  const id = textOf(request, 'keyId')?.split('key/').at(-1);
  return id === undefined ? [] : [{ type: 'AWS::KMS::Key', account, region, id }];
}

const common = {
  row: 38,
  class: 'B',
  proof: 'emulator',
  resources: keyOf,
  read: async (caller, { id }) => {
    const found = await orNone(caller.call(call('DescribeKey', { KeyId: id })), 'NotFoundException');
    if (found === null) return null;
    const policy = await caller.call(call('GetKeyPolicy', { KeyId: id, PolicyName: 'default' }));
    return { state: textOf(objectOf(found, 'KeyMetadata'), 'KeyState'), policy: policyDocument(policy['Policy']) };
  },
  lead: (from, to, { resource }) => {
    if (from === null || to === null) return [];
    const KeyId = resource.id;
    const calls: Call[] = [];
    if (from['state'] !== to['state']) {
      // Cancelling leaves the key disabled.
      if (from['state'] === 'PendingDeletion') calls.push(call('CancelKeyDeletion', { KeyId }));
      if (to['state'] === 'Enabled') calls.push(call('EnableKey', { KeyId }));
      if (to['state'] === 'Disabled') calls.push(call('DisableKey', { KeyId }));
      if (to['state'] === 'PendingDeletion') calls.push(call('ScheduleKeyDeletion', { KeyId }));
    }
    if (JSON.stringify(from['policy']) !== JSON.stringify(to['policy'])) {
      const Policy = JSON.stringify(to['policy'] ?? null);
      calls.push(call('PutKeyPolicy', { KeyId, PolicyName: 'default', Policy }));
    }
    return calls;
  },
} as const satisfies Partial<CatalogueEntry>;

export const kmsEntries: readonly CatalogueEntry[] = [
  {
    ...common,
    events: ['kms:ScheduleKeyDeletion'],
    mode: 'auto',
    after: (_event, baseline) => (baseline === null ? undefined : { ...baseline, state: 'PendingDeletion' }),
  },
  {
    ...common,
    events: ['kms:DisableKey'],
    mode: 'after-answer',
    after: (_event, baseline) => (baseline === null ? undefined : { ...baseline, state: 'Disabled' }),
  },
  {
    ...common,
    events: ['kms:PutKeyPolicy'],
    mode: 'after-answer',
    after: ({ request }, baseline) =>
      baseline === null ? undefined : { ...baseline, policy: policyDocument(request['policy']) },
  },
];
