/**
 * Puts the answering side together: how questions reach people, how they prove who they are, how pages go out, and whatever
 * shows cases elsewhere. Everything that is not configured is left out; the console is always there.
 */
import type { PersonalChannel } from '@countersign/contract';
import type { AppOptions } from './app.ts';
import { type Cases, createCases } from './cases/cases.ts';
import { doersOf } from './cases/doers.ts';
import { watchLeavers } from './cases/leavers.ts';
import type { ChallengeOptions } from './cases/challenge/challenge.ts';
import { duoPrompt, duoPush } from './cases/challenge/duo.ts';
import type { Factors, KeyFactor, Prover } from './cases/challenge/factor.ts';
import { createLinkSigner } from './cases/challenge/link.ts';
import { askByMail } from './cases/challenge/mail.ts';
import { createProofs } from './cases/challenge/proofs.ts';
import { type AskingWay, createAsk } from './cases/challenge/question.ts';
import { REVERT_FOLLOWER } from './cases/revert/follower.ts';
import type { OwnVerdict } from './cases/revert/own.ts';
import { registerRevertRoutes } from './cases/revert/routes.ts';
import type { EventStore } from './events/store.ts';
import { registerBaselineRoutes } from './cases/revert/baselines/routes.ts';
import { openReverting, type Reverting } from './reverting.ts';
import type { SourceRecord } from './sources/source.ts';
import type { Follower } from './cases/follow.ts';
import { mailChannel } from './cases/page/mail.ts';
import { outgoingFollower } from './cases/page/outgoing.ts';
import { consoleChannel, type PageChannel } from './cases/page/page.ts';
import { pagerDutyChannel } from './cases/page/pagerduty/channel.ts';
import { personalWebhookChannel } from './cases/page/personal.ts';
import { smsChannel, voiceChannel } from './cases/page/phone.ts';
import { pushChannel } from './cases/page/push.ts';
import { webhookChannel } from './cases/page/webhook.ts';
import { indexOldCases } from './cases/search/indexing.ts';
import { registerSearchRoutes } from './cases/search/routes.ts';
import { createSqlStore, type LoadPlanner } from './cases/sql-store.ts';
import type { WorkerOptions } from './cases/worker.ts';
import type { HttpServer } from './ground/http.ts';
import { readSecret, type SecretReference } from './ground/secret.ts';
import type { State, StateTransaction } from './ground/state.ts';
import { forgetBrowsers } from './people/on-call/browsers.ts';
import { readContact, readContacts } from './people/on-call/store.ts';
import type { People } from './people/people.ts';
import { type KnownPerson, resolveActor } from './people/person.ts';
import type { Finding } from './findings/finding.ts';
import type { Runner } from './rules/runner.ts';
import type { Guards } from './people/sign-in/guard.ts';
import type { SecretBox } from './people/sign-in/secret-box.ts';
import type { SecondFactor } from './people/sign-in/second-factor.ts';
import type { Target } from './cases/page/targets.ts';
import { loadTargets } from './on-call-now.ts';
import { createLoadPlanner } from './planning.ts';
import { registerDeliveryLog, registerVendorRoutes } from './response-routes.ts';
import { openSlack, type SlackParts } from './slack-conversation.ts';
import { loadVapidKeys } from './vapid.ts';
import { createDuoAuthApi } from './vendors/duo/auth-api.ts';
import type { SmtpSettings } from './vendors/smtp.ts';
import type { TwilioSettings } from './vendors/twilio.ts';
import type { PushSettings } from './vendors/web-push.ts';

export interface ResponseOptions {
  readonly options: AppOptions;
  readonly state: State;
  readonly serverKey: Uint8Array;
  readonly url: { readonly current: string | null };
  readonly people: People;
  readonly box: SecretBox;
  readonly secondFactor: SecondFactor;
  readonly passkey: KeyFactor | null;
  readonly events: EventStore;
  readonly runner: Pick<Runner, 'ruleNames'>;
}

export interface Response {
  readonly cases: Cases;
  readonly challenge: ChallengeOptions;
  readonly worker: Omit<WorkerOptions, 'name'>;
  readonly loadPlanner: LoadPlanner;
  readonly followers: readonly string[];
  /** Whether a record of a trail is the echo of our own call, or of somebody who has our role. */
  readonly noteAccepted: Reverting['noteAccepted'];
  readonly judgeOwn: (record: SourceRecord) => Promise<OwnVerdict>;
  /** Whom a case can be handed to now. */
  readonly targets: () => Promise<readonly Target[]>;
  readonly channelNames: readonly string[];
  readonly personal: readonly PersonalChannel[];
  readonly pushKey: string | null;
  register(server: HttpServer, guards: Guards): void;
  start(): Promise<void>;
  /** What goes on by itself until `signal` aborts. */
  work(signal: AbortSignal): readonly Promise<void>[];
  close(): Promise<void>;
}

async function peopleBehind(people: People, state: State, findings: readonly Finding[]): Promise<readonly string[]> {
  const directory = await people.directory(state.db);
  const resolved = findings.map(({ facts }) => resolveActor(facts, directory));
  return resolved.flatMap((one) => (one.type === 'person' ? [one.person.id] : []));
}

/** Everything that the connections need, secrets read. */
interface Opened {
  readonly mail: SmtpSettings | null;
  readonly twilio: TwilioSettings | null;
  readonly push: PushSettings | null;
  readonly pagerDutySecrets: readonly string[];
}

const DEFAULT_SMTP_PORT = 587;

export async function openResponse(given: ResponseOptions): Promise<Response> {
  const { options, state, serverKey, url, people, random, clock } = { ...given, ...given.options };
  const { configuration } = options;
  const nowMs = () => clock.nowMs();
  const publicUrl = () => url.current ?? '';
  const caseUrl = (caseId: string) => `${publicUrl()}/cases/${caseId}`;
  const opened = await openConnections(given);
  const configured = await openChannels(options);
  const personal = personalChannels(given, opened);
  const channelNames = configured.map(({ name }) => name);
  const loadPlanner = createLoadPlanner({ configuration, people, channels: channelNames, personal });
  const hooks = await openHooks(options, () => cases, caseUrl);
  const followerNames = followersOf(configuration, hooks);
  const cases: Cases = createCases({ state, loadPlanner, followers: followerNames, nowMs });
  const factors = await openFactors(given, publicUrl);
  const personOf = async (personId: string): Promise<KnownPerson | null> =>
    (await people.directory(state.db)).people.find(({ id }) => id === personId) ?? null;
  const proverOf = (trx: StateTransaction, personId: string) => findProver(people, trx, personId);
  const proofs = createProofs({ cases, factors, random, proverOf });
  const links = createLinkSigner(serverKey, random);
  const reverting = await openReverting(options, {
    ...given,
    cases: () => cases,
    madeBy: (findings) => peopleBehind(people, state, findings),
  });
  const slack = await openSlack({ given, cases, proofs, factors, links, personOf, publicUrl, caseUrl, reverting });
  const own = [slack?.conversation.follower, reverting?.follower].filter((one) => one !== undefined);
  const followers: readonly Follower[] = [...own, ...hooks];
  const channels = [...configured, ...openPersonal(given, { opened, slack, personOf, publicUrl })];
  const ways: AskingWay[] = slack === null ? [] : [slack.conversation.way];
  const { mail } = opened;
  if (mail !== null) ways.push({ name: 'email', ask: (question) => askByMail(mail, question) });
  return {
    cases,
    challenge: { cases, links, factors, proofs, proverOf },
    worker: {
      store: createSqlStore(state, loadPlanner),
      channels: new Map(channels.map((channel) => [channel.name, channel])),
      followers: new Map(followers.map((follower) => [follower.name, follower])),
      ask: createAsk({ cases, links, ways, publicUrl, personOf }),
      prove: (proofId) => proofs.prove(proofId),
      caseUrl,
      clock,
      random,
      log: options.log,
    },
    loadPlanner,
    followers: followerNames,
    noteAccepted: reverting === null ? async () => undefined : reverting.noteAccepted,
    judgeOwn: reverting === null ? async () => 'other' : (record) => reverting.judge(record),
    targets: () => loadTargets({ given, cases }),
    channelNames,
    personal,
    pushKey: opened.push?.publicKey ?? null,
    register: (server, guards) =>
      registerAll(server, guards, { given, cases, hooks, reverting, slack, opened, publicUrl, personOf }),
    start: async () => slack?.slack.start(),
    work: (signal) => [
      indexOldCases({ state, clock, log: options.log }, signal),
      ...(reverting === null ? [] : reverting.work(signal)),
      watchLeavers({ state, cases, clock, log: options.log }, signal),
    ],
    close: async () => slack?.slack.stop(),
  };
}

interface RoutesParts {
  readonly given: ResponseOptions;
  readonly cases: Cases;
  readonly hooks: readonly Follower[];
  readonly reverting: Reverting | null;
  readonly slack: SlackParts | null;
  readonly opened: Opened;
  readonly publicUrl: () => string;
  readonly personOf: (personId: string) => Promise<KnownPerson | null>;
}

function registerAll(server: HttpServer, guards: Guards, parts: RoutesParts): void {
  const { cases, hooks, reverting, slack, opened, publicUrl, personOf } = parts;
  const { state, people, runner } = parts.given;
  registerDeliveryLog(server, { cases, hooks }, guards);
  registerRevertRoutes(server, { cases, guards, reverting });
  if (reverting !== null)
    registerBaselineRoutes(server, { state, guards, nowMs: () => cases.nowMs(), enrol: reverting.enrol });
  const known = async () => (await people.directory(state.db)).people;
  registerSearchRoutes(server, { state, people: known, ruleNames: runner.ruleNames, guards });
  registerVendorRoutes(server, {
    cases,
    slack: slack?.slack ?? null,
    pagerDutySecrets: opened.pagerDutySecrets,
    twilioToken: opened.twilio?.authToken ?? null,
    publicUrl,
    personByPhone: (phone) => findByPhone(state, phone, personOf),
    doers: (caseId) => doersOf(caseId, { cases, people }),
  });
}

function followersOf({ connections, reverts }: AppOptions['configuration'], hooks: readonly Follower[]): string[] {
  return [
    ...(connections.slack === null ? [] : ['slack']),
    ...hooks.map(({ name }) => name),
    ...(reverts === null ? [] : [REVERT_FOLLOWER]),
  ];
}

async function findByPhone(
  state: State,
  phone: string,
  personOf: (personId: string) => Promise<KnownPerson | null>,
): Promise<KnownPerson | null> {
  const contact = [...(await readContacts(state.db)).values()].find((one) => one.phone === phone);
  return contact === undefined ? null : personOf(contact.personId);
}

function openHooks(
  { configuration, environment }: AppOptions,
  cases: () => Cases,
  caseUrl: (caseId: string) => string,
): Promise<readonly Follower[]> {
  return Promise.all(
    configuration.connections.webhooks.map(async ({ name, url, secret, kinds }) => {
      const hook = { name, url, secret: await readSecret(secret, environment), kinds: kinds ?? null };
      return outgoingFollower(hook, cases, caseUrl);
    }),
  );
}

async function findProver(people: People, trx: StateTransaction, personId: string): Promise<Prover | null> {
  const person = (await people.directory(trx)).people.find(({ id }) => id === personId);
  if (person === undefined) return null;
  const { id, name, email, language, identities } = person;
  return { id, name, email, language, duoUsername: identities.duoUsername ?? email };
}

async function openConnections({ options, state, box }: ResponseOptions): Promise<Opened> {
  const { environment, configuration } = options;
  const { email, twilio, push, pagerduty } = configuration.connections;
  const secret = (reference: SecretReference) => readSecret(reference, environment);
  return {
    mail:
      email === null
        ? null
        : {
            host: email.host,
            port: email.port ?? DEFAULT_SMTP_PORT,
            secure: email.secure ?? false,
            user: email.user ?? null,
            password: email.password === undefined ? null : await secret(email.password),
            from: email.from,
          },
    twilio:
      twilio === null
        ? null
        : {
            accountSid: twilio.account_sid,
            authToken: await secret(twilio.auth_token),
            from: twilio.from,
            ...(twilio.url === undefined ? {} : { url: twilio.url }),
          },
    push: push === null ? null : { ...(await loadVapidKeys(state, box)), ...push },
    pagerDutySecrets: await Promise.all((pagerduty?.webhook_secrets ?? []).map(secret)),
  };
}

async function openFactors(
  { options, secondFactor, passkey }: ResponseOptions,
  publicUrl: () => string,
): Promise<Factors> {
  const { environment, configuration, clock } = options;
  const { duo } = configuration.connections;
  const totp: Factors['totp'] = {
    has: (trx, personId) => secondFactor.hasTotp(trx, personId),
    verify: (trx, personId, proof) => secondFactor.verifyTotp(trx, personId, proof),
  };
  if (duo === null) return { totp, passkey, push: null, prompt: null };
  const relay = duo.url === undefined ? {} : { url: duo.url };
  const secretKey = await readSecret(duo.secret_key, environment);
  const api = createDuoAuthApi({ host: duo.host, integrationKey: duo.integration_key, secretKey, ...relay }, () =>
    clock.nowMs(),
  );
  const { client_id: clientId, client_secret: clientReference } = duo;
  if (clientId === undefined || clientReference === undefined) {
    return { totp, passkey, push: duoPush(api), prompt: null };
  }
  const clientSecret = await readSecret(clientReference, environment);
  const redirectUrl = () => `${publicUrl()}/api/duo/callback`;
  const prompt = duoPrompt(() => ({ host: duo.host, clientId, clientSecret, redirectUrl: redirectUrl(), ...relay }));
  return { totp, passkey, push: duoPush(api), prompt };
}

function personalChannels({ options }: ResponseOptions, { mail, twilio, push }: Opened): readonly PersonalChannel[] {
  const { slack, twilio: phone } = options.configuration.connections;
  return [
    ...(slack === null ? [] : (['slack'] as const)),
    ...(mail === null ? [] : (['email'] as const)),
    ...(twilio === null ? [] : (['sms'] as const)),
    ...(phone?.voice === true ? (['voice'] as const) : []),
    ...(push === null ? [] : (['push'] as const)),
    'webhook',
  ];
}

function openPersonal(
  { options, state, box }: ResponseOptions,
  parts: {
    readonly opened: Opened;
    readonly slack: SlackParts | null;
    readonly personOf: (personId: string) => Promise<KnownPerson | null>;
    readonly publicUrl: () => string;
  },
): readonly PageChannel[] {
  const { opened, slack, personOf, publicUrl } = parts;
  const { mail, twilio, push } = opened;
  // Whoever is out of service is called by no way any more, also where it was to be their second.
  const contactOf = async (personId: string) =>
    (await personOf(personId)) === null ? null : readContact(state.db, personId);
  const phone = twilio === null ? null : { settings: twilio, personOf, contactOf, publicUrl };
  const common = { box, contactOf, nowMs: () => options.clock.nowMs() };
  const forget = (personId: string, endpoints: readonly string[]) =>
    forgetBrowsers(state, { personId, box, nowMs: common.nowMs() }, endpoints);
  return [
    ...(slack === null ? [] : [slack.conversation.channel]),
    ...(mail === null ? [] : [mailChannel(mail, personOf)]),
    ...(phone === null ? [] : [smsChannel(phone), voiceChannel(phone)]),
    ...(push === null ? [] : [pushChannel(push, { ...common, personOf, forget })]),
    personalWebhookChannel(common),
  ];
}

/** The console is always among them: a page has somewhere to stand even when nothing else is configured. */
async function openChannels({ configuration, environment, clock }: AppOptions): Promise<readonly PageChannel[]> {
  const channels: PageChannel[] = [consoleChannel];
  for (const page of configuration.pages) {
    if (page.type === 'pagerduty') {
      const routingKey = await readSecret(page.routingKey, environment);
      channels.push(pagerDutyChannel({ name: page.name, url: page.url, routingKey }));
    } else {
      const secret = await readSecret(page.secret, environment);
      channels.push(webhookChannel({ name: page.name, url: page.url, secret, nowMs: () => clock.nowMs() }));
    }
  }
  return channels;
}
