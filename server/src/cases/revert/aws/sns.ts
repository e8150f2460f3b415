/** SNS: who may publish to a topic and subscribe to it. Row 40. */
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
import { everyObject } from '../pages.ts';
import { documentText, type Fields, policyDocument, type ResourceState } from '../state.ts';

const TYPE = 'AWS::SNS::TopicPolicy';

function call(operation: string, input: Fields): Call {
  return { service: 'sns', operation, input };
}

/** `arn:aws:sns:eu-west-1:111122223333:orders`: the topic may be another account's. */
function topicOf({ request, region, account }: TrailEvent): readonly ResourceRef[] {
  const arn = textOf(request, 'topicArn');
  // A permission that is added is known by its label.
  const setsPolicy = 'label' in request || textOf(request, 'attributeName') === 'Policy';
  if (arn === null || !setsPolicy) return [];
  const [, , , home = region, owner = account] = arn.split(':');
  return [{ type: TYPE, account: owner, region: home, id: arn }];
}

async function read(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const asked = caller.call(call('GetTopicAttributes', { TopicArn: id }));
  const answer = await orNone(asked, 'NotFound', 'NotFoundException');
  return answer === null ? null : { policy: policyDocument(objectOf(answer, 'Attributes')['Policy']) };
}

const topic = {
  row: 40,
  class: 'B',
  mode: 'approve',
  proof: 'emulator',
  resources: topicOf,
  read,
  lead: (_from, to, { resource }) => {
    // A topic always has a policy; there is no call that takes it away.
    const policy = to?.['policy'] ?? null;
    if (policy === null) return [];
    const AttributeValue = documentText(policy);
    return [call('SetTopicAttributes', { TopicArn: resource.id, AttributeName: 'Policy', AttributeValue })];
  },
  remains: 'read-meanwhile',
} as const satisfies Partial<CatalogueEntry>;

export const snsEntries: readonly CatalogueEntry[] = [
  {
    ...topic,
    events: ['sns:SetTopicAttributes'],
    cannot: ({ request }) =>
      textOf(request, 'attributeName') === 'Policy'
        ? null
        : 'of a topic only the policy is put back, and this set another attribute',
    after: ({ request }) =>
      textOf(request, 'attributeValue') === null ? undefined : { policy: policyDocument(request['attributeValue']) },
  },
  {
    ...topic,
    events: ['sns:AddPermission'],
    after: withPermission,
  },
];

export const snsKinds: readonly ResourceKind[] = [
  {
    type: TYPE,
    reach: 'region',
    read,
    list: async (caller) => {
      const topics = await everyObject(caller, call('ListTopics', {}), { member: 'Topics', token: ['NextToken'] });
      return topics.flatMap((one) => textOf(one, 'TopicArn') ?? []);
    },
  },
];
