/**
 * What responders do with a page, over HTTP: acknowledge, snooze, escalate, reassign, call others, merge, note, resolve. Chat
 * leads to the same inputs.
 */
import { type HandOverTarget, Priority } from '@countersign/contract';
import { Type } from 'typebox';
import { Failure } from '../ground/failure.ts';
import type { HttpServer } from '../ground/http.ts';
import { type Guards, signedInOf } from '../people/sign-in/guard.ts';
import type { CaseInput, PersonRef } from './case.ts';
import type { Cases, Changed } from './cases.ts';
import type { Target } from './page/targets.ts';
import { LONGEST_SNOOZE_MS, SHORTEST_SNOOZE_MS } from './paging.ts';

export interface RespondingOptions {
  readonly cases: Cases;
  readonly guards: Guards;
  /** Those of the ids or e-mail addresses that are people who can be reached. */
  readonly findPeople: (names: readonly string[]) => Promise<readonly PersonRef[]>;
  readonly escalations: readonly string[];
  /** Whom a case can be handed to now. */
  readonly targets: () => Promise<readonly Target[]>;
}

const LONGEST_NOTE = 10_000;
const MOST_NAMES = 50;
const MOST_TARGETS = 2_000;
const Params = Type.Object({ id: Type.String({ maxLength: 64, pattern: '^[\\w-]+$' }) });
const Names = Type.Array(Type.String({ minLength: 1, maxLength: 254 }), { maxItems: MOST_NAMES });
const Resolution = Type.Object({ note: Type.Optional(Type.String({ maxLength: LONGEST_NOTE })) });
const Note = Type.Object({ text: Type.String({ minLength: 1, maxLength: LONGEST_NOTE }) });
const Snooze = Type.Object({
  seconds: Type.Integer({ minimum: SHORTEST_SNOOZE_MS / 1_000, maximum: LONGEST_SNOOZE_MS / 1_000 }),
});
const Reassignment = Type.Object({
  people: Type.Optional(Names),
  /** Keys of `/api/cases/targets`, as they lead to people when this arrives. */
  targets: Type.Optional(Names),
  escalation: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
});
const Responders = Type.Object({ people: Type.Optional(Names), targets: Type.Optional(Names) });
const Merge = Type.Object({ into: Type.String({ maxLength: 64, pattern: '^[\\w-]+$' }) });
const Prioritised = Type.Object({ priority: Type.Union([Priority, Type.Null()]) });

export function registerResponding(server: HttpServer, options: RespondingOptions): void {
  const { cases, guards } = options;
  const config = { access: guards.role('responder') };
  const answer = ({ outcome, case: changed }: Changed) => ({ outcome, state: changed.state });
  const conduct = async (caseId: string, input: CaseInput) => answer(found(await cases.conduct(caseId, input)));

  for (const [path, type] of [
    ['acknowledge', 'acknowledged'],
    ['unacknowledge', 'unacknowledged'],
    ['escalate', 'escalated'],
  ] as const) {
    server.post(`/api/cases/:id/${path}`, { config, schema: { params: Params } }, async (request) =>
      conduct(request.params.id, { type, by: refOf(signedInOf(request)) }),
    );
  }
  server.post('/api/cases/:id/resolve', { config, schema: { params: Params, body: Resolution } }, async (request) =>
    conduct(request.params.id, { type: 'resolved', by: refOf(signedInOf(request)), note: request.body.note ?? '' }),
  );
  server.post('/api/cases/:id/reopen', { config, schema: { params: Params, body: Resolution } }, async (request) =>
    conduct(request.params.id, { type: 'reopened', by: refOf(signedInOf(request)), why: request.body.note ?? '' }),
  );
  server.post('/api/cases/:id/snooze', { config, schema: { params: Params, body: Snooze } }, async (request) => {
    const untilMs = cases.nowMs() + request.body.seconds * 1_000;
    return conduct(request.params.id, { type: 'snoozed', by: refOf(signedInOf(request)), untilMs });
  });
  server.post('/api/cases/:id/notes', { config, schema: { params: Params, body: Note } }, async (request) =>
    conduct(request.params.id, { type: 'noted', by: refOf(signedInOf(request)), text: request.body.text }),
  );
  server.post('/api/cases/:id/priority', { config, schema: { params: Params, body: Prioritised } }, async (request) =>
    conduct(request.params.id, {
      type: 'prioritised',
      by: refOf(signedInOf(request)),
      priority: request.body.priority,
    }),
  );
  server.post('/api/cases/:id/merge', { config, schema: { params: Params, body: Merge } }, async (request) => {
    const ids = { from: request.params.id, into: request.body.into };
    return answer(found(await cases.merge(ids, refOf(signedInOf(request)))));
  });
  registerHandingOver(server, options, conduct);
}

function registerHandingOver(
  server: HttpServer,
  options: RespondingOptions,
  conduct: (caseId: string, input: CaseInput) => Promise<unknown>,
): void {
  const config = { access: options.guards.role('responder') };
  server.get('/api/cases/targets', { config }, async (): Promise<HandOverTarget[]> => {
    const targets = await options.targets();
    return targets.slice(0, MOST_TARGETS).map(({ key, group, name }) => ({ key, group, name }));
  });
  server.post(
    '/api/cases/:id/reassign',
    { config, schema: { params: Params, body: Reassignment } },
    async (request) => {
      const { people = [], targets = [], escalation = null } = request.body;
      if (escalation !== null && !options.escalations.includes(escalation)) {
        throw unknown('escalation', escalation, options.escalations.join(', ') || 'none is configured');
      }
      const chosen = await chosenTargets(options, targets);
      const to = [...(await namedPeople(options, people)), ...chosen.flatMap((target) => target.people)];
      const by = refOf(signedInOf(request));
      const ladders = new Set([escalation, ...chosen.map((target) => target.escalation)].filter((one) => one !== null));
      if (ladders.size > 1) throw invalid('targets', `a case climbs one ladder, not ${[...ladders].join(' and ')}`);
      const [ladder = null] = ladders;
      return conduct(request.params.id, { type: 'reassigned', by, to, escalation: ladder });
    },
  );
  server.post(
    '/api/cases/:id/responders',
    { config, schema: { params: Params, body: Responders } },
    async (request) => {
      const { people: named = [], targets = [] } = request.body;
      const chosen = await chosenTargets(options, targets);
      const ladder = chosen.find((target) => target.escalation !== null);
      if (ladder !== undefined)
        throw invalid(
          'targets',
          `the ladder '${ladder.called}' cannot be called in beside others; hand the case to it`,
        );
      const people = [...(await namedPeople(options, named)), ...chosen.flatMap((target) => target.people)];
      return conduct(request.params.id, { type: 'responders-added', by: refOf(signedInOf(request)), people });
    },
  );
}

async function namedPeople({ findPeople }: RespondingOptions, names: readonly string[]): Promise<readonly PersonRef[]> {
  const people = await findPeople(names);
  if (people.length < new Set(names).size) {
    throw unknown('people', names.join(', '), 'use the id or the e-mail address of people who are listed');
  }
  return people;
}

/** As they are now: whoever is on call may have changed since they were shown. */
async function chosenTargets({ targets }: RespondingOptions, keys: readonly string[]): Promise<readonly Target[]> {
  if (keys.length === 0) return [];
  const known = await targets();
  return keys.map((key) => {
    const found = known.find((target) => target.key === key);
    if (found === undefined) throw unknown('targets', key, 'use the keys of /api/cases/targets');
    return found;
  });
}

function refOf({ person: { id, name } }: { readonly person: PersonRef }): PersonRef {
  return { id, name };
}

function unknown(where: string, what: string, known: string): Failure {
  return invalid(where, `'${what}' is not known here (${known})`);
}

function invalid(where: string, why: string): Failure {
  const parameters = { where };
  return new Failure(`${where}: ${why}`, { code: 'invalid-input', httpStatus: 400, retryable: false, parameters });
}

function found<T>(value: T | null): T {
  if (value !== null) return value;
  throw new Failure('there is no such case', { code: 'case-not-found', httpStatus: 404, retryable: false });
}
