/** Programs at the door: tokens of the API and of calendars, and identity providers that keep people as Okta and Entra do. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPeople } from '../../server/src/people/people.ts';
import { createSecondFactor } from '../../server/src/people/sign-in/second-factor.ts';
import { createSecretBox } from '../../server/src/people/sign-in/secret-box.ts';
import { readConfiguration } from '../../server/src/configuration.ts';
import { systemRandom } from '../../server/src/ground/random.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const YAML = `
accounts: { '111122223333': { name: shop-production, label: prod, owner: Shop } }
people:
  - { name: Ada Admin, email: ada@example.com, role: admin }
  - { name: Rob Responder, email: rob@example.com, role: responder }
  - { name: Cal Example, email: cal@example.com }
  - { name: Listed Lee, email: lee@example.com, identities: { aws_users: [lee-aws] } }
schedules:
  primary: { time_zone: Europe/Berlin, layers: [{ people: [rob@example.com], rotate: weekly, start: '2026-01-05 09:00' }] }
scim: { responders: [Security On-Call] }
`;
const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
type Json = Record<string, unknown>;

describe('programs', () => {
  let running: RunningApp;
  let ada: EnrolledPerson;
  let rob: EnrolledPerson;

  const make = async (person: EnrolledPerson, purpose: string, role = 'member') => {
    const body = { name: `a ${purpose} token`, purpose, role, days: 30, code: await person.code() };
    const made = await running.call(person, 'POST', '/api/tokens', body);
    expect(made.status).toBe(200);
    return made.body as { id: string; token: string };
  };
  const send = async (method: string, path: string, authorization: string, body?: unknown) => {
    const response = await fetch(`${running.app.url}${path}`, {
      method,
      headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/scim+json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed = (text.startsWith('{') ? JSON.parse(text) : { text }) as Json;
    return { status: response.status, type: response.headers.get('content-type'), body: parsed };
  };

  beforeAll(async () => {
    running = await startRunningApp(YAML, {});
    ada = await running.enrol('ada@example.com');
    rob = await running.enrol('rob@example.com');
  }, 240_000);
  afterAll(() => running?.close());

  describe('a token', () => {
    test('needs a code that holds, and gives no more than its maker has', async () => {
      const body = { name: 'nightly', purpose: 'api', role: 'member', days: 30 };
      expect((await running.call(rob, 'POST', '/api/tokens', { ...body, code: '000000' })).status).toBe(403);
      expect((await running.call(rob, 'POST', '/api/tokens', { ...body, role: 'admin', code: '000000' })).status).toBe(
        400,
      );
      expect((await running.call(rob, 'POST', '/api/tokens', { ...body, purpose: 'scim', code: '0' })).status).toBe(
        403,
      );
      expect((await running.call(rob, 'POST', '/api/tokens', { ...body, days: 400, code: '0' })).status).toBe(400);
      expect((await running.call(null, 'POST', '/api/tokens', { ...body, code: '0' })).status).toBe(401);
      expect((await running.call(rob, 'POST', '/api/tokens', { ...body, name: 'a\u0000b', code: '0' })).status).toBe(
        400,
      );
    });

    test('opens the API in its role, never what needs the person, and nothing once revoked', async () => {
      const { id, token } = await make(rob, 'api', 'responder');
      expect(token).toMatch(/^cs_[\w-]{43}$/);
      const bearer = `Bearer ${token}`;
      expect((await send('GET', '/api/cases', bearer)).status).toBe(200);
      expect((await send('GET', '/api/webhooks/deliveries', bearer)).status).toBe(200);
      expect((await send('GET', '/api/journal/check', bearer)).status).toBe(403);
      for (const [method, path] of [
        ['GET', '/api/tokens'],
        ['POST', '/api/passkeys/start'],
        ['DELETE', '/api/session'],
        ['GET', '/scim/v2/Users'],
      ] as const)
        expect([path, (await send(method, path, bearer)).status]).toEqual([path, 401]);
      expect((await running.call(rob, 'DELETE', `/api/tokens/${id}`)).status).toBe(200);
      expect((await send('GET', '/api/cases', bearer)).status).toBe(401);
      const { body } = await running.call(rob, 'GET', '/api/tokens');
      expect(JSON.stringify(body)).not.toContain(token.slice(3));
    });

    test('of a calendar reads calendars, by Basic as calendars ask, and nothing else', async () => {
      const { token } = await make(await running.enrol('cal@example.com'), 'calendar');
      const basic = `Basic ${Buffer.from(`calendar:${token}`).toString('base64')}`;
      const feed = await send('GET', '/api/on-call/schedules/primary/calendar.ics', basic);
      expect(feed.status).toBe(200);
      expect(feed.body['text']).toContain('SUMMARY:Rob Example: on call (primary)');
      expect((await send('GET', '/api/cases', basic)).status).toBe(401);
      expect((await send('GET', '/api/cases', `Bearer ${token}`)).status).toBe(401);
    });
  });

  describe('an identity provider', () => {
    let provider: string;
    let noraId: string;
    const scim = (method: string, path: string, body?: unknown) => send(method, `/scim/v2${path}`, provider, body);
    const directory = async () => {
      const { configuration } = readConfiguration(YAML, 'countersign.yaml');
      if (configuration === null) throw new Error('the configuration is at fault');
      const box = createSecretBox(new Uint8Array(32), systemRandom);
      return createPeople(configuration.ownership, createSecondFactor(box)).directory(running.app.state.db);
    };
    const known = async (email: string) => (await directory()).people.find((person) => person.email === email);

    beforeAll(async () => {
      provider = `Bearer ${(await make(ada, 'scim')).token}`;
    });

    test('is told what this server can, in the media type of the RFC', async () => {
      const told = await scim('GET', '/ServiceProviderConfig');
      expect(told).toMatchObject({ status: 200, body: { patch: { supported: true }, bulk: { supported: false } } });
      expect(told.type).toMatch(/^application\/scim\+json/);
      expect((await scim('GET', '/Schemas')).body['totalResults']).toBe(3);
      expect((await scim('GET', '/ResourceTypes/User')).body['endpoint']).toBe('/Users');
      const missing = await scim('GET', '/Devices');
      expect(missing).toMatchObject({
        status: 404,
        body: { status: '404', schemas: [expect.stringContaining('Error')] },
      });
      expect((await send('GET', '/scim/v2/Users', 'Bearer cs_none')).status).toBe(401);
    });

    test('like Okta: looks, makes, replaces, puts out of service and back', async () => {
      const filter = encodeURIComponent('userName eq "nora@example.com"');
      expect((await scim('GET', `/Users?filter=${filter}&startIndex=1&count=100`)).body).toMatchObject({
        totalResults: 0,
        Resources: [],
      });
      const user = {
        schemas: [USER],
        userName: 'nora@example.com',
        name: { givenName: 'Nora', familyName: 'Newcomer' },
        emails: [{ primary: true, value: 'nora@example.com', type: 'work' }],
        displayName: 'Nora Newcomer',
        locale: 'ja-JP',
        externalId: '00u1',
        groups: [],
        password: 'never kept',
        active: true,
      };
      const made = await scim('POST', '/Users', user);
      expect(made).toMatchObject({
        status: 201,
        body: { userName: 'nora@example.com', active: true, meta: { resourceType: 'User' } },
      });
      expect(JSON.stringify(made.body)).not.toContain('never kept');
      noraId = String(made.body['id']);
      expect(await scim('POST', '/Users', user)).toMatchObject({ status: 409, body: { scimType: 'uniqueness' } });
      expect((await scim('GET', `/Users?filter=${filter}`)).body).toMatchObject({ totalResults: 1 });
      expect(await known('nora@example.com')).toMatchObject({ name: 'Nora Newcomer', language: 'ja', role: 'member' });
      await scim('PUT', `/Users/${noraId}`, { ...user, displayName: 'Nora N.' });
      expect((await known('nora@example.com'))?.name).toBe('Nora N.');
      const nora = await running.enrol('nora@example.com');
      expect((await running.call(nora, 'GET', '/api/cases')).status).toBe(200);
      const off = { schemas: [PATCH], Operations: [{ op: 'replace', value: { active: false } }] };
      expect((await scim('PATCH', `/Users/${noraId}`, off)).body['active']).toBe(false);
      expect((await running.call(nora, 'GET', '/api/cases')).status).toBe(401);
      expect(await known('nora@example.com')).toBeUndefined();
      await scim('PUT', `/Users/${noraId}`, user);
      expect(await known('nora@example.com')).toMatchObject({ enrolled: true });
    });

    test('like Entra: booleans as text, filters in paths, names in dots, attributes that mean nothing here', async () => {
      const made = await scim('POST', '/Users', {
        schemas: [USER, 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'],
        externalId: 'entra-7',
        userName: 'kim@example.com',
        active: 'True',
        emails: [{ primary: 'True', type: 'work', value: 'kim@example.com' }],
        name: { formatted: 'Kim Example', familyName: 'Example', givenName: 'Kim' },
        'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { department: 'Sales' },
      });
      const id = String(made.body['id']);
      const change = async (...Operations: Json[]) => scim('PATCH', `/Users/${id}`, { schemas: [PATCH], Operations });
      const changed = await change(
        { op: 'Replace', path: 'emails[type eq "work"].value', value: 'kim.new@example.com' },
        { op: 'Add', path: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department', value: 'Shop' },
        { op: 'Replace', path: 'DisplayName', value: 'Kim the New' },
        { op: 'Add', value: { 'name.givenName': 'Kimmy' } },
        { op: 'Add', path: 'urn:countersign:params:scim:schemas:1.0:User:slackUser', value: 'UKIM' },
      );
      expect(changed).toMatchObject({
        status: 200,
        body: { displayName: 'Kim the New', name: { givenName: 'Kimmy' } },
      });
      expect(await known('kim.new@example.com')).toMatchObject({
        name: 'Kim the New',
        identities: { slackUser: 'UKIM', sessions: ['kim@example.com'] },
      });
      expect((await change({ op: 'Replace', path: 'active', value: 'False' })).body['active']).toBe(false);
      expect(
        (await scim('GET', `/Users?filter=${encodeURIComponent('externalId eq "entra-7"')}`)).body['totalResults'],
      ).toBe(1);
    });

    test('keeps groups: teams that own accounts, and whose people answer pages', async () => {
      const team = await scim('POST', '/Groups', {
        schemas: [GROUP],
        displayName: 'Shop',
        members: [{ value: noraId }],
      });
      expect(team.status).toBe(201);
      const resolved = (await directory()).teams.get('Shop');
      expect(resolved).toEqual(['nora@example.com']);
      const duty = await scim('POST', '/Groups', { schemas: [GROUP], displayName: 'Security On-Call' });
      const path = `/Groups/${String(duty.body['id'])}`;
      const operate = (...Operations: Json[]) => scim('PATCH', path, { schemas: [PATCH], Operations });
      await operate({ op: 'Add', path: 'members', value: [{ value: noraId }] });
      expect((await known('nora@example.com'))?.role).toBe('responder');
      expect((await scim('GET', `${path}?excludedAttributes=members`)).body['members']).toBeUndefined();
      await operate({ op: 'Remove', path: 'members', value: [{ value: noraId }] });
      expect((await known('nora@example.com'))?.role).toBe('member');
      await operate({ op: 'add', path: 'members', value: [{ value: noraId }] });
      await operate({ op: 'remove', path: `members[value eq "${noraId}"]` });
      expect((await known('nora@example.com'))?.role).toBe('member');
      expect((await operate({ op: 'add', path: 'members', value: [{ value: 'nobody' }] })).status).toBe(400);
      const nested = {
        schemas: [GROUP],
        displayName: 'All',
        members: [{ value: String(team.body['id']), type: 'Group' }],
      };
      expect((await scim('POST', '/Groups', nested)).body['detail']).toContain('groups in groups');
      expect((await scim('DELETE', path)).status).toBe(204);
      expect((await scim('GET', path)).status).toBe(404);
    });

    test('looks through lists as its vendor does, in any case and page by page', async () => {
      const found = async (path: string, filter: string, more = '') =>
        (await scim('GET', `${path}?filter=${encodeURIComponent(filter)}${more}`)).body;
      expect(await found('/Users', 'USERNAME Eq "NORA@Example.com"')).toMatchObject({ totalResults: 1 });
      expect(await found('/Users', 'externalId eq "ENTRA-7"')).toMatchObject({ totalResults: 0 });
      expect(await found('/Users', 'emails[type eq "WORK" and value eq "nora@example.com"]')).toMatchObject({
        totalResults: 1,
      });
      expect(await found('/Users', 'emails.value co "kim.new" and not (active eq true)')).toMatchObject({
        totalResults: 1,
      });
      expect(await found('/Users', 'meta.lastModified gt "2011-05-13T04:42:34Z"')).toMatchObject({ totalResults: 2 });
      expect(await found('/Users', 'meta.lastModified gt "2999-01-01T00:00:00Z"')).toMatchObject({ totalResults: 0 });
      const second = (await scim('GET', '/Users?startIndex=2&count=1')).body;
      expect(second).toMatchObject({ totalResults: 2, startIndex: 2, itemsPerPage: 1 });
      expect(second['Resources']).toMatchObject([{ externalId: 'entra-7' }]);
      // Entra looks for a group by its name, and wants no members; Okta imports groups with theirs.
      const byName = await found('/Groups', 'displayName eq "shop"', '&excludedAttributes=members');
      expect(byName).toMatchObject({ totalResults: 1, Resources: [{ displayName: 'Shop' }] });
      expect((byName['Resources'] as Json[])[0]?.['members']).toBeUndefined();
      const members = [{ value: noraId, type: 'User' }];
      expect((await scim('GET', '/Groups?startIndex=1&count=100')).body['Resources']).toMatchObject([{ members }]);
      const mine = await found('/Groups', `members[value eq "${noraId}"]`);
      expect(mine).toMatchObject({ totalResults: 1, Resources: [{ members }] });
    });

    test('that changes one group twice at once loses neither change', async () => {
      const ids = await Promise.all(
        ['one', 'two', 'three', 'four'].map(async (name) => {
          const made = await scim('POST', '/Users', { schemas: [USER], userName: `${name}@example.com` });
          return String(made.body['id']);
        }),
      );
      const made = await scim('POST', '/Groups', { schemas: [GROUP], displayName: 'Many' });
      const path = `/Groups/${String(made.body['id'])}`;
      const add = (value: string) => ({
        schemas: [PATCH],
        Operations: [{ op: 'Add', path: 'members', value: [{ $ref: null, value }] }],
      });
      await Promise.all(ids.map((id) => scim('PATCH', path, add(id))));
      const listed = (await scim('GET', path)).body['members'] as { value: string }[];
      expect(listed.map(({ value }) => value).sort()).toEqual([...ids].sort());
      const gone = {
        schemas: [PATCH],
        Operations: [{ op: 'Remove', path: 'members', value: ids.map((value) => ({ $ref: null, value })) }],
      };
      expect((await scim('PATCH', path, gone)).body['members']).toEqual([]);
    });

    test('is told how to come in, and what is too much', async () => {
      const refused = await fetch(`${running.app.url}/scim/v2/Users`, { headers: { authorization: 'Bearer none' } });
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
      expect(await refused.json()).toMatchObject({ schemas: [expect.stringContaining('Error')], status: '401' });
      const huge = { schemas: [USER], userName: 'x'.repeat(1_100_000) };
      expect(await scim('POST', '/Users', huge)).toMatchObject({ status: 413, body: { status: '413' } });
      const plain = await fetch(`${running.app.url}/scim/v2/Users`, {
        method: 'POST',
        headers: { authorization: provider, 'content-type': 'application/json' },
        body: JSON.stringify({ userName: 'plain@example.com', active: false }),
      });
      expect(plain.status).toBe(201);
      const put = await scim('PUT', `/Users/${String(((await plain.json()) as Json)['id'])}`, {
        userName: 'plain@example.com',
      });
      expect(put.body['active']).toBe(false);
    });

    test('and the configuration mean the same person: the file names, the provider takes out of service', async () => {
      const made = await scim('POST', '/Users', {
        schemas: [USER],
        userName: 'LEE@example.com',
        displayName: 'Another Name',
      });
      expect(made.status).toBe(201);
      expect(await known('lee@example.com')).toMatchObject({
        name: 'Listed Lee',
        identities: { awsUsers: ['lee-aws'] },
      });
      const path = `/Users/${String(made.body['id'])}`;
      const moved = await scim('PUT', path, { userName: 'other@example.com' });
      expect(moved).toMatchObject({ status: 409, body: { scimType: 'mutability' } });
      await scim('DELETE', path);
      expect(await known('lee@example.com')).toBeUndefined();
      await scim('POST', '/Users', { schemas: [USER], userName: 'lee@example.com' });
      expect(await known('lee@example.com')).toMatchObject({ name: 'Listed Lee', enrolled: false });
    });

    test('makes no admin, moves no admin and never puts the last one out', async () => {
      const made = await scim('POST', '/Users', {
        schemas: [USER],
        userName: 'ada@example.com',
        roles: [{ value: 'admin' }],
      });
      const path = `/Users/${String(made.body['id'])}`;
      const off = { schemas: [PATCH], Operations: [{ op: 'replace', path: 'active', value: false }] };
      expect(await scim('PATCH', path, off)).toMatchObject({
        status: 409,
        body: { detail: expect.stringContaining('last admin') },
      });
      expect(await known('ada@example.com')).toMatchObject({ role: 'admin' });
      expect((await scim('GET', path)).body['active']).toBe(true);
    });

    test('that sends damage gets an error it can read, and changes nothing', async () => {
      const path = `/Users/${noraId}`;
      const bad = async (body: unknown) => {
        const { status, body: answer } = await scim('PATCH', path, body);
        return [status, answer['scimType']];
      };
      const one = (operation: Json) => ({ schemas: [PATCH], Operations: [operation] });
      expect(await bad({})).toEqual([400, 'invalidSyntax']);
      expect(await bad(one({ op: 'frob', path: 'active' }))).toEqual([400, 'invalidSyntax']);
      for (const operation of [
        { op: 'add', path: '__proto__.polluted', value: 1 },
        { op: 'add', value: { 'constructor.prototype.polluted': 1 } },
      ])
        expect((await scim('PATCH', path, one(operation))).status).toBe(200);
      expect(await bad(one({ op: 'replace', path: 'emails[type eq', value: 'x' }))).toEqual([400, expect.anything()]);
      expect(await bad(one({ op: 'replace', path: 'userName', value: 7 }))).toEqual([400, 'invalidValue']);
      expect(({} as Json)['polluted']).toBeUndefined();
      expect((await scim('GET', `/Users?filter=${encodeURIComponent('userName eq')}`)).body['scimType']).toBe(
        'invalidFilter',
      );
      expect((await scim('GET', `/Users?filter=${encodeURIComponent('('.repeat(400))}`)).status).toBe(400);
      expect((await scim('POST', '/Users', { userName: 'no address' })).body['detail']).toContain('address');
      expect((await scim('GET', '/Users?startIndex=0&count=-1')).body).toMatchObject({
        startIndex: 1,
        itemsPerPage: 0,
      });
      expect((await scim('GET', path)).body['userName']).toBe('nora@example.com');
    });
  });
});
