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
  }, 60_000);
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
      expect(await bad(one({ op: 'add', path: '__proto__.polluted', value: 1 }))).toEqual([400, 'invalidPath']);
      expect(await bad(one({ op: 'add', value: { 'constructor.prototype.polluted': 1 } }))).toEqual([
        400,
        'invalidPath',
      ]);
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
