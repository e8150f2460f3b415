/** IAM: what principals may do: policies attached to them, written into them, and versions of policies. Rows 22 to 24. */
import type { Call } from '../../../../vendors/aws/calls.ts';
import { type CatalogueEntry, objectOf, orNone, type ResourceKind, textOf, type TrailEvent } from '../../catalogue.ts';
import { everyPage } from '../../pages.ts';
import { meaningOf } from '../../policy-document.ts';
import { changedFields, digestOfJson, type Fields, isNote, type Json, policyDocument, toJson } from '../../state.ts';
import {
  ask,
  askAll,
  call,
  iamResource,
  idOf,
  named,
  principalIn,
  principalOf,
  principals,
  reservedBecause,
} from './principals.ts';

function resourceOf(type: string) {
  return (event: TrailEvent) => {
    const principal = principalOf(event);
    return principal === null ? [] : [iamResource(type, event.account, idOf(principal))];
  };
}

/** Each policy that is attached is a field. */
const attachments: ResourceKind = {
  type: 'AWS::IAM::AttachedPolicies',
  reach: 'global',
  list: principals('User', 'Role', 'Group'),
  read: async (caller, { id }) => {
    const principal = principalIn(id);
    const operation = `ListAttached${principal.kind}Policies`;
    const attached = await askAll(caller, operation, named(principal), 'AttachedPolicies');
    return attached === null
      ? null
      : Object.fromEntries(attached.map((one) => [textOf(one, 'PolicyArn') ?? '', true] as const));
  },
};

const attachedPolicy: CatalogueEntry = {
  row: 22,
  events: ['iam:AttachUserPolicy', 'iam:AttachRolePolicy', 'iam:AttachGroupPolicy'],
  class: 'X',
  mode: 'after-answer',
  proof: 'emulator',
  resources: resourceOf('AttachedPolicies'),
  read: attachments.read,
  cannot: ({ request }) =>
    /^arn:aws[\w-]*:iam::aws:policy\/(?:AWSCompromisedKeyQuarantine|AWSDenyAll)/.test(
      textOf(request, 'policyArn') ?? '',
    )
      ? 'the policy takes rights away: AWS or somebody contains a leaked key with it'
      : null,
  hindrance: ({ resource }) => reservedBecause(resource),
  before: ({ request }, current) => {
    if (current === null) return null;
    return Object.fromEntries(Object.entries(current).filter(([arn]) => arn !== textOf(request, 'policyArn')));
  },
  after: ({ request }, baseline) => {
    const arn = textOf(request, 'policyArn');
    if (baseline === null) return null;
    return arn === null ? undefined : { ...baseline, [arn]: true };
  },
  lead: (from, to, { resource }) => {
    if (from === null || to === null) return [];
    const { kind, name } = principalIn(resource.id);
    const change = (verb: string, PolicyArn: string) =>
      call(`${verb}${kind}Policy`, { [`${kind}Name`]: name, PolicyArn });
    const gone = Object.keys(from).filter((arn) => !(arn in to));
    const back = Object.keys(to).filter((arn) => !(arn in from));
    return [...gone.map((arn) => change('Detach', arn)), ...back.map((arn) => change('Attach', arn))];
  },
  remains: 'done-meanwhile',
};

/** Each policy that is written into a principal is a field. */
const inlined: ResourceKind = {
  type: 'AWS::IAM::InlinePolicies',
  reach: 'global',
  list: principals('User', 'Role', 'Group'),
  read: async (caller, { id }) => {
    const principal = principalIn(id);
    const listed = everyPage(caller, call(`List${principal.kind}Policies`, named(principal)), {
      member: 'PolicyNames',
      token: ['Marker'],
    });
    const names = await orNone(listed, 'NoSuchEntity', 'NoSuchEntityException');
    if (names === null) return null;
    const documents: [string, Json][] = [];
    for (const name of names.map(String)) {
      const found = await ask(caller, `Get${principal.kind}Policy`, { ...named(principal), PolicyName: name });
      if (found !== null) documents.push([name, policyDocument(found['PolicyDocument'])]);
    }
    return Object.fromEntries(documents);
  },
};

const inlinePolicy: CatalogueEntry = {
  row: 23,
  events: ['iam:PutUserPolicy', 'iam:PutRolePolicy', 'iam:PutGroupPolicy'],
  class: 'B',
  mode: 'after-answer',
  proof: 'emulator',
  resources: resourceOf('InlinePolicies'),
  read: inlined.read,
  hindrance: ({ resource }) => reservedBecause(resource),
  after: ({ request }, baseline) => {
    const name = textOf(request, 'policyName');
    if (baseline === null) return null;
    return name === null ? undefined : { ...baseline, [name]: policyDocument(request['policyDocument']) };
  },
  lead: (from, to, { resource }) => {
    if (from === null || to === null) return [];
    const principal = principalIn(resource.id);
    return changedFields(from, to).map((name) => {
      const document = to[name] ?? null;
      const input = { ...named(principal), PolicyName: name };
      return document === null
        ? call(`Delete${principal.kind}Policy`, input)
        : call(`Put${principal.kind}Policy`, { ...input, PolicyDocument: JSON.stringify(document) });
    });
  },
  remains: 'done-meanwhile',
};

/**
 * A policy, by what its versions say: `document` is in force, and each text is a field. Versions are numbered anew when they are put
 * back, so their numbers are notes.
 */
const versions: ResourceKind = {
  type: 'AWS::IAM::Policy',
  reach: 'global',
  list: async (caller) => {
    const all = (await askAll(caller, 'ListPolicies', { Scope: 'Local' }, 'Policies')) ?? [];
    return all.flatMap((one) => textOf(one, 'Arn') ?? []);
  },
  read: async (caller, { id }) => {
    const found = await ask(caller, 'GetPolicy', { PolicyArn: id });
    if (found === null) return null;
    const inForce = textOf(objectOf(found, 'Policy'), 'DefaultVersionId') ?? '';
    const all = (await askAll(caller, 'ListPolicyVersions', { PolicyArn: id }, 'Versions')) ?? [];
    const texts: Record<string, Json> = {};
    const numbers: Record<string, string> = {};
    for (const VersionId of all.flatMap((one) => textOf(one, 'VersionId') ?? [])) {
      const read = await ask(caller, 'GetPolicyVersion', { PolicyArn: id, VersionId });
      const document = policyDocument(objectOf(read ?? {}, 'PolicyVersion')['Document']);
      texts[textName(document)] = document;
      numbers[VersionId] = textName(document);
    }
    return { ...texts, document: texts[numbers[inForce] ?? ''] ?? null, '(numbers)': numbers, '(inForce)': inForce };
  },
};

function textName(document: Json): string {
  return `text ${digestOfJson(meaningOf(document)).slice(0, 12)}`;
}

function numbersOf(state: Fields | null): Readonly<Record<string, unknown>> {
  return objectOf(state ?? {}, '(numbers)');
}

const policyVersion: CatalogueEntry = {
  row: 24,
  events: ['iam:CreatePolicyVersion', 'iam:SetDefaultPolicyVersion'],
  class: 'B',
  mode: 'after-answer',
  proof: 'emulator',
  resources: ({ request, account }) => {
    const arn = textOf(request, 'policyArn');
    return arn === null ? [] : [iamResource('Policy', account, arn)];
  },
  read: versions.read,
  after: ({ request, name }, baseline, _resource, current) => {
    if (baseline === null) return null;
    if (name === 'CreatePolicyVersion') {
      const document = policyDocument(request['policyDocument']);
      const added = { ...baseline, [textName(document)]: document };
      return String(request['setAsDefault']) === 'true' ? { ...added, document } : added;
    }
    const version = textOf(request, 'versionId') ?? '';
    const text = numbersOf(current)[version] ?? numbersOf(baseline)[version];
    const document = typeof text === 'string' ? (current?.[text] ?? baseline[text]) : undefined;
    return document === undefined ? undefined : { ...baseline, document };
  },
  lead: (from, to, { resource }) => (from === null || to === null ? [] : leadVersions(from, to, resource.id)),
  remains: 'done-meanwhile',
};

/** At most five versions are kept: what is not wanted goes first, and what is in force once another is. */
function leadVersions(from: Fields, to: Fields, PolicyArn: string): readonly Call[] {
  const numbers = Object.entries(numbersOf(from));
  const inForce = from['(inForce)'];
  const wanted = textName(to['document'] ?? null);
  const isWanted = (text: unknown) => text === wanted || (typeof text === 'string' && text in to);
  const remove = (entries: typeof numbers) =>
    entries.map(([VersionId]) => call('DeletePolicyVersion', { PolicyArn, VersionId }));
  const create = (document: Json, SetAsDefault: boolean) =>
    call('CreatePolicyVersion', { PolicyArn, PolicyDocument: JSON.stringify(document), SetAsDefault });
  const gone = numbers.filter(([, text]) => !isWanted(text));
  const [kept] = numbers.find(([, text]) => text === wanted) ?? [];
  const isInForce = textName(from['document'] ?? null) === wanted;
  const texts = Object.keys(to).filter((field) => field !== 'document' && !isNote(field));
  const missing = texts.filter((text) => text !== wanted && !numbers.some(([, known]) => known === text));
  const first =
    kept === undefined
      ? create(to['document'] ?? null, true)
      : call('SetDefaultPolicyVersion', { PolicyArn, VersionId: kept });
  return [
    ...remove(gone.filter(([version]) => version !== inForce)),
    ...(isInForce ? [] : [first]),
    ...remove(gone.filter(([version]) => version === inForce)),
    ...missing.map((text) => create(toJson(to[text]), false)),
  ];
}

export const policyKinds: readonly ResourceKind[] = [attachments, inlined, versions];
export const policyEntries: readonly CatalogueEntry[] = [attachedPolicy, inlinePolicy, policyVersion];
