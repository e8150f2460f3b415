/** What this server can of SCIM, as a provider asks for it. */
import { MAXIMUM_COUNT } from './listing.ts';
import { GROUP_SCHEMA, IDENTITY_SCHEMA, USER_SCHEMA } from './resource.ts';

const CONFIGURATION_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig';
const RESOURCE_TYPE_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:ResourceType';
const SCHEMA_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Schema';

/** @param base the address of `/scim/v2`. */
export function describeProvider(base: string) {
  return {
    configuration: {
      schemas: [CONFIGURATION_SCHEMA],
      patch: { supported: true },
      bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
      filter: { supported: true, maxResults: MAXIMUM_COUNT },
      changePassword: { supported: false },
      sort: { supported: false },
      etag: { supported: false },
      authenticationSchemes: [
        {
          type: 'oauthbearertoken',
          name: 'Token',
          description: "A token made in the console's settings for the purpose scim, sent as Authorization: Bearer.",
          primary: true,
        },
      ],
      meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
    },
    resourceTypes: [
      resourceType('User', USER_SCHEMA, base, [{ schema: IDENTITY_SCHEMA, required: false }]),
      resourceType('Group', GROUP_SCHEMA, base, []),
    ],
    schemas: [
      schema(USER_SCHEMA, 'User', base, [
        attribute('userName', 'string', { required: true, uniqueness: 'server' }),
        attribute('externalId', 'string', { caseExact: true }),
        attribute('active', 'boolean'),
        attribute('displayName', 'string'),
        attribute('preferredLanguage', 'string'),
        attribute('locale', 'string'),
        complex('name', false, [
          attribute('formatted', 'string'),
          attribute('givenName', 'string'),
          attribute('familyName', 'string'),
        ]),
        complex('emails', true, [
          attribute('value', 'string'),
          attribute('type', 'string'),
          attribute('primary', 'boolean'),
        ]),
      ]),
      schema(GROUP_SCHEMA, 'Group', base, [
        attribute('displayName', 'string', { required: true, uniqueness: 'server' }),
        attribute('externalId', 'string', { caseExact: true }),
        complex('members', true, [attribute('value', 'string', { caseExact: true })]),
      ]),
      schema(IDENTITY_SCHEMA, 'Identities', base, [
        ...['arns', 'awsUsers', 'sessions', 'kubernetesUsers', 'hostUsers', 'accessKeys'].map((name) =>
          attribute(name, 'string', { multiValued: true, caseExact: true }),
        ),
        attribute('slackUser', 'string', { caseExact: true }),
        attribute('duoUsername', 'string'),
      ]),
    ],
  };
}

function resourceType(name: string, schemaId: string, base: string, schemaExtensions: readonly object[]) {
  return {
    schemas: [RESOURCE_TYPE_SCHEMA],
    id: name,
    name,
    endpoint: `/${name}s`,
    schema: schemaId,
    schemaExtensions,
    meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/${name}` },
  };
}

function schema(id: string, name: string, base: string, attributes: readonly object[]) {
  const meta = { resourceType: 'Schema', location: `${base}/Schemas/${id}` };
  return { schemas: [SCHEMA_SCHEMA], id, name, attributes, meta };
}

function attribute(name: string, type: 'string' | 'boolean', parts: object = {}) {
  const usual = { multiValued: false, required: false, caseExact: false, mutability: 'readWrite', returned: 'default' };
  return { name, type, ...usual, uniqueness: 'none', ...parts };
}

function complex(name: string, multiValued: boolean, subAttributes: readonly object[]) {
  return { ...attribute(name, 'string', { multiValued }), type: 'complex', subAttributes };
}
