/**
 * Signing in, enrolling, and the admin's list of people, over HTTP; the shapes are in `contract/src/people.ts`.
 */
import {
  EnrolmentFinish,
  type EnrolmentStart,
  type PeopleList,
  SignIn,
  SignInByLink,
  type SignInLinkCreated,
  type SessionView,
} from '@countersign/contract';
import { type Static, Type } from 'typebox';
import { type HttpServer, publicRoute } from '../../ground/http.ts';
import { readDirectory } from '../directory.ts';
import { type Guards, type SessionCookie, signedInOf } from './guard.ts';
import { createSignInLink, signInUrl } from './links.ts';
import type { Ownership } from '../person.ts';
import { findSession, type SignedIn } from './sessions.ts';
import { finishEnrolment, type SignInOptions, signIn, signInByLink, signOut, startEnrolment } from './sign-in.ts';

export interface PeopleRoutesOptions extends SignInOptions {
  readonly guards: Guards;
  readonly cookie: SessionCookie;
  readonly ownership: Ownership;
  /** Where people reach the console, without a trailing slash; asked late, when the port is known. */
  readonly publicUrl: () => string;
}

/** Signing in is work on purpose: nobody needs it often. */
const SIGN_IN_LIMIT = { max: 30, timeWindow: 60_000 };
const PersonParams = Type.Object({ id: Type.String({ maxLength: 64 }) });

export function registerPeopleRoutes(server: HttpServer, options: PeopleRoutesOptions): void {
  registerSessionRoutes(server, options);
  registerEnrolmentRoutes(server, options);
  registerAdminRoutes(server, options);
}

function registerSessionRoutes(server: HttpServer, options: PeopleRoutesOptions): void {
  const { cookie, guards } = options;

  server.get(
    '/api/session',
    { config: { access: publicRoute('tells the console whether anybody is signed in, and nothing else') } },
    async (request) => viewSession(await guards.find(request)),
  );

  server.post(
    '/api/session',
    {
      config: { access: publicRoute('signing in'), rateLimit: SIGN_IN_LIMIT },
      schema: { body: SignIn },
    },
    async (request, reply) => {
      const token = await signIn(options, request.body, request.ip);
      cookie.write(reply, token);
      return viewToken(options, token);
    },
  );

  server.post(
    '/api/session/link',
    {
      config: { access: publicRoute('signing in by a single-use link'), rateLimit: SIGN_IN_LIMIT },
      schema: { body: SignInByLink },
    },
    async (request, reply) => {
      const token = await signInByLink(options, request.body.token, request.ip);
      cookie.write(reply, token);
      return viewToken(options, token);
    },
  );

  server.delete('/api/session', { config: { access: guards.session } }, async (request, reply) => {
    await signOut(options, signedInOf(request));
    cookie.clear(reply);
    return viewSession(null);
  });
}

function registerEnrolmentRoutes(server: HttpServer, options: PeopleRoutesOptions): void {
  const { cookie, guards } = options;

  server.post(
    '/api/enrolment/start',
    { config: { access: guards.session, rateLimit: SIGN_IN_LIMIT } },
    async (request): Promise<EnrolmentStart> => startEnrolment(options, signedInOf(request)),
  );

  server.post(
    '/api/enrolment/finish',
    { config: { access: guards.session, rateLimit: SIGN_IN_LIMIT }, schema: { body: EnrolmentFinish } },
    async (request, reply) => {
      const token = await finishEnrolment(options, signedInOf(request), request.body);
      cookie.write(reply, token);
      return viewToken(options, token);
    },
  );
}

function registerAdminRoutes(server: HttpServer, options: PeopleRoutesOptions): void {
  const { guards, state, ownership, clock, random, publicUrl } = options;

  server.get('/api/people', { config: { access: guards.role('admin') } }, async (): Promise<PeopleList> => {
    const { people } = await readDirectory(state.db, ownership);
    return {
      people: people.map(({ id, name, email, role, enrolled, configured }) => {
        return { id, name, email, role, enrolled, configured };
      }),
    };
  });

  server.post(
    '/api/people/:id/link',
    { config: { access: guards.human('admin') }, schema: { params: PersonParams } },
    async (request): Promise<SignInLinkCreated> => {
      const { id }: Static<typeof PersonParams> = request.params;
      const createdBy = signedInOf(request).person.id;
      const link = await state.transaction((trx) =>
        createSignInLink(trx, { id }, { nowMs: clock.nowMs(), random, createdBy }),
      );
      return { url: signInUrl(publicUrl(), link.token), expiresAt: new Date(link.expiresMs).toISOString() };
    },
  );
}

async function viewToken({ state, clock }: PeopleRoutesOptions, token: string): Promise<SessionView> {
  return viewSession(await findSession(state, token, clock.nowMs()));
}

function viewSession(signedIn: SignedIn | null): SessionView {
  if (signedIn === null) {
    return { person: null };
  }
  const { id, name, email, role, language, enrolled } = signedIn.person;
  return { person: { id, name, email, role, language, enrolled: enrolled && !signedIn.enrolmentOnly } };
}
