/**
 * SQS: who may send to a queue and read from it. Row 40.
 *
 * The surprise: a queue is called by a URL, and who asks decides which one. It is asked for anew at each call.
 */
import type { Call, Caller } from '../../../vendors/aws/calls.ts';
import {
  type CatalogueEntry,
  objectOf,
  orNone,
  type ResourceKind,
  type ResourceRef,
  textOf,
  type TrailEvent,
} from '../catalogue.ts';
import { withPermission } from '../policy-document.ts';
import { everyPage } from '../pages.ts';
import { documentText, type Fields, policyDocument, type ResourceState } from '../state.ts';

const TYPE = 'AWS::SQS::QueuePolicy';
const GONE = ['QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue'];

function call(operation: string, input: Fields): Call {
  return { service: 'sqs', operation, input };
}

/** `https://sqs.eu-west-1.amazonaws.com/111122223333/orders`: the queue may be another account's. */
function queueOf({ request, account, region }: TrailEvent): readonly ResourceRef[] {
  const [name = '', owner = ''] = (textOf(request, 'queueUrl') ?? '').split('/').reverse();
  // A permission that is added is known by its label.
  if (name === '' || !('label' in request || setsPolicy(request))) return [];
  return [{ type: TYPE, account: /^\d{12}$/.test(owner) ? owner : account, region, id: name }];
}

function setsPolicy(request: TrailEvent['request']): boolean {
  return 'Policy' in objectOf(request, 'attributes');
}

async function urlOf(caller: Caller, QueueName: string): Promise<string | null> {
  const answer = await orNone(caller.call(call('GetQueueUrl', { QueueName })), ...GONE);
  return answer === null ? null : textOf(answer, 'QueueUrl');
}

async function read(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const QueueUrl = await urlOf(caller, id);
  if (QueueUrl === null) return null;
  const asked = caller.call(call('GetQueueAttributes', { QueueUrl, AttributeNames: ['Policy'] }));
  const answer = await orNone(asked, ...GONE);
  return answer === null ? null : { policy: policyDocument(objectOf(answer, 'Attributes')['Policy']) };
}

const queue = {
  row: 40,
  class: 'B',
  mode: 'approve',
  proof: 'emulator',
  resources: queueOf,
  read,
  lead: (_from, to) => {
    if (to === null) return [];
    const policy = to['policy'] ?? null;
    // An empty text takes the policy away.
    const Policy = policy === null ? '' : documentText(policy);
    return [call('SetQueueAttributes', { Attributes: { Policy } })];
  },
  complete: async (planned, { caller, resource }) => {
    const QueueUrl = await urlOf(caller, resource.id);
    return QueueUrl === null ? planned : { ...planned, input: { ...planned.input, QueueUrl } };
  },
  remains: 'read-meanwhile',
} as const satisfies Partial<CatalogueEntry>;

export const sqsEntries: readonly CatalogueEntry[] = [
  {
    ...queue,
    events: ['sqs:SetQueueAttributes'],
    cannot: ({ request }) =>
      setsPolicy(request) ? null : 'of a queue only the policy is put back, and this set other attributes',
    after: ({ request }) => {
      const { Policy } = objectOf(request, 'attributes');
      return typeof Policy === 'string' ? { policy: policyDocument(Policy) } : undefined;
    },
  },
  {
    ...queue,
    events: ['sqs:AddPermission'],
    after: withPermission,
  },
];

export const sqsKinds: readonly ResourceKind[] = [
  {
    type: TYPE,
    reach: 'region',
    read,
    list: async (caller) => {
      const all = { member: 'QueueUrls', token: ['NextToken'] } as const;
      // Without a limit there are no further pages, and no more than a thousand queues.
      const urls = await everyPage(caller, call('ListQueues', { MaxResults: 1_000 }), all);
      return urls.flatMap((url) => (typeof url === 'string' ? (url.split('/').at(-1) ?? []) : []));
    },
  },
];
