/** Signing in from the first link to sign-out, over HTTP, on every state database. */
import { afterEach, expect, test } from 'vitest';
import { MONDAY_MS, sampleActor, sampleFacts } from '../../../../test/sample-finding.ts';
import { NO_IDENTITIES } from '../directory.ts';
import { describeStates } from '../../../../test/state.ts';
import { ManualClock } from '../../ground/clock.ts';
import { createHttp, type HttpServer } from '../../ground/http.ts';
import { seededRandom } from '../../ground/random.ts';
import { ACCOUNT_ATTEMPTS, ATTEMPT_WINDOW_MS } from './attempts.ts';
import { syncPeople } from '../directory.ts';
import { createGuards, createSessionCookie } from './guard.ts';
import { createFirstSignInLink, createSignInLink, LINK_MS } from './links.ts';
import { createPeople } from '../people.ts';
import type { ConfiguredPerson, Ownership } from '../person.ts';
import { registerPeopleRoutes } from './routes.ts';
import { createSecondFactor } from './second-factor.ts';
import { createSecretBox } from './secret-box.ts';
import { SESSION_IDLE_MS, SESSION_MS } from './sessions.ts';
import { STEP_MS, totpCode } from './totp.ts';

const PASSPHRASE = 'plenty of different words';
const CAROL = { name: 'Carol', email: 'carol@example.com', passphrase: PASSPHRASE, language: 'en' };
const listed = (email: string, parts: Partial<ConfiguredPerson> = {}): ConfiguredPerson => {
  return {
    email,
    name: email.split('@')[0] ?? '',
    role: null,
    onCall: false,
    language: 'en',
    identities: NO_IDENTITIES,
    ...parts,
  };
};
const OWNERSHIP: Ownership = {
  people: [],
  teams: new Map(),
  accountOwners: new Map(),
  defaultOwner: null,
  trustedRoles: [],
  provesOutside: false,
};

describeStates('people', (open) => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) {
      await close();
    }
  });

  async function start(people: readonly ConfiguredPerson[] = []) {
    const state = await open();
    const clock = new ManualClock(MONDAY_MS);
    const random = seededRandom(7);
    const box = createSecretBox(random.bytes(32), random);
    const secondFactor = createSecondFactor(box);
    const ownership = { ...OWNERSHIP, people };
    const errors: unknown[] = [];
    const { server, routes } = await createHttp({
      publicUrl: 'https://countersign.example.com',
      trustedProxies: [],
      createRequestId: () => random.id(clock.nowMs()),
      onError: (error) => errors.push(error),
    });
    const cookie = createSessionCookie('https://countersign.example.com');
    const guards = createGuards({ state, clock, cookie });
    const deps = { state, clock, random, box, secondFactor, ownership, guards, cookie };
    registerPeopleRoutes(server, { ...deps, publicUrl: () => 'https://countersign.example.com' });
    server.get('/api/member', { config: { access: guards.person } }, async () => ({ ok: true }));
    server.get('/api/responder', { config: { access: guards.role('responder') } }, async () => ({ ok: true }));
    closing.push(
      () => state.close(),
      () => server.close(),
      async () => expect(errors).toEqual([]),
    );
    const at = () => ({ nowMs: clock.nowMs(), random });
    const sync = (list: readonly ConfiguredPerson[]) => state.transaction((trx) => syncPeople(trx, list, at()));
    await sync(people);
    return {
      state,
      clock,
      routes,
      sync,
      people: createPeople(ownership, secondFactor),
      firstLink: () => state.transaction((trx) => createFirstSignInLink(trx, at())),
      linkFor: (email: string) =>
        state.transaction((trx) => createSignInLink(trx, { email }, { ...at(), createdBy: null })),
      kinds: async () => (await state.db.selectFrom('journal').select('kind').execute()).map(({ kind }) => kind),
      browser: () => new Browser(server),
    };
  }

  class Browser {
    cookie = '';
    readonly #server: HttpServer;
    constructor(server: HttpServer) {
      this.#server = server;
    }
    async send(method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) {
      const reply = await this.#server.inject({
        method,
        url,
        headers: { cookie: this.cookie, 'sec-fetch-site': 'same-origin' },
        ...(payload === undefined ? {} : { payload }),
      });
      const set = reply.cookies.find(({ name }) => name === '__Host-countersign');
      if (set !== undefined) {
        this.cookie = set.value === '' ? '' : `${set.name}=${set.value}`;
      }
      return reply;
    }
  }

  /** Through a link to a full session; returns the authenticator's secret. */
  async function enrol(browser: Browser, token: string, who: object, nowMs: number): Promise<string> {
    expect((await browser.send('POST', '/api/session/link', { token })).json().person.enrolled).toBe(false);
    const { secret } = (await browser.send('POST', '/api/enrolment/start')).json();
    const code = totpCode(secret, nowMs);
    const finished = await browser.send('POST', '/api/enrolment/finish', { ...CAROL, ...who, code });
    expect([finished.statusCode, finished.json()]).toMatchObject([200, { person: { enrolled: true } }]);
    return secret;
  }

  test('the first admin comes by the printed link, enrols, signs out and in again', async () => {
    const { firstLink, browser, clock, kinds } = await start();
    const link = await firstLink();
    const admin = browser();
    expect((await admin.send('GET', '/api/session')).json()).toEqual({ person: null });
    const secret = await enrol(admin, link?.token ?? '', {}, clock.nowMs());
    expect((await admin.send('GET', '/api/people')).json().people).toMatchObject([
      { email: CAROL.email, role: 'admin' },
    ]);
    expect((await admin.send('DELETE', '/api/session')).json()).toEqual({ person: null });
    expect((await admin.send('GET', '/api/member')).statusCode).toBe(401);
    clock.advance(STEP_MS);
    const signIn = { email: ' Carol@Example.com', passphrase: PASSPHRASE, code: totpCode(secret, clock.nowMs()) };
    expect((await admin.send('POST', '/api/session', signIn)).json()).toMatchObject({ person: { name: 'Carol' } });
    expect((await admin.send('GET', '/api/member')).statusCode).toBe(200);
    expect(await firstLink()).toBeNull();
    expect(await kinds()).toEqual([
      'sign-in-link-created',
      'signed-in-by-link',
      'person-enrolled',
      'signed-out',
      'signed-in',
    ]);
  });

  test('the first link is for the admin whom the configuration lists', async () => {
    const { firstLink, browser, clock } = await start([
      listed('alice@example.com'),
      listed('carol@example.com', { role: 'admin' }),
    ]);
    const admin = browser();
    const token = (await firstLink())?.token ?? '';
    await admin.send('POST', '/api/session/link', { token });
    const { secret } = (await admin.send('POST', '/api/enrolment/start')).json();
    const other = { ...CAROL, email: 'someone@example.com', code: totpCode(secret, clock.nowMs()) };
    expect((await admin.send('POST', '/api/enrolment/finish', other)).json().code).toBe('email-fixed');
    const own = { ...CAROL, code: totpCode(secret, clock.nowMs()) };
    expect((await admin.send('POST', '/api/enrolment/finish', own)).json()).toMatchObject({
      person: { role: 'admin' },
    });
  });

  test('a link works once, for a day, and not after a newer one was made', async () => {
    const { firstLink, browser, clock } = await start();
    const use = async (token: string) => (await browser().send('POST', '/api/session/link', { token })).statusCode;
    const older = (await firstLink())?.token ?? '';
    const newer = (await firstLink())?.token ?? '';
    expect([await use(older), await use(newer), await use(newer), await use('made-up')]).toEqual([401, 200, 401, 401]);
    const late = (await firstLink())?.token ?? '';
    clock.advance(LINK_MS);
    expect(await use(late)).toBe(401);
  });

  test('a session by a link opens enrolment and nothing else, also for somebody enrolled', async () => {
    const { firstLink, linkFor, browser, clock } = await start();
    const admin = browser();
    await enrol(admin, (await firstLink())?.token ?? '', {}, clock.nowMs());
    const thief = browser();
    const { token } = await linkFor(CAROL.email);
    expect((await thief.send('POST', '/api/session/link', { token })).json().person.enrolled).toBe(false);
    for (const url of ['/api/member', '/api/responder', '/api/people']) {
      expect((await thief.send('GET', url)).json().code).toBe('enrolment-required');
    }
    expect((await admin.send('GET', '/api/member')).statusCode).toBe(200);
  });

  test('enrolling again ends every older session, link and code', async () => {
    const { firstLink, linkFor, browser, clock } = await start();
    const old = browser();
    const oldSecret = await enrol(old, (await firstLink())?.token ?? '', {}, clock.nowMs());
    const fresh = browser();
    await enrol(fresh, (await linkFor(CAROL.email)).token, { passphrase: 'some other long words' }, clock.nowMs());
    expect((await old.send('GET', '/api/member')).statusCode).toBe(401);
    clock.advance(STEP_MS);
    const signIn = { email: CAROL.email, passphrase: PASSPHRASE, code: totpCode(oldSecret, clock.nowMs()) };
    expect((await old.send('POST', '/api/session', signIn)).statusCode).toBe(401);
  });

  test('enrolment refuses a wrong code, a weak passphrase, and somebody enrolled without a link', async () => {
    const { firstLink, browser, clock } = await start();
    const admin = browser();
    await admin.send('POST', '/api/session/link', { token: (await firstLink())?.token });
    const finish = async (parts: object) =>
      (await admin.send('POST', '/api/enrolment/finish', { ...CAROL, ...parts })).json();
    expect((await finish({ code: '123456' })).code).toBe('not-enrolling');
    const { secret, otpauthUrl } = (await admin.send('POST', '/api/enrolment/start')).json();
    expect(otpauthUrl).toContain(secret);
    const code = totpCode(secret, clock.nowMs());
    expect((await finish({ code: totpCode(secret, 0) })).code).toBe('wrong-code');
    expect((await finish({ code, passphrase: 'too short' })).code).toBe('invalid-input');
    expect((await finish({ code, passphrase: 'aaaaaaaaaaaaaaaa' })).code).toBe('weak-passphrase');
    expect((await finish({ code, passphrase: 'carol@example.com' })).code).toBe('weak-passphrase');
    expect((await finish({ code })).person.enrolled).toBe(true);
    expect((await admin.send('POST', '/api/enrolment/start')).json().code).toBe('not-enrolling');
  });

  test('a wrong address, passphrase or code gives one and the same answer', async () => {
    const { firstLink, browser, clock, kinds } = await start();
    const secret = await enrol(browser(), (await firstLink())?.token ?? '', {}, clock.nowMs());
    clock.advance(STEP_MS);
    const code = totpCode(secret, clock.nowMs());
    const right = { email: CAROL.email, passphrase: PASSPHRASE, code };
    const answers = [];
    for (const wrong of [
      { email: 'nobody@example.com' },
      { passphrase: 'not these words' },
      { code: totpCode(secret, 0) },
    ]) {
      const reply = await browser().send('POST', '/api/session', { ...right, ...wrong });
      answers.push([reply.statusCode, reply.body, reply.cookies]);
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]?.[0]).toBe(401);
    expect((await kinds()).filter((kind) => kind === 'sign-in-refused')).toHaveLength(2);
  });

  test('a code counts once: not for a second sign-in, nor for an answer', async () => {
    const { firstLink, browser, clock, state, people } = await start();
    const secret = await enrol(browser(), (await firstLink())?.token ?? '', {}, clock.nowMs());
    const used = { email: CAROL.email, passphrase: PASSPHRASE, code: totpCode(secret, clock.nowMs()) };
    expect((await browser().send('POST', '/api/session', used)).statusCode).toBe(401);
    clock.advance(STEP_MS);
    const nowMs = clock.nowMs();
    const code = totpCode(secret, nowMs);
    const id = (await people.directory(state.db)).people[0]?.id ?? '';
    const verify = (attempt: string) =>
      state.transaction((trx) => people.verifyTotp(trx, id, { code: attempt, nowMs }));
    expect([await verify('000000'), await verify(code), await verify(code)]).toEqual([false, true, false]);
    expect((await browser().send('POST', '/api/session', { ...used, code })).statusCode).toBe(401);
    expect(await state.transaction((trx) => people.verifyTotp(trx, 'nobody', { code, nowMs }))).toBe(false);
  });

  test('guessing is slowed down, also for the right passphrase, until the window has passed', async () => {
    const { firstLink, browser, clock } = await start();
    const secret = await enrol(browser(), (await firstLink())?.token ?? '', {}, clock.nowMs());
    const guess = (code: string) =>
      browser().send('POST', '/api/session', { email: CAROL.email, passphrase: PASSPHRASE, code });
    clock.advance(STEP_MS);
    const replies = await Promise.all(Array.from({ length: ACCOUNT_ATTEMPTS }, () => guess('000000')));
    expect(replies.every(({ statusCode }) => statusCode === 401)).toBe(true);
    const locked = await guess(totpCode(secret, clock.nowMs()));
    expect(locked.json()).toMatchObject({ code: 'rate-limited', retryable: true });
    clock.advance(ATTEMPT_WINDOW_MS);
    expect((await guess(totpCode(secret, clock.nowMs()))).statusCode).toBe(200);
  });

  test('a session ends when unused, after half a day, and when its person is taken off the list', async () => {
    const { firstLink, linkFor, sync, browser, clock } = await start([
      listed(CAROL.email, { role: 'admin' }),
      listed('bob@example.com'),
    ]);
    const admin = browser();
    const secret = await enrol(admin, (await firstLink())?.token ?? '', {}, clock.nowMs());
    const open = async (who: Browser) => (await who.send('GET', '/api/member')).statusCode === 200;
    for (let passed = 0; passed + SESSION_IDLE_MS / 2 < SESSION_MS; passed += SESSION_IDLE_MS / 2) {
      expect(await open(admin)).toBe(true);
      clock.advance(SESSION_IDLE_MS / 2);
    }
    clock.advance(SESSION_IDLE_MS / 2);
    expect(await open(admin)).toBe(false);
    await admin.send('POST', '/api/session', {
      email: CAROL.email,
      passphrase: PASSPHRASE,
      code: totpCode(secret, clock.nowMs()),
    });
    clock.advance(SESSION_IDLE_MS);
    expect(await open(admin)).toBe(false);
    const bob = browser();
    await enrol(
      bob,
      (await linkFor('bob@example.com')).token,
      { name: 'Bob', email: 'bob@example.com' },
      clock.nowMs(),
    );
    expect(await open(bob)).toBe(true);
    await sync([listed(CAROL.email, { role: 'admin' })]);
    expect(await open(bob)).toBe(false);
    await expect(linkFor('bob@example.com')).rejects.toThrow('no such person');
  });

  test('an admin makes links for others; nobody else does, and roles are kept apart', async () => {
    const { firstLink, browser, clock } = await start([
      listed(CAROL.email, { role: 'admin' }),
      listed('bob@example.com', { role: 'responder' }),
      listed('alice@example.com'),
    ]);
    const admin = browser();
    await enrol(admin, (await firstLink())?.token ?? '', {}, clock.nowMs());
    const { people } = (await admin.send('GET', '/api/people')).json();
    const join = async (name: string) => {
      const { id } = people.find(({ email }: { email: string }) => email.startsWith(name));
      const { url } = (await admin.send('POST', `/api/people/${id}/link`)).json();
      const token = /^https:\/\/countersign\.example\.com\/sign-in#(.+)$/.exec(url)?.[1] ?? '';
      const person = browser();
      await enrol(person, token, { name, email: `${name}@example.com` }, clock.nowMs());
      return { person, id };
    };
    const { person: bob, id: bobId } = await join('bob');
    const { person: alice } = await join('alice');
    const statuses = async (who: Browser) =>
      Promise.all(
        ['/api/member', '/api/responder', '/api/people'].map(async (url) => (await who.send('GET', url)).statusCode),
      );
    expect([await statuses(alice), await statuses(bob), await statuses(admin)]).toEqual([
      [200, 403, 403],
      [200, 200, 403],
      [200, 200, 200],
    ]);
    expect((await alice.send('POST', `/api/people/${bobId}/link`)).statusCode).toBe(403);
    expect((await admin.send('POST', '/api/people/nobody/link')).json().code).toBe('person-not-found');
  });

  test('the actor of an event is asked only once enrolled; until then the admin is', async () => {
    const alice = listed('alice@example.com', { identities: { ...NO_IDENTITIES, awsUsers: ['alice'] } });
    const { state, people, firstLink, linkFor, browser, clock } = await start([alice]);
    const facts = sampleFacts({ actor: sampleActor() });
    expect(await people.resolve(state.db, facts, 'actor')).toEqual({ type: 'nobody', reason: 'no-owner' });
    await enrol(browser(), (await firstLink())?.token ?? '', {}, clock.nowMs());
    expect(await people.resolve(state.db, facts, 'actor')).toMatchObject({ type: 'owner', because: 'not-enrolled' });
    await enrol(browser(), (await linkFor(alice.email)).token, { name: 'Alice', email: alice.email }, clock.nowMs());
    expect(await people.resolve(state.db, facts, 'actor')).toMatchObject({ type: 'person', person: { name: 'Alice' } });
    expect(await people.resolve(state.db, facts, 'owner')).toMatchObject({ type: 'owner', person: { name: 'Carol' } });
  });

  test('nothing secret is stored in the clear', async () => {
    const { firstLink, browser, clock, state } = await start();
    const link = await firstLink();
    const admin = browser();
    const secret = await enrol(admin, link?.token ?? '', {}, clock.nowMs());
    const dump = [];
    for (const table of ['person', 'sign_in_link', 'sign_in_session', 'sign_in_attempt', 'journal'] as const) {
      dump.push(
        await state.db.withTables<Record<string, Record<string, unknown>>>().selectFrom(table).selectAll().execute(),
      );
    }
    const text = JSON.stringify(dump);
    for (const hidden of [link?.token ?? '?', secret, PASSPHRASE, admin.cookie.split('=')[1] ?? '?']) {
      expect(text).not.toContain(hidden);
    }
    expect(text).toContain(CAROL.email);
  });

  test('of all routes only signing in is public', async () => {
    const { routes } = await start();
    const doors = routes.flatMap(({ method, url, access }) => (access.type === 'public' ? [`${method} ${url}`] : []));
    expect(doors.filter((door) => !door.startsWith('HEAD')).sort()).toEqual([
      'GET /api/session',
      'POST /api/session',
      'POST /api/session/link',
    ]);
  });
});
