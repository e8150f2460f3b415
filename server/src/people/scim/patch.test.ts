/** PATCH in the shapes that providers send: those of Okta's and Microsoft's documentation, and the RFC's own examples. */
import { describe, expect, test } from 'vitest';
import { patched } from './patch.ts';
import { IDENTITY_SCHEMA, readGroup, readUser } from './resource.ts';

const KIM = {
  userName: 'kim@example.com',
  externalId: 'entra-7',
  active: true,
  displayName: 'Kim',
  name: { givenName: 'Kim', familyName: 'Example' },
  emails: [{ value: 'kim@example.com', type: 'work', primary: true }],
  [IDENTITY_SCHEMA]: { awsUsers: ['kim'] },
};
const TEAM = { displayName: 'Shop', members: [{ value: 'ann' }, { value: 'ben' }] };
const SHOP = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
type Operation = Readonly<Record<string, unknown>>;

const user = (...Operations: Operation[]) => readUser(patched('User', KIM, { Operations }));
const group = (...Operations: Operation[]) => readGroup(patched('Group', TEAM, { Operations }));
const failure = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    const { httpStatus, parameters } = error as { httpStatus: number; parameters: { scimType?: string } };
    return [httpStatus, parameters.scimType];
  }
  return null;
};

describe('a user', () => {
  test.each<[string, Operation, object]>([
    ['Okta: out of service', { op: 'replace', value: { active: false } }, { active: false }],
    ['Entra: out of service', { op: 'Replace', path: 'active', value: 'False' }, { active: false }],
    ['any case', { op: 'REPLACE', path: 'ACTIVE', value: false }, { active: false }],
    [
      'the whole address of an attribute',
      { op: 'replace', path: 'urn:ietf:params:scim:schemas:core:2.0:User:active', value: false },
      { active: false },
    ],
    [
      'several at once',
      { op: 'replace', value: { active: 'false', displayName: 'K' } },
      { active: false, displayName: 'K' },
    ],
    [
      'names in dots',
      { op: 'Add', value: { 'name.givenName': 'Kimmy', 'Name.FamilyName': 'E' } },
      { name: { givenName: 'Kimmy', familyName: 'E' } },
    ],
    [
      'part of a name',
      { op: 'replace', path: 'name.GIVENNAME', value: 'Kimmy' },
      { name: { givenName: 'Kimmy', familyName: 'Example' } },
    ],
    [
      'a name as an object',
      { op: 'replace', path: 'name', value: { givenName: 'Kimmy' } },
      { name: { givenName: 'Kimmy', familyName: 'Example' } },
    ],
    [
      'the value of one address',
      { op: 'Replace', path: 'emails[type eq "work"].value', value: 'k@example.com' },
      { emails: [{ value: 'k@example.com', type: 'work', primary: true }] },
    ],
    [
      'in other cases',
      { op: 'replace', path: 'Emails[Type EQ "Work"].Value', value: 'k@example.com' },
      { emails: [{ value: 'k@example.com', type: 'work', primary: true }] },
    ],
    [
      'a filter with a text for a boolean',
      { op: 'replace', path: 'emails[primary eq "True"].value', value: 'k@example.com' },
      { emails: [{ value: 'k@example.com', type: 'work', primary: true }] },
    ],
    [
      'an address of a kind that is not there',
      { op: 'Add', path: 'emails[type eq "other"].value', value: 'o@example.com' },
      { emails: [KIM.emails[0], { type: 'other', value: 'o@example.com' }] },
    ],
    [
      'another primary address',
      { op: 'add', path: 'emails', value: [{ value: 'new@example.com', primary: 'True' }] },
      {
        emails: [
          { ...KIM.emails[0], primary: false },
          { value: 'new@example.com', primary: true },
        ],
      },
    ],
    [
      'all addresses',
      { op: 'replace', path: 'emails', value: [{ value: 'n@example.com' }] },
      { emails: [{ value: 'n@example.com' }] },
    ],
    [
      'a name of ours',
      { op: 'Add', path: `${IDENTITY_SCHEMA}:slackUser`, value: 'UKIM' },
      { [IDENTITY_SCHEMA]: { awsUsers: ['kim'], slackUser: 'UKIM' } },
    ],
    [
      'names of ours as an object',
      { op: 'replace', value: { [IDENTITY_SCHEMA]: { slackUser: 'UKIM' } } },
      { [IDENTITY_SCHEMA]: { awsUsers: ['kim'], slackUser: 'UKIM' } },
    ],
    [
      'one more of several',
      { op: 'add', path: `${IDENTITY_SCHEMA}:awsUsers`, value: ['kim', 'kim-admin'] },
      { [IDENTITY_SCHEMA]: { awsUsers: ['kim', 'kim-admin'] } },
    ],
  ])('%s', (_, operation, parts) => {
    expect(user(operation)).toEqual({ ...KIM, ...parts });
  });

  test.each<[string, Operation]>([
    ['a path of another schema', { op: 'Add', path: `${SHOP}:department`, value: 'Shop' }],
    ['a manager', { op: 'Replace', path: `${SHOP}:manager.value`, value: 'x' }],
    ['another schema in the value', { op: 'add', value: { [SHOP]: { department: 'Shop' }, 'x.y.z': 1 } }],
    ['a phone that is set', { op: 'Add', path: 'phoneNumbers[type eq "mobile"].value', value: '1' }],
    ['a phone that is taken away', { op: 'Remove', path: 'phoneNumbers[type eq "mobile"].value' }],
    ['a place', { op: 'Replace', path: 'addresses[type eq "work"].geo.lat', value: 1 }],
    ['roles', { op: 'Add', path: 'roles', value: [{ value: 'admin' }] }],
    ['a password', { op: 'replace', value: { password: 'secret', id: 'x', schemas: [] } }],
    ['the prototype of everything', { op: 'add', path: '__proto__.polluted', value: 1 }],
  ])('%s means nothing here, and holds nothing up', (_, operation) => {
    expect(user(operation, { op: 'Replace', path: 'active', value: 'False' })).toEqual({ ...KIM, active: false });
    expect(({} as Operation)['polluted']).toBeUndefined();
  });

  test.each<[string, Operation, object]>([
    ['an attribute', { op: 'remove', path: 'displayName' }, { displayName: undefined }],
    ['part of one', { op: 'remove', path: 'name.givenName' }, { name: { familyName: 'Example' } }],
    ['one value of several', { op: 'remove', path: 'emails[type eq "work"]' }, { emails: undefined }],
    ['nothing that is not there', { op: 'remove', path: 'emails[type eq "home"]' }, {}],
    [
      'one by value',
      { op: 'remove', path: `${IDENTITY_SCHEMA}:awsUsers`, value: ['kim'] },
      { [IDENTITY_SCHEMA]: undefined },
    ],
  ])('loses %s', (_, operation, parts) => {
    expect(user(operation)).toEqual({ ...KIM, ...parts });
  });

  test.each<[string, Operation, string]>([
    ['an operation there is not', { op: 'frob', path: 'active' }, 'invalidSyntax'],
    ['nothing to set', { op: 'replace', path: 'displayName' }, 'invalidValue'],
    ['no path and no attributes', { op: 'add', value: 'x' }, 'noTarget'],
    ['no path to remove', { op: 'remove' }, 'noTarget'],
    ['a path that is none', { op: 'replace', path: 'emails[type eq', value: 'x' }, 'invalidPath'],
    ['a filter that is none', { op: 'replace', path: 'emails[type]', value: 'x' }, 'invalidFilter'],
    ['a filter where there is one value', { op: 'replace', path: 'name[type eq "x"]', value: 'x' }, 'invalidPath'],
    ['a filter that fits nothing', { op: 'replace', path: 'emails[type co "x"].value', value: 'x' }, 'noTarget'],
    ['a wrong type', { op: 'replace', path: 'userName', value: 7 }, 'invalidValue'],
    ['no word on who is in service', { op: 'remove', path: 'active' }, 'invalidValue'],
    ['nothing for who is in service', { op: 'replace', value: { active: null } }, 'invalidValue'],
    ['text that says neither', { op: 'replace', path: 'active', value: 'perhaps' }, 'invalidValue'],
    ['no name to sign in by', { op: 'remove', path: 'userName' }, 'invalidValue'],
  ])('%s is refused', (_, operation, scimType) => {
    expect(failure(() => user(operation))).toEqual([400, scimType]);
  });

  test('replaced without a word on it stays out of service', () => {
    expect(readUser({ userName: 'kim@example.com' }, false).active).toBe(false);
    expect(readUser({ userName: 'kim@example.com', active: 'True' }, false).active).toBe(true);
  });
});

describe('a group', () => {
  test.each<[string, Operation, readonly string[]]>([
    [
      'Okta adds',
      { op: 'add', path: 'members', value: [{ value: 'cal', display: 'cal@example.com' }] },
      ['ann', 'ben', 'cal'],
    ],
    ['Okta takes away', { op: 'remove', path: 'members[value eq "ann"]' }, ['ben']],
    ['Okta replaces', { op: 'replace', path: 'members', value: [{ value: 'cal' }] }, ['cal']],
    ['Okta renames', { op: 'replace', value: { id: 'x', displayName: 'Shop' } }, ['ann', 'ben']],
    ['Entra adds', { op: 'Add', path: 'members', value: [{ $ref: null, value: 'cal' }] }, ['ann', 'ben', 'cal']],
    ['Entra adds again', { op: 'Add', path: 'members', value: [{ $ref: null, value: 'ben' }] }, ['ann', 'ben']],
    ['Entra takes away', { op: 'Remove', path: 'members', value: [{ $ref: null, value: 'ann' }] }, ['ben']],
    ['takes away one that is not there', { op: 'Remove', path: 'members', value: [{ value: 'cal' }] }, ['ann', 'ben']],
    ['takes away none', { op: 'Remove', path: 'members', value: [] }, ['ann', 'ben']],
    ['one alone', { op: 'add', path: 'members', value: { value: 'cal' } }, ['ann', 'ben', 'cal']],
    ['without a path', { op: 'add', value: { members: [{ value: 'cal' }] } }, ['ann', 'ben', 'cal']],
    ['everybody away', { op: 'remove', path: 'members' }, []],
  ])('%s', (_, operation, members) => {
    expect((group(operation).members ?? []).map(({ value }) => value)).toEqual(members);
  });

  test('many at once: the last away, and again', () => {
    const away = (id: string) => ({ op: 'remove', path: `members[value eq "${id}"]` });
    expect(group(away('ann'), away('ben'), away('ben')).members).toBeUndefined();
  });

  test('away and back again, who came last stands last', () => {
    const members = group(
      { op: 'remove', path: 'members[value eq "ann"]' },
      { op: 'add', path: 'members', value: [{ value: 'cal' }, { value: 'ann' }] },
      { op: 'replace', path: 'displayName', value: 'Shop' },
      { op: 'remove', path: 'members[value co "al"]' },
      { op: 'add', value: { members: [{ value: 'ben' }] } },
    ).members;
    expect((members ?? []).map(({ value }) => value)).toEqual(['ann', 'ben']);
  });

  test('a thousand operations on ten thousand members look at each of them once', () => {
    const members = Array.from({ length: 10_000 }, (_, index) => ({ value: `person-${index}` }));
    const Operations = Array.from({ length: 1_000 }, (_, index) =>
      index % 4 === 3
        ? { op: 'add', path: 'members', value: [{ value: `new-${index}` }] }
        : { op: 'remove', path: `members[value eq "person-${index}"]` },
    );
    const timed = (count: number) => {
      const startedMs = performance.now();
      const after = patched('Group', { members }, { Operations: Operations.slice(0, count) });
      const tookMs = performance.now() - startedMs;
      expect(after).toMatchObject({ members: { length: 10_000 - count / 2 } });
      return tookMs;
    };
    const best = (count: number) => Math.min(...Array.from({ length: 5 }, () => timed(count)));
    // Reading the members once takes most of either; were each operation to look at all, it would be a hundred times as long.
    expect(best(1_000) / best(8)).toBeLessThan(25);
  });

  test('operations that must look at every member are refused before they hold up everybody', () => {
    const members = Array.from({ length: 10_000 }, (_, index) => ({ value: `person-${index}` }));
    const away = { op: 'remove', path: 'members[value sw "x" or value sw "y"]' };
    const run = (count: number) => () => patched('Group', { members }, { Operations: Array(count).fill(away) });
    expect(failure(run(4))).toBeNull();
    expect(failure(run(6))).toEqual([400, 'tooMany']);
  });

  test('a group within a group is refused, however it comes', () => {
    const nested = { op: 'add', path: 'members', value: [{ value: 'other', type: 'Group' }] };
    expect(failure(() => group(nested))).toEqual([400, 'invalidValue']);
  });
});
