/**
 * The doors for what vendors send to us: Slack, PagerDuty, Twilio. Each checks its signature over the bytes as they came, and
 * says nothing to whoever cannot sign.
 */
import type { WebhookDelivery } from '@countersign/contract';
import { Type } from 'typebox';
import type { CaseInput, PersonRef } from './cases/case.ts';
import type { Cases } from './cases/cases.ts';
import type { Follower } from './cases/follow.ts';
import { shortCode } from './cases/page/phone.ts';
import { takePagerDutyWebhook } from './cases/page/pagerduty/incidents.ts';
import type { CaseTables } from './cases/tables.ts';
import { wordsFor } from './cases/words.ts';
import { Failure } from './ground/failure.ts';
import { type HttpServer, publicRoute } from './ground/http.ts';
import { type EffectStatus, newestEffects } from './ground/outbox.ts';
import { type Guards, mayAct } from './people/sign-in/guard.ts';
import type { KnownPerson } from './people/person.ts';
import type { Slack } from './vendors/slack/slack.ts';
import { sayAndHangUp, verifyTwilioSignature } from './vendors/twilio.ts';

export interface VendorRoutesOptions {
  readonly cases: Cases;
  readonly slack: Slack | null;
  readonly pagerDutySecrets: readonly string[];
  readonly twilioToken: string | null;
  readonly publicUrl: () => string;
  /** Who has this phone number. */
  readonly personByPhone: (phone: string) => Promise<KnownPerson | null>;
  /** Who did what a case is about. */
  readonly doers: (caseId: string) => Promise<readonly string[]>;
}

const LARGEST_BODY = 512 * 1024;
const MOST_OPEN = 200;
const MOST_DELIVERIES = 200;
/** What the names of outgoing webhooks begin with, as followers (`cases/page/outgoing.ts`). */
const HOOK = 'webhook:';
const VoiceQuery = Type.Object({ case: Type.String({ maxLength: 64, pattern: '^[\\w-]+$' }) });

/** Bodies stay the bytes that were signed: this scope parses nothing. */
export function registerVendorRoutes(server: HttpServer, options: VendorRoutesOptions): void {
  server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      '*',
      { parseAs: 'string', bodyLimit: LARGEST_BODY },
      async (_request: unknown, body: string) => body,
    );
    const raw = scope as unknown as HttpServer;
    if (options.slack !== null) registerSlack(raw, options, options.slack);
    if (options.pagerDutySecrets.length > 0) registerPagerDuty(raw, options);
    if (options.twilioToken !== null) registerTwilio(raw, options, options.twilioToken);
  });
}

/** What became of outgoing webhooks, newest first. */
export function registerDeliveryLog(
  server: HttpServer,
  { cases, hooks }: Pick<VendorRoutesOptions, 'cases'> & { readonly hooks: readonly Pick<Follower, 'name'>[] },
  guards: Guards,
): void {
  server.get('/api/webhooks/deliveries', { config: { access: guards.role('responder') } }, async () => {
    const query = { kind: 'follow', keyPart: `:follow:${HOOK}`, limit: MOST_DELIVERIES };
    const effects = await newestEffects(cases.state.db, query);
    const webhooks = hooks.map(({ name }) => name.slice(HOOK.length));
    return { webhooks, deliveries: effects.flatMap((effect) => viewDelivery(effect) ?? []) };
  });
}

/** Null for what was nothing to tell. */
function viewDelivery({ payload, outcome, failure, ...effect }: EffectStatus): WebhookDelivery | null {
  const { follower, kinds } = (payload as { effect: { follower: string; kinds: readonly string[] } }).effect;
  if (outcome === 'cancelled' && failure === null) return null;
  const waiting = failure === null ? 'pending' : 'failing';
  return {
    webhook: follower.slice(HOOK.length),
    id: effect.key,
    caseId: effect.caseId,
    kinds: [...kinds],
    attempts: effect.attempts,
    failure,
    state: outcome === null ? waiting : outcome === 'done' ? 'delivered' : 'given-up',
    createdAt: new Date(effect.createdMs).toISOString(),
    finishedAt: effect.finishedMs === null ? null : new Date(effect.finishedMs).toISOString(),
    nextAt: outcome === null ? new Date(effect.dueMs).toISOString() : null,
  };
}

function registerSlack(server: HttpServer, { cases }: VendorRoutesOptions, slack: Slack): void {
  const access = publicRoute('Slack signs its requests, and the signature and its age are checked');
  server.post('/api/slack', { config: { access, rateLimit: false } }, async (request, reply) => {
    const { headers } = request;
    const answer = await slack.receive({ headers, rawBody: textOf(request.body), nowMs: cases.nowMs() });
    return reply.code(answer.status).type(answer.contentType).send(answer.body);
  });
}

function registerPagerDuty(server: HttpServer, { cases, pagerDutySecrets }: VendorRoutesOptions): void {
  const access = publicRoute('PagerDuty signs its webhooks, and one that was taken is not taken again');
  server.post('/api/pagerduty', { config: { access, rateLimit: false } }, async (request) => {
    const header = (name: string) => [request.headers[name] ?? []].flat().join(',') || undefined;
    const taken = await takePagerDutyWebhook(cases, pagerDutySecrets, {
      body: textOf(request.body),
      signature: header('x-pagerduty-signature'),
      deliveryId: header('x-webhook-id'),
    });
    if (taken === 'unsigned') throw refusal('not signed with any of our secrets', 401);
    if (taken === 'malformed') throw refusal('no webhook of version 3', 400);
    return { taken };
  });
}

function registerTwilio(server: HttpServer, options: VendorRoutesOptions, token: string): void {
  const access = publicRoute('Twilio signs its requests, and the number must be of one of the people');
  const config = { access, rateLimit: false as const };
  const formOf = (request: {
    readonly url: string;
    readonly body: unknown;
    readonly headers: Readonly<Record<string, unknown>>;
  }) => {
    const parameters = Object.fromEntries(new URLSearchParams(textOf(request.body)));
    const signature = request.headers['x-twilio-signature'];
    const url = `${options.publicUrl()}${request.url}`;
    const signed = verifyTwilioSignature(token, {
      url,
      parameters,
      signature: typeof signature === 'string' ? signature : undefined,
    });
    if (!signed) throw refusal('not signed by Twilio', 401);
    return parameters;
  };
  server.post('/api/twilio/voice', { config, schema: { querystring: VoiceQuery } }, async (request, reply) => {
    const form = formOf(request);
    const person = await options.personByPhone(form['To'] ?? '');
    const words = wordsFor(person?.language ?? 'en');
    const type = form['Digits'] === '4' ? 'acknowledged' : form['Digits'] === '6' ? 'escalated' : null;
    const done =
      type !== null &&
      person !== null &&
      (await respond({ caseId: request.query.case, input: { type, by: refOf(person) } }, person, options));
    const said = done ? words.phoneDone : words.phoneNothing;
    return reply.type('text/xml').send(sayAndHangUp(said, person?.language === 'ja' ? 'ja-JP' : 'en-GB'));
  });
  server.post('/api/twilio/sms', { config }, async (request, reply) => {
    const form = formOf(request);
    const person = await options.personByPhone(form['From'] ?? '');
    const done = person === null ? false : await answerText(form['Body'] ?? '', person, options);
    const words = wordsFor(person?.language ?? 'en');
    return reply
      .type('text/xml')
      .send(`<Response><Message>${done ? words.done : words.phoneNothing}</Message></Response>`);
  });
}

/** `ack abc123`, `resolve abc123`; without a code the one page that is open. */
async function answerText(text: string, person: KnownPerson, options: VendorRoutesOptions): Promise<boolean> {
  const { cases } = options;
  const match = /^\s*(ack\w*|res\w*|esc\w*)\s*([0-9a-z]{6})?\s*$/i.exec(text);
  if (match === null) return false;
  const rows = await cases.state.db
    .withTables<CaseTables>()
    .selectFrom('case_record')
    .select('id')
    .where('state', 'in', ['paged', 'acknowledged'])
    .limit(MOST_OPEN)
    .execute();
  const code = match[2]?.toLowerCase();
  const fitting = rows.filter(({ id }) => code === undefined || shortCode(id) === code);
  const [only] = fitting;
  if (only === undefined || fitting.length > 1) return false;
  const by = refOf(person);
  const word = (match[1] ?? '').toLowerCase();
  const input = word.startsWith('ack')
    ? ({ type: 'acknowledged', by } as const)
    : word.startsWith('res')
      ? ({ type: 'resolved', by, note: 'by text message' } as const)
      : ({ type: 'escalated', by } as const);
  return respond({ caseId: only.id, input }, person, options);
}

/** As in chat: a responder, and never whoever did it. */
async function respond(
  { caseId, input }: { readonly caseId: string; readonly input: CaseInput },
  person: KnownPerson,
  { cases, doers }: VendorRoutesOptions,
): Promise<boolean> {
  if (!mayAct(person, 'responder') || (await doers(caseId)).includes(person.id)) return false;
  return (await cases.conduct(caseId, input))?.outcome === 'done';
}

function refOf({ id, name }: KnownPerson): PersonRef {
  return { id, name };
}

function refusal(message: string, httpStatus: 400 | 401): Failure {
  return new Failure(message, {
    code: httpStatus === 401 ? 'not-signed' : 'invalid-input',
    httpStatus,
    retryable: false,
  });
}

/** This scope's parser makes a text of every body. */
function textOf(body: unknown): string {
  return typeof body === 'string' ? body : '';
}
