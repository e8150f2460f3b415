/**
 * Users and groups as RFC 7643 shapes them, and how what a provider writes becomes them.
 *
 * The surprise: attribute names and operators are the same in any case, and Microsoft Entra writes booleans as the texts "True" and
 * "False". Attributes that mean nothing here are dropped, as the RFC lets a server do.
 */
import { type Static, Type } from 'typebox';
import { Check, Errors } from 'typebox/value';
import { Failure } from '../../ground/failure.ts';
import type { Identities, Language } from '../person.ts';

export const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group';
/** Ours: the names by which a person acts. */
export const IDENTITY_SCHEMA = 'urn:countersign:params:scim:schemas:1.0:User';

const text = (maxLength: number) => Type.Optional(Type.String({ maxLength }));
const names = (maxLength: number) =>
  Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength }), { maxItems: 50 }));
const NAME_LENGTH = 200;
const EMAIL_LENGTH = 254;
const ARN_LENGTH = 2_048;
const MOST_MEMBERS = 10_000;

const IdentityExtension = Type.Object({
  arns: names(ARN_LENGTH),
  awsUsers: names(NAME_LENGTH),
  sessions: names(NAME_LENGTH),
  kubernetesUsers: names(EMAIL_LENGTH),
  hostUsers: names(NAME_LENGTH),
  accessKeys: names(NAME_LENGTH),
  slackUser: text(NAME_LENGTH),
  duoUsername: text(EMAIL_LENGTH),
});

export const UserAttributes = Type.Object({
  userName: Type.String({ minLength: 1, maxLength: EMAIL_LENGTH }),
  externalId: text(EMAIL_LENGTH),
  active: Type.Boolean(),
  displayName: text(NAME_LENGTH),
  name: Type.Optional(
    Type.Object({ formatted: text(NAME_LENGTH), givenName: text(NAME_LENGTH), familyName: text(NAME_LENGTH) }),
  ),
  preferredLanguage: text(NAME_LENGTH),
  locale: text(NAME_LENGTH),
  emails: Type.Optional(
    Type.Array(
      Type.Object({
        value: Type.String({ maxLength: EMAIL_LENGTH }),
        type: text(NAME_LENGTH),
        primary: Type.Optional(Type.Boolean()),
      }),
      { maxItems: 20 },
    ),
  ),
  [IDENTITY_SCHEMA]: Type.Optional(IdentityExtension),
});
export type UserAttributes = Static<typeof UserAttributes>;

export const GroupAttributes = Type.Object({
  displayName: Type.String({ minLength: 1, maxLength: NAME_LENGTH }),
  externalId: text(EMAIL_LENGTH),
  members: Type.Optional(
    Type.Array(Type.Object({ value: Type.String({ maxLength: 64 }) }), { maxItems: MOST_MEMBERS }),
  ),
});
export type GroupAttributes = Static<typeof GroupAttributes>;

type Json = Readonly<Record<string, unknown>>;

const USER_NAMES = Object.keys(UserAttributes.properties);
const GROUP_NAMES = Object.keys(GroupAttributes.properties);
const SUB_NAMES: Readonly<Record<string, readonly string[]>> = {
  name: ['formatted', 'givenName', 'familyName'],
  emails: ['value', 'type', 'primary'],
  members: ['value'],
  [IDENTITY_SCHEMA]: Object.keys(IdentityExtension.properties),
};

const MANY = new Set(
  Object.entries({
    ...UserAttributes.properties,
    ...GroupAttributes.properties,
    ...IdentityExtension.properties,
  }).flatMap(([name, { type }]) => (type === 'array' ? [name] : [])),
);

/**
 * @param active whether they are in service where nothing is said of it: replacing somebody brings nobody back.
 * @throws Failure 400 with the RFC's `scimType`.
 */
export function readUser(body: unknown, active = true): UserAttributes {
  const picked = pick(body, USER_NAMES);
  const user = {
    ...picked,
    active: truth(picked['active'] ?? active),
    ...(Array.isArray(picked['emails']) ? { emails: picked['emails'].map(readEmail) } : {}),
  };
  return checked(UserAttributes, user) as UserAttributes;
}

/** @throws Failure 400 with the RFC's `scimType`. */
export function readGroup(body: unknown): GroupAttributes {
  const parts = isObject(body) && Array.isArray(body['members']) ? body['members'] : [];
  if (
    parts.some(
      (member) => isObject(member) && typeof member['type'] === 'string' && member['type'].toLowerCase() === 'group',
    )
  )
    throw scimFailure(400, 'invalidValue', 'members: groups in groups are not kept; assign their people');
  return checked(GroupAttributes, pick(body, GROUP_NAMES)) as GroupAttributes;
}

export type ResourceKind = 'User' | 'Group';

/** The attribute's name as this server writes it, whatever its case; null: it means nothing here. */
export function attributeNamed(kind: ResourceKind, name: string): string | null {
  return inAnyCase(kind === 'User' ? USER_NAMES : GROUP_NAMES, name);
}

export function subAttributeNamed(attribute: string, name: string): string | null {
  return inAnyCase(SUB_NAMES[attribute] ?? [], name);
}

export function isMany(attribute: string): boolean {
  return MANY.has(attribute);
}

function inAnyCase(known: readonly string[], name: string): string | null {
  return known.find((one) => one.toLowerCase() === name.toLowerCase()) ?? null;
}

/** What the person is here. @throws Failure 400 when there is no address. */
export function personOf(user: UserAttributes): {
  readonly email: string;
  readonly name: string;
  readonly language: Language;
  readonly identities: Partial<Identities>;
} {
  const emails = user.emails ?? [];
  const chosen =
    emails.find(({ primary }) => primary === true) ?? emails.find(({ type }) => type === 'work') ?? emails[0];
  const email = (chosen?.value ?? user.userName).trim().toLowerCase();
  if (!/^[^\s@]+@[^\s@]+$/.test(email))
    throw scimFailure(400, 'invalidValue', 'emails: a user needs an address, in emails or as userName');
  const { formatted, givenName, familyName } = user.name ?? {};
  const parts = [givenName, familyName].filter((part) => part !== undefined && part !== '').join(' ');
  const name = [user.displayName, formatted, parts, email].find((one) => one !== undefined && one.trim() !== '');
  const language = /^ja\b/i.test(user.preferredLanguage ?? user.locale ?? '') ? 'ja' : 'en';
  const own = user[IDENTITY_SCHEMA] ?? {};
  const userName = user.userName.toLowerCase();
  const sessions = [...(own.sessions ?? []), ...(userName === email ? [] : [userName])];
  return { email, name: (name ?? email).trim(), language, identities: { ...own, sessions } };
}

/** A failure as a provider reads it; `scimType` is one of RFC 7644, table 9. */
export function scimFailure(httpStatus: number, scimType: string | null, detail: string): Failure {
  return new Failure(detail, {
    code: scimType ?? 'scim',
    httpStatus,
    retryable: false,
    parameters: scimType === null ? {} : { scimType },
  });
}

function checked(schema: typeof UserAttributes | typeof GroupAttributes, value: unknown): unknown {
  if (Check(schema, value)) return value;
  const [first] = Errors(schema, value);
  const where = (first?.instancePath ?? '').slice(1).replaceAll('/', '.');
  throw scimFailure(400, 'invalidValue', `${where === '' ? 'the resource' : where}: ${first?.message ?? 'unexpected'}`);
}

/** The known attributes under their own names; nulls count as absent. */
function pick(body: unknown, known: readonly string[]): Json {
  if (!isObject(body)) throw scimFailure(400, 'invalidSyntax', 'the body must be a JSON object');
  const entries = Object.entries(body).flatMap(([key, value]): (readonly [string, unknown])[] => {
    const name = inAnyCase(known, key);
    if (name === null || value === null) return [];
    const parts = SUB_NAMES[name];
    return [[name, parts === undefined ? value : pickWithin(value, parts)]];
  });
  return Object.fromEntries(entries);
}

function pickWithin(value: unknown, known: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((one: unknown) => (isObject(one) ? pick(one, known) : one));
  return isObject(value) ? pick(value, known) : value;
}

function readEmail(email: unknown): unknown {
  if (!isObject(email)) return email;
  const { primary, ...rest } = email;
  return primary === undefined ? rest : { ...rest, primary: truth(primary) };
}

/** Entra writes booleans as texts. */
export function truth(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const word = value.toLowerCase();
  return word === 'true' ? true : word === 'false' ? false : value;
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
