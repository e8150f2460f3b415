/**
 * Route 53 Domains: the lock that keeps a domain from being carried off. Row 40.
 *
 * The surprise: the registry takes its time. While an operation of that kind runs, what the domain says of itself means nothing.
 */
import { type Call, type Caller, CallFailure } from '../../../vendors/aws/calls.ts';
import {
  type CatalogueEntry,
  orNone,
  type ResourceKind,
  type ResourceRef,
  textOf,
  textsOf,
  Unsettled,
} from '../catalogue.ts';
import { everyObject } from '../pages.ts';
import type { Fields, ResourceState } from '../state.ts';

const TYPE = 'AWS::Route53Domains::TransferLock';
/** What the registry calls a locked domain. */
const LOCKED = 'clientTransferProhibited';
const PAGES = ['NextPageMarker', 'Marker'] as const;

function call(operation: string, input: Fields): Call {
  return { service: 'route-53-domains', operation, input };
}

async function read(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const running = call('ListOperations', { Status: ['SUBMITTED', 'IN_PROGRESS'], Type: ['DOMAIN_LOCK'] });
  const operations = await everyObject(caller, running, { member: 'Operations', token: PAGES });
  if (operations.some((one) => textOf(one, 'DomainName')?.toLowerCase() === id))
    throw new Unsettled('the registry is still changing the lock');
  // A domain that is not ours is called invalid input.
  const answer = await orNone(caller.call(call('GetDomainDetail', { DomainName: id })), 'InvalidInput');
  return answer === null ? null : { locked: textsOf(answer, 'StatusList').includes(LOCKED) };
}

export const route53domainsEntries: readonly CatalogueEntry[] = [
  {
    row: 40,
    events: ['route53domains:DisableDomainTransferLock'],
    class: 'X',
    mode: 'approve',
    proof: 'shape',
    resources: ({ request, account }) => {
      const id = textOf(request, 'domainName')?.toLowerCase() ?? null;
      return id === null ? [] : [{ type: TYPE, account, region: 'aws-global', id }];
    },
    read,
    after: () => ({ locked: false }),
    before: () => ({ locked: true }),
    lead: (from, to, { resource }) => {
      if (from === null || to === null) return [];
      return [call(`${to['locked'] === true ? 'Enable' : 'Disable'}DomainTransferLock`, { DomainName: resource.id })];
    },
    isSettled: async (_call, answer, { caller }) => {
      const OperationId = textOf(answer, 'OperationId');
      if (OperationId === null) return true;
      const operation = await caller.call(call('GetOperationDetail', { OperationId }));
      const status = textOf(operation, 'Status');
      if (status === 'ERROR' || status === 'FAILED')
        throw new CallFailure('DomainLockFailed', textOf(operation, 'Message') ?? 'the registry refused', false);
      return status === 'SUCCESSFUL';
    },
  },
];

export const route53domainsKinds: readonly ResourceKind[] = [
  {
    type: TYPE,
    reach: 'global',
    read,
    list: async (caller) => {
      const domains = await everyObject(caller, call('ListDomains', {}), { member: 'Domains', token: PAGES });
      return domains.flatMap((one) => textOf(one, 'DomainName') ?? []);
    },
  },
];
