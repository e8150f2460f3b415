/** Who is asked: the person who did it, else who answers for the account, and when nobody can be. */
import { describe, expect, test } from 'vitest';
import { sampleActor, sampleFacts } from '../../../test/sample-finding.ts';
import { cloudtrailSource } from '../sources/cloudtrail/cloudtrail.ts';
import { NO_IDENTITIES } from './directory.ts';
import { type Directory, isKnownPerson, type KnownPerson, resolveActor, resolveOwner } from './person.ts';

function person(name: string, parts: Partial<KnownPerson> = {}): KnownPerson {
  const known = {
    id: name,
    name,
    email: `${name}@example.com`,
    role: 'member',
    language: 'en',
    enrolled: true,
  } as const;
  return { ...known, configured: true, identities: NO_IDENTITIES, ...parts };
}
const alice = person('alice', {
  identities: { ...NO_IDENTITIES, awsUsers: ['alice'], kubernetesUsers: ['oidc:alice'] },
});
const bob = person('bob', {
  identities: {
    ...NO_IDENTITIES,
    arns: ['arn:aws:iam::*:role/deploy-bob'],
    sessions: ['bobby'],
    accessKeys: ['AKIASAMPLEOFBOB'],
  },
});
const carol = person('carol', { role: 'admin' });
const dave = person('dave', { enrolled: false, identities: { ...NO_IDENTITIES, awsUsers: ['dave'] } });

const DIRECTORY: Directory = {
  people: [alice, bob, carol, dave],
  teams: new Map([['payments', ['dave@example.com', 'bob@example.com']]]),
  accountOwners: new Map([['111122223333', 'payments']]),
  defaultOwner: null,
  trustedRoles: ['arn:aws:iam::*:role/developer'],
  provesOutside: false,
};
const FEDERATED = 'arn:aws:sts::111122223333:federated-user/alice@example.com';
const SSO = 'arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef';
const by = (parts: Parameters<typeof sampleActor>[0], facts: Parameters<typeof sampleFacts>[0] = {}) =>
  sampleFacts({ actor: sampleActor(parts), ...facts });
const role = (id: string, session: string | null) => by({ kind: 'role', id, name: 'r', session });

describe('the actor is a person when', () => {
  const rows: readonly [sentence: string, facts: ReturnType<typeof by>, expected: string][] = [
    ['the IAM user name is theirs', by({}), 'alice'],
    ['the ARN is theirs', role('arn:aws:iam::111122223333:role/deploy-bob', 'x'), 'bob'],
    ['single sign-on names their address', role(SSO, 'Bob@Example.com'), 'bob'],
    ['single sign-on names them otherwise', role(SSO, 'bobby'), 'bob'],
    ['a trusted role names them', role('arn:aws:iam::111122223333:role/developer', 'bobby'), 'bob'],
    ['a federated session names them', by({ kind: 'federated', id: 'f', session: 'alice@example.com' }), 'alice'],
    ['the access key is theirs', by({ name: 'shared-user', sessionKey: 'AKIASAMPLEOFBOB' }), 'bob'],
    ['the IAM user is called like their address', by({ name: 'Bob@example.com', id: 'arn:x' }), 'bob'],
    ['Kubernetes names them', by({ id: 'oidc:alice' }, { source: 'k8s_audit' }), 'alice'],
    ['Kubernetes names their address', by({ id: 'alice@example.com' }, { source: 'k8s_audit' }), 'alice'],
  ];
  test.each(rows)('%s', (_sentence, facts, expected) => {
    expect(resolveActor(facts, DIRECTORY)).toMatchObject({ type: 'person', person: { id: expected } });
    expect(isKnownPerson(facts, DIRECTORY)).toBe(true);
  });
});

describe('as CloudTrail records it', () => {
  const ROLE = 'arn:aws:iam::111122223333:role/developer';
  const assumed = (role: string, session: string) => ({
    type: 'AssumedRole',
    principalId: `AROASAMPLE:${session}`,
    arn: `arn:aws:sts::${role.split(':')[4] ?? ''}:assumed-role/${role.split('/').at(-1) ?? ''}/${session}`,
    sessionContext: { sessionIssuer: { type: 'Role', arn: role, userName: role.split('/').at(-1) } },
  });
  const facts = (userIdentity: unknown) =>
    cloudtrailSource.describe({ eventName: 'StopLogging', recipientAccountId: '111122223333', userIdentity });
  const stranger = SSO.replace('111122223333', '999900001111');

  test.each([
    ['single sign-on', assumed(SSO, 'Alice@Example.com'), 'alice'],
    ['single sign-on by another name', assumed(SSO, 'bobby'), 'bob'],
    ['a trusted role by address', assumed(ROLE, 'bob@example.com'), 'bob'],
    ['a trusted role by name', assumed(ROLE, 'bobby'), 'bob'],
    ['SAML', { type: 'SAMLUser', principalId: 'x:alice', userName: 'alice@example.com' }, 'alice'],
  ])('%s names a person', (_way, identity, expected) => {
    expect(resolveActor(facts(identity), DIRECTORY)).toMatchObject({ type: 'person', person: { id: expected } });
  });

  test.each([
    ['a session name that its holder chose', assumed('arn:aws:iam::111122223333:role/ci', 'alice@example.com')],
    ['a role that somebody called like a user of ours', assumed('arn:aws:iam::111122223333:role/alice', 'x@y.example')],
    ['a name asked for with GetFederationToken', { type: 'FederatedUser', arn: FEDERATED, principalId: '1:alice' }],
    ["single sign-on of a stranger's account", assumed(stranger, 'alice@example.com')],
  ])('%s names nobody', (_way, identity) => {
    expect(resolveActor(facts(identity), DIRECTORY)).toMatchObject({ type: 'owner', owner: 'payments' });
  });
});

describe('the owner of the account is asked when', () => {
  const rows: readonly [sentence: string, facts: ReturnType<typeof by>, because: string][] = [
    ['root did it', by({ kind: 'root', id: 'arn:aws:iam::111122223333:root', name: 'root' }), 'shared-actor'],
    ['a role did it', role('arn:aws:iam::111122223333:role/ci', null), 'shared-actor'],
    [
      'anyone could have chosen the session name',
      role('arn:aws:iam::111122223333:role/ci', 'alice@example.com'),
      'shared-actor',
    ],
    [
      'a role is only named like one of single sign-on',
      role('arn:aws:iam::111122223333:role/AWSReservedSSO_x', 'bobby'),
      'shared-actor',
    ],
    ['nobody knows the user', by({ name: 'mallory', id: 'arn:aws:iam::111122223333:user/mallory' }), 'unknown-actor'],
    ['the person is not enrolled yet', by({ name: 'dave', id: 'arn:aws:iam::111122223333:user/dave' }), 'not-enrolled'],
    ['an AWS name turns up in Kubernetes', by({ id: 'alice' }, { source: 'k8s_audit' }), 'unknown-actor'],
  ];
  test.each(rows)('%s', (_sentence, facts, because) => {
    expect(resolveActor(facts, DIRECTORY)).toMatchObject({
      type: 'owner',
      person: { id: 'bob' },
      owner: 'payments',
      because,
    });
  });

  test('two people share the name', () => {
    const twin = person('twin', { identities: { ...NO_IDENTITIES, awsUsers: ['alice'] } });
    const directory = { ...DIRECTORY, people: [...DIRECTORY.people, twin] };
    expect(resolveActor(by({}), directory)).toMatchObject({ type: 'owner', because: 'ambiguous-actor' });
    expect(isKnownPerson(by({}), directory)).toBe(false);
  });
});

test('a user of our name in an account that is not ours is not our person', () => {
  expect(resolveActor(by({}, { account: '999900001111' }), DIRECTORY)).toMatchObject({
    type: 'owner',
    person: { id: 'carol' },
    owner: null,
  });
});

test('an account without an owner falls to the default owner, then to an admin, then to nobody', () => {
  const directory = { ...DIRECTORY, defaultOwner: 'alice@example.com' };
  expect(resolveOwner('999900001111', directory)).toMatchObject({
    person: { id: 'alice' },
    owner: 'alice@example.com',
  });
  expect(resolveOwner('999900001111', DIRECTORY)).toMatchObject({ person: { id: 'carol' }, owner: null });
  expect(resolveOwner(null, { ...DIRECTORY, people: [] })).toEqual({ type: 'nobody', reason: 'no-owner' });
  expect(resolveOwner('111122223333', { ...DIRECTORY, people: [dave] })).toEqual({
    type: 'nobody',
    reason: 'owner-not-enrolled',
  });
});

test('nothing is said of strangers while no people are known', () => {
  expect(isKnownPerson(by({}), { ...DIRECTORY, people: [] })).toBeNull();
  expect(isKnownPerson(by({}), { ...DIRECTORY, people: [{ ...carol, configured: false }] })).toBeNull();
});
