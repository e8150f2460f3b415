/**
 * The guards of routes: who must be signed in, and in which role. Rooms write `config: { access: guards.person }`.
 *
 * The surprise: being signed in by a link opens `guards.session` alone. Everything that means anything asks for
 * `guards.person` or a role, which a link cannot give. Programs pass these two with a token of their person; what makes keys,
 * hides findings or says where a page goes asks for `guards.human`, which no token passes.
 */
import type { Role, TokenPurpose } from '@countersign/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../ground/clock.ts';
import { Failure } from '../../ground/failure.ts';
import type { Access } from '../../ground/http.ts';
import { httpFailures } from '../../ground/http-error.ts';
import type { State } from '../../ground/state.ts';
import { findToken } from '../tokens/tokens.ts';
import { findSession, SESSION_MS, type SignedIn } from './sessions.ts';

export interface Guards {
  /** Any session, also one that may only enrol. */
  readonly session: Access;
  /** Anybody enrolled and fully signed in, or a program with a token of theirs. */
  readonly person: Access;
  /** That, and at least this role: member < responder < admin. */
  role(role: Role): Access;
  /** That, and no program. */
  human(role: Role): Access;
  /** Like `person`; also a calendar program, with a calendar's token as Bearer or as the password of Basic. */
  readonly calendar: Access;
  /** An identity provider with its token, and nobody else. */
  readonly provider: Access;
  /** Who is signed in, where a route is open to nobody as well. */
  find(request: FastifyRequest): Promise<SignedIn | null>;
}

const RANK: Readonly<Record<Role, number>> = { member: 0, responder: 1, admin: 2 };
/** A longer value is no token of ours and not worth a digest. */
const MAXIMUM_TOKEN_LENGTH = 128;
const MAXIMUM_HEADER_LENGTH = 512;

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
  const findProgram = async (request: FastifyRequest, purposes: readonly TokenPurpose[]): Promise<SignedIn | null> => {
    const sent = sentToken(request.headers.authorization, purposes.includes('calendar'));
    const token = sent === null ? null : await findToken(state, sent, clock.nowMs());
    if (token === null || !purposes.includes(token.purpose)) return null;
    return { person: token.person, enrolmentOnly: false, sessionId: token.id, via: 'token' };
  };
  const guard = (
    by: string,
    refuse: (signedIn: SignedIn) => Failure | null,
    purposes: readonly TokenPurpose[] = [],
  ): Access => ({
    type: 'guarded',
    by,
    guard: async (request) => {
      const signedIn = (await findProgram(request, purposes)) ?? (by === 'provider' ? null : await find(request));
      if (signedIn === null) {
        throw request.headers.authorization === undefined ? httpFailures.signInRequired() : tokenRefused();
      }
      const refusal = refuse(signedIn);
      if (refusal !== null) {
        throw refusal;
      }
      sessions.set(request, signedIn);
    },
  });
  return {
    find,
    session: guard('session', () => null),
    person: guard('person', refuseLink, ['api']),
    role: (role) => guard(role, (signedIn) => refuseBelow(role, signedIn), ['api']),
    human: (role) => guard(`human ${role}`, (signedIn) => refuseBelow(role, signedIn)),
    calendar: guard('calendar', refuseLink, ['api', 'calendar']),
    provider: guard('provider', () => null, ['scim']),
  };
}

function tokenRefused(): Failure {
  const message = 'this token is unknown, over or revoked, or is not for this address: some things need the person';
  return new Failure(message, { code: 'token-refused', httpStatus: 401, retryable: false });
}

function sentToken(header: string | undefined, alsoBasic: boolean): string | null {
  if (header === undefined || header.length > MAXIMUM_HEADER_LENGTH) return null;
  const [scheme = '', value = ''] = header.split(' ');
  if (scheme.toLowerCase() === 'bearer') return value;
  if (!alsoBasic || scheme.toLowerCase() !== 'basic') return null;
  const pair = Buffer.from(value, 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1);
}

function refuseBelow(role: Role, signedIn: SignedIn): Failure | null {
  return refuseLink(signedIn) ?? (mayAct(signedIn.person, role) ? null : httpFailures.forbidden());
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
