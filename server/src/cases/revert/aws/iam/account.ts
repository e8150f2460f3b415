/** IAM: what holds for the whole account: identity providers that people sign in by, and the rules for passwords. Rows 28 and 30. */
import type { Call } from '../../../../vendors/aws/calls.ts';
import { type CatalogueEntry, listOf, objectOf, type ResourceKind, textOf, type TrailEvent } from '../../catalogue.ts';
import { changedFields, type Fields, type Json, type ResourceState, sortedList, toJson } from '../../state.ts';
import { ask, call, iamResource } from './principals.ts';

const federation = {
  row: 28,
  mode: 'approve',
  // Whoever signs in by a provider is locked out when it is put back wrongly.
  needsBreakGlass: true,
  remains: 'sign-in-changes',
} as const;

const samlProviders: ResourceKind = {
  type: 'AWS::IAM::SAMLProvider',
  reach: 'global',
  list: async (caller) => {
    const found = await ask(caller, 'ListSAMLProviders', {});
    return listOf(found ?? {}, 'SAMLProviderList').flatMap((one) => textOf(one, 'Arn') ?? []);
  },
  read: async (caller, { id }) => {
    const found = await ask(caller, 'GetSAMLProvider', { SAMLProviderArn: id });
    return found === null ? null : { metadata: textOf(found, 'SAMLMetadataDocument')?.trim() ?? null };
  },
};

function leadSaml(from: ResourceState, to: ResourceState, SAMLProviderArn: string): readonly Call[] {
  if (to === null) return from === null ? [] : [call('DeleteSAMLProvider', { SAMLProviderArn })];
  const SAMLMetadataDocument = to['metadata'] ?? null;
  return from === null
    ? [call('CreateSAMLProvider', { Name: SAMLProviderArn.split('/').at(-1) ?? '', SAMLMetadataDocument })]
    : [call('UpdateSAMLProvider', { SAMLProviderArn, SAMLMetadataDocument })];
}

function samlResource({ request, response, account }: TrailEvent) {
  const arn = textOf(request, 'sAMLProviderArn') ?? textOf(response, 'sAMLProviderArn');
  return arn === null ? [] : [iamResource('SAMLProvider', account, arn)];
}

const saml = {
  ...federation,
  proof: 'emulator',
  resources: samlResource,
  read: samlProviders.read,
  lead: (from, to, { resource }) => leadSaml(from, to, resource.id),
} as const satisfies Partial<CatalogueEntry>;

const newSaml: CatalogueEntry = {
  ...saml,
  events: ['iam:CreateSAMLProvider'],
  class: 'X',
  before: () => null,
  // Metadata may be too long for an event.
  after: ({ request }, _baseline, _resource, current) => {
    const metadata = textOf(request, 'sAMLMetadataDocument');
    return metadata === null ? current : { metadata: metadata.trim() };
  },
};

const changedSaml: CatalogueEntry = {
  ...saml,
  events: ['iam:UpdateSAMLProvider'],
  class: 'B',
  after: ({ request }, baseline) => {
    const metadata = textOf(request, 'sAMLMetadataDocument');
    if (baseline === null) return null;
    return metadata === null ? undefined : { ...baseline, metadata: metadata.trim() };
  },
};

/** Each client that may ask for sessions is a field. */
const openIdProviders: ResourceKind = {
  type: 'AWS::IAM::OIDCProvider',
  reach: 'global',
  list: async (caller) => {
    const found = await ask(caller, 'ListOpenIDConnectProviders', {});
    return listOf(found ?? {}, 'OpenIDConnectProviderList').flatMap((one) => textOf(one, 'Arn') ?? []);
  },
  read: async (caller, { id }) => {
    const found = await ask(caller, 'GetOpenIDConnectProvider', { OpenIDConnectProviderArn: id });
    return found === null ? null : openIdState(found['Url'], found['ClientIDList'], found['ThumbprintList']);
  },
};

function openIdState(url: unknown, clients: unknown, thumbprints: unknown): Fields {
  const ids = Array.isArray(clients) ? (clients as readonly unknown[]) : [];
  return {
    url: typeof url === 'string' ? url.replace(/^https:\/\//, '') : null,
    thumbprints: sortedList(thumbprints),
    ...Object.fromEntries(ids.map((id) => [`client ${String(id)}`, true])),
  };
}

function leadOpenId(from: ResourceState, to: ResourceState, OpenIDConnectProviderArn: string): readonly Call[] {
  const target = { OpenIDConnectProviderArn };
  if (to === null) return from === null ? [] : [call('DeleteOpenIDConnectProvider', target)];
  const ThumbprintList = to['thumbprints'] ?? [];
  const clients = Object.keys(to).filter((field) => field.startsWith('client '));
  const ClientIDList = clients.map((client) => client.replace('client ', ''));
  if (from === null) {
    const Url = `https://${typeof to['url'] === 'string' ? to['url'] : ''}`;
    return [call('CreateOpenIDConnectProvider', { Url, ClientIDList, ThumbprintList })];
  }
  return changedFields(from, to).flatMap((field) => {
    if (field === 'thumbprints') return [call('UpdateOpenIDConnectProviderThumbprint', { ...target, ThumbprintList })];
    if (!field.startsWith('client ')) return [];
    const verb = field in to ? 'AddClientIDTo' : 'RemoveClientIDFrom';
    return [call(`${verb}OpenIDConnectProvider`, { ...target, ClientID: field.replace('client ', '') })];
  });
}

const openId = {
  ...federation,
  resources: ({ request, response, account }) => {
    const arn = textOf(request, 'openIDConnectProviderArn') ?? textOf(response, 'openIDConnectProviderArn');
    return arn === null ? [] : [iamResource('OIDCProvider', account, arn)];
  },
  read: openIdProviders.read,
  lead: (from, to, { resource }) => leadOpenId(from, to, resource.id),
} as const satisfies Partial<CatalogueEntry>;

const newOpenId: CatalogueEntry = {
  ...openId,
  events: ['iam:CreateOpenIDConnectProvider'],
  class: 'X',
  proof: 'emulator',
  before: () => null,
  // Without thumbprints AWS finds them by itself.
  after: ({ request }, _baseline, _resource, current) =>
    openIdState(request['url'], request['clientIDList'], request['thumbprintList'] ?? current?.['thumbprints']),
};

const newClient: CatalogueEntry = {
  ...openId,
  events: ['iam:AddClientIDToOpenIDConnectProvider'],
  class: 'X',
  proof: 'shape',
  before: ({ request }, current) => {
    if (current === null) return null;
    const added = `client ${textOf(request, 'clientID')}`;
    return Object.fromEntries(Object.entries(current).filter(([field]) => field !== added));
  },
  after: ({ request }, baseline) =>
    baseline === null ? null : { ...baseline, [`client ${textOf(request, 'clientID')}`]: true },
};

const newThumbprint: CatalogueEntry = {
  ...openId,
  events: ['iam:UpdateOpenIDConnectProviderThumbprint'],
  class: 'B',
  proof: 'emulator',
  after: ({ request }, baseline) =>
    baseline === null ? null : { ...baseline, thumbprints: sortedList(request['thumbprintList']) },
};

/** What an update leaves out goes back to this, and means the same as being absent. */
const PASSWORD_RULES: Readonly<Record<string, Json>> = {
  MinimumPasswordLength: 6,
  RequireSymbols: false,
  RequireNumbers: false,
  RequireUppercaseCharacters: false,
  RequireLowercaseCharacters: false,
  AllowUsersToChangePassword: false,
  MaxPasswordAge: 0,
  PasswordReusePrevention: 0,
  HardExpiry: false,
};

const passwordPolicies: ResourceKind = {
  type: 'AWS::IAM::AccountPasswordPolicy',
  reach: 'global',
  list: (_caller, { account }) => Promise.resolve([account]),
  read: async (caller) => {
    const found = await ask(caller, 'GetAccountPasswordPolicy', {});
    return found === null ? null : passwordRules(objectOf(found, 'PasswordPolicy'));
  },
};

function passwordRules(given: Readonly<Record<string, unknown>>): Fields {
  return Object.fromEntries(
    Object.entries(PASSWORD_RULES).map(([rule, usual]) => [rule, toJson(given[rule] ?? usual)]),
  );
}

const passwordPolicy: CatalogueEntry = {
  row: 30,
  events: ['iam:UpdateAccountPasswordPolicy', 'iam:DeleteAccountPasswordPolicy'],
  class: 'B',
  mode: 'after-answer',
  proof: 'emulator',
  resources: ({ account }) => [iamResource('AccountPasswordPolicy', account, account)],
  read: passwordPolicies.read,
  after: ({ name, request }) => {
    if (name.startsWith('Delete')) return null;
    const given = Object.entries(request).map(([rule, value]) => [rule.charAt(0).toUpperCase() + rule.slice(1), value]);
    return passwordRules(Object.fromEntries(given) as Readonly<Record<string, unknown>>);
  },
  lead: (from, to) => {
    if (to === null) return from === null ? [] : [call('DeleteAccountPasswordPolicy', {})];
    // Zero stands for never, and may not be said.
    const rules = Object.entries(to).filter(([, value]) => value !== 0);
    return [call('UpdateAccountPasswordPolicy', Object.fromEntries(rules))];
  },
};

export const accountKinds: readonly ResourceKind[] = [samlProviders, openIdProviders, passwordPolicies];
export const accountEntries: readonly CatalogueEntry[] = [
  newSaml,
  changedSaml,
  newOpenId,
  newClient,
  newThumbprint,
  passwordPolicy,
];
