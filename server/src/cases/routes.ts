/** Cases and challenges over HTTP; the shapes are in `contract/src/{cases,challenge,now}.ts`. */
import {
  ChallengeAnswer,
  ChallengeLookup,
  type ChallengeOutcome,
  ChallengePasskey,
  type ChallengeView,
  type LiveCase,
  type NowView,
} from '@countersign/contract';
import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import type { Clock } from '../ground/clock.ts';
import { Failure } from '../ground/failure.ts';
import { type HttpServer, publicRoute } from '../ground/http.ts';
import { journalLength } from '../ground/journal.ts';
import type { State } from '../ground/state.ts';
import { type Guards, signedInOf } from '../people/sign-in/guard.ts';
import { answerChallenge, beginPasskey, type ChallengeOptions, viewChallenge } from './challenge/challenge.ts';
import { registerResponding, type RespondingOptions } from './responding.ts';
import { LONGEST_QUERY } from './search/words.ts';
import type { CaseTables } from './tables.ts';
import { listCases, type Viewer, viewCase, viewNow } from './views.ts';

export interface CaseRoutesOptions extends ChallengeOptions, RespondingOptions {
  readonly state: State;
  readonly clock: Clock;
  readonly guards: Guards;
  readonly publicUrl: () => string;
  /** Names of people by id, for the timeline. */
  readonly names: () => Promise<ReadonlyMap<string, string>>;
  readonly intake: () => Promise<Omit<NowView, 'waiting' | 'paged'>>;
  /** Aborts when the server stops: live lists end then. */
  readonly stopping: AbortSignal;
}

const CaseParams = Type.Object({ id: Type.String({ maxLength: 64, pattern: '^[\\w-]+$' }) });
const CaseQuery = Type.Object({
  state: Type.Optional(Type.String({ maxLength: 200 })),
  after: Type.Optional(Type.String({ maxLength: 100 })),
  /** Words of which each begins one of the case's. */
  q: Type.Optional(Type.String({ maxLength: LONGEST_QUERY })),
});
/** Answering is work for people; a program that guesses codes is stopped by attempts long before. */
const ANSWER_LIMIT = { max: 60, timeWindow: 60_000 };
/** Long enough to read what came of it. */
const RETURN_MS = 10 * 60_000;
const LIVE_POLL_MS = 500;
const LIVE_HEARTBEAT_MS = 15_000;
const MOST_LIVE_CLIENTS = 200;
const MOST_LIVE_CHANGES = 200;

export function registerCaseRoutes(server: HttpServer, options: CaseRoutesOptions): void {
  registerReading(server, options);
  registerResponding(server, options);
  registerChallenges(server, options);
  registerLive(server, options);
}

function registerReading(server: HttpServer, options: CaseRoutesOptions): void {
  const { state, guards } = options;
  server.get('/api/now', { config: { access: guards.person } }, async () => viewNow(state, await options.intake()));

  server.get(
    '/api/cases',
    { config: { access: guards.person }, schema: { querystring: CaseQuery } },
    async (request) => {
      const { state: states, after, q: text = '' } = request.query;
      const wanted = states === undefined ? [] : states.split(',');
      return listCases(state, { states: wanted, after: after ?? null, text });
    },
  );

  server.get(
    '/api/cases/:id',
    { config: { access: guards.person }, schema: { params: CaseParams } },
    async (request) => {
      const { person } = signedInOf(request);
      const viewer: Viewer = { id: person.id, mayRespond: person.role !== 'member' };
      return found(await viewCase(state, request.params.id, viewer, await options.names()));
    },
  );
}

function registerChallenges(server: HttpServer, options: CaseRoutesOptions): void {
  const access = publicRoute('possession of a signed link opens the question; answering yes needs a second factor too');
  const config = { access, rateLimit: ANSWER_LIMIT };
  server.post(
    '/api/challenges/view',
    { config, schema: { body: ChallengeLookup } },
    async (request): Promise<ChallengeView> => viewChallenge(options, request.body.token),
  );
  server.post(
    '/api/challenges/answer',
    { config, schema: { body: ChallengeAnswer } },
    async (request): Promise<ChallengeOutcome> => answerChallenge(options, request.body),
  );

  server.post('/api/challenges/passkey', { config, schema: { body: ChallengePasskey } }, async (request) => ({
    options: await beginPasskey(options, request.body),
  }));
  registerPrompt(server, options);

  // Whoever is signed in and was asked gets a link to the question; nobody gets one to somebody else's.
  server.post(
    '/api/cases/:id/challenge-link',
    { config: { access: options.guards.human('member') }, schema: { params: CaseParams } },
    async (request) => {
      const { person } = signedInOf(request);
      const token = await options.state.transaction(async (trx) => {
        const asked = found(await options.cases.unit(trx).loadCase(request.params.id));
        if (asked.state !== 'asked' || asked.person.id !== person.id) {
          const message = 'this question waits for nobody, or for somebody else';
          throw new Failure(message, { code: 'not-asked', httpStatus: 403, retryable: false });
        }
        const ticket = { caseId: asked.id, personId: person.id, expiresMs: asked.deadlineMs };
        return options.links.mint(trx, ticket, options.cases.nowMs());
      });
      return { url: `${options.publicUrl()}/challenge#${token}` };
    },
  );
}

const PromptReturn = Type.Object({
  state: Type.String({ minLength: 22, maxLength: 1_024 }),
  duo_code: Type.Optional(Type.String({ maxLength: 1_024 })),
});

/** Where the vendor's page sends the browser back to; the proof counts, the browser only sees what came of it. */
function registerPrompt(server: HttpServer, options: CaseRoutesOptions): void {
  const access = publicRoute(
    'the state that comes back is a secret of ours, single use, and the code is checked with the vendor',
  );
  server.get(
    '/api/duo/callback',
    { config: { access, rateLimit: ANSWER_LIMIT }, schema: { querystring: PromptReturn } },
    async (request, reply) => {
      const { state, duo_code: code } = request.query;
      const back = await options.proofs.finishPrompt(state, code ?? '');
      if (back === null) return reply.redirect(`${options.publicUrl()}/challenge`);
      const token = await options.cases.state.transaction((trx) => {
        const nowMs = options.cases.nowMs();
        return options.links.mint(trx, { ...back, expiresMs: nowMs + RETURN_MS }, nowMs);
      });
      return reply.redirect(`${options.publicUrl()}/challenge#${token}`);
    },
  );
}

/** Server-sent events from the database, so that a change on any server reaches every console. */
function registerLive(server: HttpServer, options: CaseRoutesOptions): void {
  let clients = 0;
  server.get('/api/live', { config: { access: options.guards.person } }, async (request, reply) => {
    if (clients >= MOST_LIVE_CLIENTS) {
      throw new Failure('too many live lists are open', { code: 'live-full', httpStatus: 503, retryable: true });
    }
    clients += 1;
    const gone = new AbortController();
    const stop = () => gone.abort();
    request.raw.once('close', stop);
    options.stopping.addEventListener('abort', stop, { once: true });
    reply.hijack();
    reply.raw.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    try {
      await streamChanges(reply, options, gone.signal);
    } finally {
      clients -= 1;
      options.stopping.removeEventListener('abort', stop);
      reply.raw.end();
    }
  });
}

async function streamChanges(reply: FastifyReply, options: CaseRoutesOptions, gone: AbortSignal): Promise<void> {
  const { state, clock } = options;
  const db = state.db.withTables<CaseTables>();
  let length = await journalLength(state);
  let sinceMs = options.cases.nowMs();
  let beatMs = 0;
  while (!gone.aborted) {
    const now = await journalLength(state);
    if (now !== length) {
      const changed = await db
        .selectFrom('case_record')
        .select(['id', 'version', 'state', 'updated_ms'])
        .where('updated_ms', '>=', sinceMs)
        .orderBy('updated_ms')
        .limit(MOST_LIVE_CHANGES)
        .execute();
      for (const { id, version, state: name } of changed) {
        const message: LiveCase = { id, version, state: name };
        reply.raw.write(`event: case\ndata: ${JSON.stringify(message)}\n\n`);
      }
      length = now;
      // Clocks of servers differ a little; telling a change twice is harmless.
      sinceMs = options.cases.nowMs() - LIVE_POLL_MS * 4;
    }
    if (clock.steadyMs() - beatMs > LIVE_HEARTBEAT_MS) {
      reply.raw.write(': alive\n\n');
      beatMs = clock.steadyMs();
    }
    await clock.sleep(LIVE_POLL_MS, gone);
  }
}

function found<T>(value: T | null): T {
  if (value !== null) return value;
  throw new Failure('there is no such case', { code: 'case-not-found', httpStatus: 404, retryable: false });
}
