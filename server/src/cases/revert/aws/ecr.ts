/** ECR: who may pull images and push them. Row 40. */
import type { Call, Caller } from '../../../vendors/aws/calls.ts';
import { type CatalogueEntry, orNone, type ResourceKind, type ResourceRef, textOf } from '../catalogue.ts';
import { everyObject } from '../pages.ts';
import { documentText, type Fields, policyDocument, type ResourceState } from '../state.ts';

const TYPE = 'AWS::ECR::RepositoryPolicy';

function call(operation: string, input: Fields): Call {
  return { service: 'ecr', operation, input };
}

async function read(caller: Caller, { id }: ResourceRef): Promise<ResourceState> {
  const repositories = caller.call(call('DescribeRepositories', { repositoryNames: [id] }));
  if ((await orNone(repositories, 'RepositoryNotFoundException')) === null) return null;
  const asked = caller.call(call('GetRepositoryPolicy', { repositoryName: id }));
  const answer = await orNone(asked, 'RepositoryPolicyNotFoundException');
  return { policy: answer === null ? null : policyDocument(answer['policyText']) };
}

export const ecrEntries: readonly CatalogueEntry[] = [
  {
    row: 40,
    events: ['ecr:SetRepositoryPolicy'],
    class: 'B',
    mode: 'approve',
    proof: 'emulator',
    resources: ({ request, account, region }) => {
      const id = textOf(request, 'repositoryName');
      const owner = textOf(request, 'registryId') ?? account;
      return id === null ? [] : [{ type: TYPE, account: owner, region, id }];
    },
    read,
    after: ({ request }) =>
      textOf(request, 'policyText') === null ? undefined : { policy: policyDocument(request['policyText']) },
    lead: (_from, to, { resource }) => {
      if (to === null) return [];
      const repositoryName = resource.id;
      const policy = to['policy'] ?? null;
      if (policy === null) return [call('DeleteRepositoryPolicy', { repositoryName })];
      return [call('SetRepositoryPolicy', { repositoryName, policyText: documentText(policy) })];
    },
    fine: ['RepositoryPolicyNotFoundException'],
    remains: 'read-meanwhile',
  },
];

export const ecrKinds: readonly ResourceKind[] = [
  {
    type: TYPE,
    reach: 'region',
    read,
    list: async (caller) => {
      const all = { member: 'repositories', token: ['nextToken'] } as const;
      const repositories = await everyObject(caller, call('DescribeRepositories', {}), all);
      return repositories.flatMap((one) => textOf(one, 'repositoryName') ?? []);
    },
  },
];
