/**
 * The guards of routes: who must be signed in, and in which role. Rooms write `config: { access: guards.person }`.
 *
 * The surprise: being signed in by a link opens `guards.session` alone. Everything that means anything asks for
 * `guards.person` or a role, which a link cannot give.
 */
import type { Role } from '@countersign/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../ground/clock.ts';
import { Failure } from '../../ground/failure.ts';
import type { Access } from '../../ground/http.ts';
import { httpFailures } from '../../ground/http-error.ts';
import type { State } from '../../ground/state.ts';
import { findSession, SESSION_MS, type SignedIn } from './sessions.ts';

export interface Guards {
  /** Any session, also one that may only enrol. */
  readonly session: Access;
  /** Anybody enrolled and fully signed in. */
  readonly person: Access;
  /** That, and at least this role: member < responder < admin. */
  role(role: Role): Access;
  /** Who is signed in, where a route is open to nobody as well. */
  find(request: FastifyRequest): Promise<SignedIn | null>;
}

const RANK: Readonly<Record<Role, number>> = { member: 0, responder: 1, admin: 2 };
/** A longer value is no token of ours and not worth a digest. */
const MAXIMUM_TOKEN_LENGTH = 128;

const sessions = new WeakMap<FastifyRequest, SignedIn>();

/** Who passed the guard of this request. A bug if the route has none. */
export function signedInOf(request: FastifyRequest): SignedIn {
  const found = sessions.get(request);
  if (found === undefined) {
    throw new Error(`${request.routeOptions.url} asks who is signed in without a guard`);
  }
  return found;
}

/** What `guards.role` asks of a person; for doors that know them otherwise: chat. */
export function mayAct({ enrolled, role }: Pick<SignedIn['person'], 'enrolled' | 'role'>, least: Role): boolean {
  return enrolled && RANK[role] >= RANK[least];
}

export function createGuards(options: { state: State; clock: Clock; cookie: SessionCookie }): Guards {
  const { state, clock, cookie } = options;
  const find = async (request: FastifyRequest) => {
    const token = cookie.read(request);
    return token === null ? null : findSession(state, token, clock.nowMs());
  };
  const guard = (by: string, refuse: (signedIn: SignedIn) => Failure | null): Access => ({
    type: 'guarded',
    by,
    guard: async (request) => {
      const signedIn = await find(request);
      const refusal = signedIn === null ? httpFailures.signInRequired() : refuse(signedIn);
      if (refusal !== null || signedIn === null) {
        throw refusal ?? httpFailures.signInRequired();
      }
      sessions.set(request, signedIn);
    },
  });
  return {
    find,
    session: guard('session', () => null),
    person: guard('person', refuseLink),
    role: (role) =>
      guard(role, (signedIn) => {
        const refusal = refuseLink(signedIn);
        return refusal ?? (mayAct(signedIn.person, role) ? null : httpFailures.forbidden());
      }),
  };
}

function refuseLink({ enrolmentOnly, person }: SignedIn): Failure | null {
  if (!enrolmentOnly && person.enrolled) {
    return null;
  }
  const message = 'set a passphrase and a second factor first';
  return new Failure(message, { code: 'enrolment-required', httpStatus: 403, retryable: false });
}

export interface SessionCookie {
  read(request: FastifyRequest): string | null;
  write(reply: FastifyReply, token: string): void;
  clear(reply: FastifyReply): void;
}

/** Never readable by scripts, never sent from another site, and over https bound to this very host. */
export function createSessionCookie(publicUrl: string | null): SessionCookie {
  const secure = publicUrl?.startsWith('https:') === true;
  const name = secure ? '__Host-countersign' : 'countersign';
  const attributes = { path: '/', httpOnly: true, sameSite: 'strict', secure } as const;
  return {
    read: (request) => {
      const token = request.cookies[name];
      return token === undefined || token.length > MAXIMUM_TOKEN_LENGTH ? null : token;
    },
    write: (reply, token) => {
      reply.setCookie(name, token, { ...attributes, maxAge: SESSION_MS / 1_000 });
    },
    clear: (reply) => {
      reply.clearCookie(name, attributes);
    },
  };
}
