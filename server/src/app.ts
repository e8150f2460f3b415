/**
 * Wires the rooms together: stores, workers, routes. The only place that does; tests embed it with their own clock, folder and
 * port.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import staticFiles from '@fastify/static';
import { formatDiagnostic } from '@countersign/falco';
import { createLinkSigner } from './cases/challenge/link.ts';
import { consoleChannel, type PageChannel } from './cases/page/page.ts';
import { pagerDutyChannel } from './cases/page/pagerduty.ts';
import { webhookChannel } from './cases/page/webhook.ts';
import { registerCaseRoutes } from './cases/routes.ts';
import { createSqlStore } from './cases/sql-store.ts';
import { runCaseWorker } from './cases/worker.ts';
import type { Configuration } from './configuration.ts';
import { type EventStore, openEventStore } from './events/store.ts';
import { countFindingsPerMinute } from './findings/store.ts';
import type { Clock } from './ground/clock.ts';
import { type EventEngine, openEventEngine } from './ground/event-engine.ts';
import { Failure } from './ground/failure.ts';
import { createHttp, type HttpHouse, publicRoute } from './ground/http.ts';
import { verifyJournal } from './ground/journal.ts';
import type { Log } from './ground/log.ts';
import type { Random } from './ground/random.ts';
import { type Environment, readSecret } from './ground/secret.ts';
import { openState, type State } from './ground/state.ts';
import { watchFolders } from './intake.ts';
import { syncPeople } from './people/directory.ts';
import { createPeople, type People } from './people/people.ts';
import { createGuards, createSessionCookie, type Guards } from './people/sign-in/guard.ts';
import { createFirstSignInLink, signInUrl } from './people/sign-in/links.ts';
import { registerPeopleRoutes } from './people/sign-in/routes.ts';
import { createSecondFactor } from './people/sign-in/second-factor.ts';
import { createSecretBox, loadServerKey } from './people/sign-in/secret-box.ts';
import { runPipeline } from './pipeline.ts';
import { bundledRulesets, loadPack } from './rules/pack.ts';
import { createRunner } from './rules/runner.ts';
import { registerSampleRoutes } from './samples.ts';
import { intakeHealth } from './sources/inbox-health.ts';

export interface AppOptions {
  readonly configuration: Configuration;
  readonly dataDirectory: string;
  readonly environment: Environment;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface App {
  readonly url: string;
  readonly state: State;
  readonly events: EventStore;
  readonly house: HttpHouse;
  /** One sign-in link for the first admin; null when there is an admin already. */
  readonly firstSignInUrl: string | null;
  close(): Promise<void>;
}

const CONSOLE = fileURLToPath(new URL('../../web/dist/', import.meta.url));
const WORKERS = 2;

/** @throws Failure when a store, a port, a rule file or a secret cannot be had; nothing is left running then. */
export async function startApp(options: AppOptions): Promise<App> {
  const undo: (() => Promise<void>)[] = [];
  try {
    return await assemble(options, undo);
  } catch (error) {
    for (const step of undo.toReversed()) await step();
    throw error;
  }
}

async function assemble(options: AppOptions, undo: (() => Promise<void>)[]): Promise<App> {
  const { configuration, dataDirectory, environment, clock, random, log } = options;
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  const rules = loadRunner(configuration, log);
  const channels = await openChannels(configuration, environment, clock);
  const state = await openState({ url: environment['COUNTERSIGN_DATABASE_URL'], dataDirectory, log });
  undo.push(() => state.close());
  const engine = await openEngine(options);
  undo.push(() => engine.close());
  const events = await openEventStore(engine);
  const serverKey = await loadServerKey(dataDirectory, random);
  const box = createSecretBox(serverKey, random);
  const secondFactor = createSecondFactor(box);
  const people = createPeople(configuration.ownership, secondFactor);
  await state.transaction((trx) => syncPeople(trx, configuration.ownership.people, { nowMs: clock.nowMs(), random }));

  const stopping = new AbortController();
  const house = await createHttp({
    publicUrl: configuration.publicUrl,
    trustedProxies: configuration.trustedProxies,
    createRequestId: () => random.id(clock.nowMs()),
    onError: (error, request) => log.error('a request failed', { error, ...request }),
  });
  undo.push(() => house.server.close());
  let url = configuration.publicUrl ?? '';
  const publicUrl = () => url;
  const cookie = createSessionCookie(configuration.publicUrl);
  const guards = createGuards({ state, clock, cookie });
  const factor = { kind: 'totp', verify: secondFactor.verifyTotp.bind(secondFactor) } as const;
  const links = createLinkSigner(serverKey, random);
  const common = { state, clock, guards, publicUrl };
  registerPeopleRoutes(house.server, {
    ...common,
    random,
    box,
    secondFactor,
    cookie,
    ownership: configuration.ownership,
  });
  registerCaseRoutes(house.server, {
    ...common,
    links,
    factor,
    channels: [...channels.keys()],
    nowMs: () => clock.nowMs(),
    names: () => namesOf(people, state),
    intake: () => intakeView(state, clock),
    stopping: stopping.signal,
  });
  registerSampleRoutes(house.server, { ...common, random });
  registerJournalRoute(house, state, guards);
  await serveConsole(house);
  await house.server.listen({ host: options.host, port: options.port });
  const [address] = house.server.addresses();
  const port = typeof address === 'object' ? address.port : options.port;
  if (url === '') url = `http://${options.host === '127.0.0.1' ? 'localhost' : options.host}:${port}`;

  const worker = `${process.pid}-${random.id(clock.nowMs())}`;
  const signal = stopping.signal;
  const working = [
    runPipeline(
      {
        ...{ state, events, people, clock, random, log, worker },
        runner: rules,
        policy: configuration.policy,
        accounts: configuration.accounts,
        channels: [...channels.keys()],
      },
      signal,
    ),
    watchFolders(configuration.sources, { state, clock, log }, signal),
    ...Array.from({ length: WORKERS }, (_, index) =>
      runCaseWorker(
        {
          store: createSqlStore(state),
          channels,
          // The question stands on the Now page of the person asked; other ways to reach people come beside it.
          ask: async () => ({ type: 'delivered' }),
          caseUrl: (caseId) => `${publicUrl()}/cases/${caseId}`,
          clock,
          random,
          log,
          name: `${worker}-${index}`,
        },
        signal,
      ),
    ),
  ];
  const first = await state.transaction((trx) => createFirstSignInLink(trx, { nowMs: clock.nowMs(), random }));
  return {
    url,
    state,
    events,
    house,
    firstSignInUrl: first === null ? null : signInUrl(url, first.token),
    close: async () => {
      stopping.abort();
      await house.server.close();
      await Promise.all(working);
      await engine.close();
      await state.close();
    },
  };
}

function openEngine({ environment, dataDirectory, clock, random, log }: AppOptions): Promise<EventEngine> {
  return openEventEngine({ url: environment['COUNTERSIGN_EVENTS_URL'], dataDirectory, clock, random, log });
}

function loadRunner(configuration: Configuration, log: Log) {
  const files = configuration.rules.length > 0 ? configuration.rules : bundledRulesets();
  const { ruleset, diagnostics } = loadPack(files);
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) {
    throw new Failure(errors.map(formatDiagnostic).join('\n'), {
      code: 'rules-invalid',
      httpStatus: 500,
      retryable: false,
    });
  }
  log.info('rules are loaded', { files: files.length, rules: ruleset.rules.length });
  return createRunner({ rules: ruleset.rules, match: 'all' });
}

/** The console is always among them: a page has somewhere to stand even when nothing else is configured. */
async function openChannels(
  configuration: Configuration,
  environment: Environment,
  clock: Clock,
): Promise<ReadonlyMap<string, PageChannel>> {
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
  return new Map(channels.map((channel) => [channel.name, channel]));
}

async function namesOf(people: People, state: State): Promise<ReadonlyMap<string, string>> {
  const directory = await people.directory(state.db);
  return new Map(directory.people.map(({ id, name }) => [id, name]));
}

async function intakeView(state: State, clock: Clock) {
  const { sources } = await intakeHealth(state);
  const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  return {
    intake: sources.map((source) => ({
      source: source.source,
      lastEventAt: iso(source.newestEventMs),
      lastHeardAt: iso(source.lastHeardMs),
      backlog: source.backlogRecords,
      eventCount: source.processedRecords,
      malformedCount: source.malformedRecords,
    })),
    findingsPerMinute: [...(await countFindingsPerMinute(state.db, clock.nowMs(), 60))],
    firstRun: sources.every(({ acceptedRecords }) => acceptedRecords === 0),
  };
}

function registerJournalRoute({ server }: HttpHouse, state: State, guards: Guards): void {
  server.get('/api/journal/check', { config: { access: guards.role('admin') } }, async () => {
    const { ok, entries, head, faults } = await verifyJournal(state);
    return { ok, entries, head, faults };
  });
  server.get(
    '/api/health',
    { config: { access: publicRoute('says that the server runs, and nothing else') } },
    async () => ({ ok: true }),
  );
}

/** The built console; every path that is no file and no API is the console's own. */
async function serveConsole({ server }: HttpHouse): Promise<void> {
  const page = join(CONSOLE, 'index.html');
  if (!existsSync(page)) return;
  const html = readFileSync(page, 'utf8');
  const access = publicRoute('the console itself holds nothing; what it shows comes from guarded routes');
  await server.register(staticFiles, {
    root: join(CONSOLE, 'assets'),
    prefix: '/assets/',
    immutable: true,
    maxAge: '365d',
    wildcard: true,
    serve: false,
  });
  server.get('/assets/*', { config: { access } }, async (request, reply) =>
    reply.sendFile((request.params as { '*': string })['*']),
  );
  server.get('/*', { config: { access } }, async (request, reply) => {
    if (request.url.startsWith('/api/')) {
      throw new Failure('there is no such route', { code: 'route-not-found', httpStatus: 404, retryable: false });
    }
    const nonce = (reply as { cspNonce?: { style?: string } }).cspNonce?.style ?? '';
    return reply.type('text/html').header('cache-control', 'no-store').send(html.replaceAll('__STYLE_NONCE__', nonce));
  });
}
