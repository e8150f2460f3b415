/**
 * Wires the rooms together: stores, workers, routes. The only place that does; tests embed it with their own clock, folder and
 * port.
 */
import { setMaxListeners } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { formatDiagnostic } from '@countersign/falco';
import { registerActivityRoutes } from './activity/routes.ts';
import { registerHoldRoutes } from './activity/holds/routes.ts';
import { registerSavedSearchRoutes } from './activity/saved/routes.ts';
import { registerNumbersRoutes } from './cases/numbers/routes.ts';
import { registerMaintenanceRoutes } from './cases/page/maintenance.ts';
import { registerCaseRoutes } from './cases/routes.ts';
import { runCaseWorker } from './cases/worker.ts';
import { casesOfFindings, viewCase } from './cases/views.ts';
import { Clusters, withApplications } from './clusters.ts';
import { readCertificate, renewCertificate } from './certificate.ts';
import type { Configuration } from './configuration.ts';
import { serveConsole } from './console.ts';
import { registerExemptionRoutes } from './findings/exemptions/routes.ts';
import { registerCaptureRoutes } from './evidence/captures.ts';
import { registerEvidenceRoutes } from './evidence/routes.ts';
import { registerFleet } from './fleet-intake.ts';
import { unwatchedHosts } from './fleet/silent-agents.ts';
import type { Clock } from './ground/clock.ts';
import { type EventEngine, openEventEngine } from './ground/event-engine.ts';
import { Failure } from './ground/failure.ts';
import { createHttp, type HttpHouse, type HttpOptions, publicRoute } from './ground/http.ts';
import { verifyJournal } from './ground/journal.ts';
import type { Log } from './ground/log.ts';
import type { Random } from './ground/random.ts';
import { type Environment, readSecret, type SecretReference } from './ground/secret.ts';
import { openState, type State, type StateTransaction } from './ground/state.ts';
import type { RollUpStores } from './host-roll-up.ts';
import { Hosts, registerHostRoutes } from './hosts.ts';
import { watchSources } from './intake.ts';
import { intakeView } from './intake-view.ts';
import { watchFlows } from './inventory/flows/watch.ts';
import { loadNetworks, type Networks } from './inventory/networks/networks.ts';
import { registerMapRoutes } from './inventory/map/routes.ts';
import { podsOf } from './inventory/store.ts';
import { registerNetworkPolicyRoutes } from './inventory/network-policy/routes.ts';
import { registerInventoryRoutes } from './inventory/routes.ts';
import { registerTelemetryRoutes } from './inventory/telemetry/routes.ts';
import type { Exporter } from './inventory/telemetry/export/exporter.ts';
import { syncPeople } from './people/directory.ts';
import { createPasskeys, type Passkeys } from './people/passkeys/passkeys.ts';
import { registerPasskeyRoutes } from './people/passkeys/routes.ts';
import { createPeople, type People } from './people/people.ts';
import { createGuards, createSessionCookie, type Guards, signedInOf } from './people/sign-in/guard.ts';
import { createFirstSignInLink, signInUrl } from './people/sign-in/links.ts';
import { registerPeopleRoutes } from './people/sign-in/routes.ts';
import { createSecondFactor, type SecondFactor } from './people/sign-in/second-factor.ts';
import { createSecretBox, loadServerKey, type SecretBox } from './people/sign-in/secret-box.ts';
import { registerScimRoutes } from './people/scim/routes.ts';
import { syncRoles } from './people/scim/roles.ts';
import { registerTokenRoutes } from './people/tokens/routes.ts';
import { registerOnCallRoutes } from './people/on-call/routes.ts';
import { watchOnCall } from './people/on-call/watch.ts';
import { registerMetricsRoute } from './metrics.ts';
import { runPipeline } from './pipeline.ts';
import { noteStolenRole } from './reverting.ts';
import { defaultEscalation, escalationOf } from './planning.ts';
import { openResponse, type Response } from './response.ts';
import { bundledRulesets, loadPack } from './rules/pack.ts';
import { createRunner, type Runner } from './rules/runner.ts';
import { registerDrillRoutes } from './drills.ts';
import { registerSampleRoutes } from './samples.ts';
import { type OwnAlert, raiseAlert } from './sources/alerts/raise.ts';
import { runAwsIntake } from './sources/aws-live/intake.ts';
import { noteAccountsHeard, watchIntake } from './sources/aws-live/watch.ts';
import { createTrailClient, type TrailClient } from './vendors/aws/trail.ts';
import { type Heartbeat, registerHeartbeatRoutes, watchHeartbeats } from './sources/alerts/heartbeats.ts';
import { hashKey, type Integration } from './sources/alerts/integration.ts';
import { registerAlertRoutes } from './sources/alerts/routes.ts';
import { keepHouse } from './housekeeping.ts';
import { watchSelf } from './self-watch.ts';
import { openStores, type Stores } from './stores.ts';
import { openExporters } from './telemetry-export.ts';

export interface AppOptions {
  readonly configuration: Configuration;
  readonly dataDirectory: string;
  readonly environment: Environment;
  /** What this machine calls itself. */
  readonly hostname: string;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface App extends Stores {
  readonly url: string;
  readonly state: State;
  readonly house: HttpHouse;
  /** One sign-in link for the first admin; null when there is an admin already. */
  readonly firstSignInUrl: string | null;
  close(): Promise<void>;
}

const WORKERS = 2;
const SELF_WATCH_MS = 60_000;

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
  const runner = loadRunner(configuration, log);
  const networks = await loadNetworks(configuration.networks);
  const state = await openState({ url: environment['COUNTERSIGN_DATABASE_URL'], dataDirectory, log });
  undo.push(() => state.close());
  const engine = await openEngine(options);
  undo.push(() => engine.close());
  const exporters = await openExporters(configuration.telemetry.receivers, options);
  const stores = await openStores(engine, { ...configuration.telemetry, exporters });
  const clusters = new Clusters({ ...options, ...configuration, ...stores });
  const told = withApplications(stores, clusters);
  const serverKey = await loadServerKey(dataDirectory, random);
  const stopping = new AbortController();
  // Every loop and every open stream waits for it: many are no leak.
  setMaxListeners(0, stopping.signal);
  const rooms = {
    options,
    runner,
    networks,
    state,
    ...stores,
    clusters,
    told,
    exporters,
    engine,
    serverKey,
    integrations: await withKeys(configuration.integrations, environment),
    heartbeats: await withKeys(configuration.heartbeats, environment),
    queues: await openQueues(options),
    deadMan: await deadManOf(options),
    stopping: stopping.signal,
    url: { current: configuration.publicUrl },
    hosts: new Hosts({
      ...options,
      sensors: configuration.sensors,
      rules: configuration.rules,
      groups: configuration.groups,
      state,
      stores: told,
    }),
  };
  const people = await openPeople(rooms);
  const response = await openResponse({ ...rooms, ...people, passkey: people.passkeys });
  undo.push(() => response.close());
  const house = await openHttp(rooms, people, response);
  undo.push(() => house.server.close());
  await house.server.listen({ host: options.host, port: options.port });
  rooms.url.current ??= listeningUrl(house, options);
  await response.start();
  const watching = watchFlows({ ...rooms, learnMs: configuration.learnConnectionsMs, clock, log }, stopping.signal);
  const working = [...startWorkers(rooms, people, response), renewCertificate(house, rooms), watching];
  const first = await state.transaction((trx) => createFirstSignInLink(trx, { nowMs: clock.nowMs(), random }));
  return {
    url: rooms.url.current,
    state,
    ...stores,
    house,
    firstSignInUrl: first === null ? null : signInUrl(rooms.url.current, first.token),
    close: async () => {
      stopping.abort();
      await house.server.close();
      await response.close();
      await Promise.all(working);
      await engine.close();
      await state.close();
    },
  };
}

/** Everything that was opened, handed on while the rest is put together. */
interface Rooms extends Stores {
  readonly options: AppOptions;
  readonly runner: Runner;
  readonly networks: Networks;
  readonly state: State;
  readonly clusters: Clusters;
  /** Where what hosts tell goes. */
  readonly told: RollUpStores;
  readonly exporters: readonly Exporter[];
  readonly engine: EventEngine;
  readonly serverKey: Uint8Array;
  readonly integrations: readonly Integration[];
  readonly heartbeats: readonly Heartbeat[];
  readonly queues: readonly { readonly name: string; readonly client: TrailClient }[];
  /** The address that must hear from us; null: none. */
  readonly deadMan: string | null;
  readonly stopping: AbortSignal;
  readonly hosts: Hosts;
  /** Known only when the server listens, unless it is configured. */
  readonly url: { current: string | null };
}

interface PeopleRooms {
  readonly people: People;
  readonly box: SecretBox;
  readonly secondFactor: SecondFactor;
  readonly passkeys: Passkeys;
}

async function openPeople({ options, state, serverKey, url }: Rooms): Promise<PeopleRooms> {
  const { configuration, clock, random } = options;
  const box = createSecretBox(serverKey, random);
  const secondFactor = createSecondFactor(box);
  await state.transaction(async (trx) => {
    await syncPeople(trx, configuration.ownership.people, { nowMs: clock.nowMs(), random });
    await syncRoles(trx, configuration.responderGroups);
  });
  const passkeys = createPasskeys({ publicUrl: () => url.current ?? '' });
  return { box, secondFactor, passkeys, people: createPeople(configuration.ownership, secondFactor) };
}

async function openHttp(
  rooms: Rooms,
  { people, box, secondFactor, passkeys }: PeopleRooms,
  response: Response,
): Promise<HttpHouse> {
  const { options, state, stopping } = rooms;
  const { configuration, clock, random, log } = options;
  const onError: HttpOptions['onError'] = (error, request) => log.error('a request failed', { error, ...request });
  const house = await createHttp({
    publicUrl: configuration.publicUrl,
    trustedProxies: configuration.trustedProxies,
    tls: await readCertificate(options),
    createRequestId: () => random.id(clock.nowMs()),
    onError,
  });
  const cookie = createSessionCookie(configuration.publicUrl);
  const guards = createGuards({ state, clock, cookie });
  const nowMs = () => clock.nowMs();
  const common = { state, clock, random, guards, nowMs, publicUrl: () => rooms.url.current ?? '' };
  const { ownership, onCall } = configuration;
  const directory = () => people.directory(state.db);
  const intake = () => intakeView({ ...rooms, clock, accounts: accountNames(rooms) });
  registerPeopleRoutes(house.server, { ...common, box, secondFactor, cookie, ownership });
  registerPasskeyRoutes(house.server, { ...common, passkeys, secondFactor });
  registerTokenRoutes(house.server, { ...common, secondFactor });
  await registerScimRoutes(house.server, { ...common, responderGroups: configuration.responderGroups, onError });
  registerCaseRoutes(house.server, {
    ...common,
    ...response.challenge,
    escalations: [...onCall.escalations.keys()],
    targets: response.targets,
    findPeople: async (names) => {
      const wanted = new Set(names.map((name) => name.toLowerCase()));
      const found = (await directory()).people.filter(({ id, email }) => wanted.has(id) || wanted.has(email));
      return found.map(({ id, name }) => ({ id, name }));
    },
    names: () => namesOf(people, state),
    intake,
    stopping,
  });
  registerMaintenanceRoutes(house.server, common);
  registerLookingBack(house.server, rooms, { people, secondFactor, common });
  registerOnCallRoutes(house.server, {
    ...common,
    box,
    onCall,
    directory,
    defaultEscalation: defaultEscalation(configuration, response.channelNames),
    channels: response.channelNames,
    personal: response.personal,
    pushKey: response.pushKey,
  });
  const access = guards.person;
  registerMetricsRoute(house.server, { ...rooms, clock, intake, access });
  registerAlertRoutes(house.server, { ...common, access, integrations: rooms.integrations });
  registerHeartbeatRoutes(house.server, { ...common, log, access, heartbeats: rooms.heartbeats });
  registerWorld(house.server, rooms, { ...common, access });
  registerSampleRoutes(house.server, common);
  registerJournalRoute(house, state, guards);
  response.register(house.server, guards);
  await serveConsole(house);
  return house;
}

/** What hosts and clusters tell: what was done, what is there, who talks to whom, how much is used. */
function registerWorld(
  server: HttpHouse['server'],
  rooms: Rooms,
  common: Omit<Parameters<typeof registerSavedSearchRoutes>[1], 'askerOf'> & {
    readonly guards: Guards;
    readonly nowMs: () => number;
  },
): void {
  const { options, hosts, clusters } = rooms;
  const { guards } = common;
  registerHostRoutes(server, hosts, common.guards);
  registerActivityRoutes(server, { ...rooms, ...common, podOf: podsOf(rooms.workloads) });
  const askerOf = (request: Parameters<typeof signedInOf>[0]) => signedInOf(request).person.id;
  registerSavedSearchRoutes(server, { ...common, askerOf });
  registerHoldRoutes(server, {
    ...common,
    askerOf,
    may: { see: guards.person, place: guards.human('responder'), release: guards.human('admin') },
  });
  const { capturesDirectory } = hosts;
  registerFleet(server, { ...options.configuration, ...rooms, ...common, ...options, capturesDirectory });
  registerMapRoutes(server, { ...rooms, ...common });
  registerNetworkPolicyRoutes(server, { ...rooms, ...common });
  registerInventoryRoutes(server, { ...rooms, ...common, clusters: () => clusters.health() });
  registerTelemetryRoutes(server, {
    ...rooms,
    ...common,
    promised: async () => clusters.promised(),
  });
}

/** Numbers, exercises, exemptions, reviews: what looks at cases after the fact. */
function registerLookingBack(
  server: HttpHouse['server'],
  { state, hosts }: Rooms,
  parts: {
    readonly people: People;
    readonly secondFactor: SecondFactor;
    readonly common: Parameters<typeof registerDrillRoutes>[1] & { readonly publicUrl: () => string };
  },
): void {
  const { people, secondFactor, common } = parts;
  registerNumbersRoutes(server, common);
  registerDrillRoutes(server, common);
  registerExemptionRoutes(server, {
    ...common,
    secondFactor,
    directory: () => people.directory(state.db),
    casesOf: (findingIds) => casesOfFindings(state, findingIds),
  });
  const view = async (caseId: string, viewerId: string) =>
    viewCase(state, caseId, { id: viewerId, mayRespond: false }, await namesOf(people, state));
  registerEvidenceRoutes(server, { ...common, viewCase: view });
  registerCaptureRoutes(server, { ...common, directory: hosts.capturesDirectory, viewCase: view });
}

/** Whoever sends with a key is known by its digest. */
async function withKeys<T extends { readonly name: string; readonly key: SecretReference }>(
  configured: readonly T[],
  environment: Environment,
): Promise<(T & { readonly keyHash: string })[]> {
  return Promise.all(
    configured.map(async (one) => ({ ...one, keyHash: hashKey(await readSecret(one.key, environment)) })),
  );
}

function listeningUrl(house: HttpHouse, { host, port }: AppOptions): string {
  const [address] = house.server.addresses();
  return `http://${host === '127.0.0.1' ? 'localhost' : host}:${typeof address === 'object' ? address.port : port}`;
}

function startWorkers(rooms: Rooms, { people }: PeopleRooms, response: Response): readonly Promise<void>[] {
  const { options, state, events, runner, stopping } = rooms;
  const { configuration, clock, random, log } = options;
  const worker = `${process.pid}-${random.id(clock.nowMs())}`;
  const { policy, accounts, sources } = configuration;
  const { loadPlanner, followers } = response;
  const raise = (trx: StateTransaction, alert: OwnAlert) => raiseAlert(trx, alert, { nowMs: clock.nowMs(), random });
  const caseWorker = (index: number) => runCaseWorker({ ...response.worker, name: `${worker}-${index}` }, stopping);
  return [
    runPipeline(
      {
        state,
        events,
        runner,
        people,
        policy,
        accounts,
        clock,
        random,
        log,
        worker,
        loadPlanner,
        followers,
        escalationOf: escalationOf(configuration),
        noteHeard: noteAccountsHeard,
        judgeOwn: response.judgeOwn,
        noteStolen: noteStolenRole,
        noteAccepted: response.noteAccepted,
      },
      stopping,
    ),
    watchSources(sources, { state, clock, log }, stopping),
    ...[rooms.hosts, rooms.clusters, ...rooms.exporters].map((one) => one.run(stopping)),
    ...rooms.queues.map(({ name, client }) => runAwsIntake({ name, state, client, clock, log, raise }, stopping)),
    watchSelf(
      { state, clock, log, url: rooms.deadMan, everyMs: configuration.connections.deadMan?.everyMs ?? SELF_WATCH_MS },
      stopping,
    ),
    watchIntake(
      {
        state,
        clock,
        log,
        limits: configuration.watch,
        accounts: accountNames(rooms),
        others: async (look) => [...(await unwatchedHosts(state, look)), ...rooms.clusters.troubles(look.nowMs)],
        queues: rooms.queues.map(({ name }) => name),
        raise,
      },
      stopping,
    ),
    keepHouse({ state, activity: rooms.activity, clock, log }, stopping),
    watchHeartbeats({ state, clock, random, log, heartbeats: rooms.heartbeats }, stopping),
    watchOnCall(
      {
        state,
        clock,
        log,
        people,
        onCall: configuration.onCall,
        channels: response.channelNames,
        personal: response.personal,
        raise,
      },
      stopping,
    ),
    ...Array.from({ length: WORKERS }, (_, index) => caseWorker(index)),
    ...response.work(stopping),
  ];
}

async function deadManOf({ configuration, environment }: AppOptions): Promise<string | null> {
  const { deadMan } = configuration.connections;
  if (deadMan === null) return null;
  const url = await readSecret(deadMan.url, environment);
  if (/^https?:\/\//.test(url) && URL.canParse(url)) return url;
  const message = 'dead_man.url names a secret that is no http or https address';
  throw new Failure(message, { code: 'secret-missing', httpStatus: 500, retryable: false });
}

async function openQueues({ configuration, environment }: AppOptions): Promise<Rooms['queues']> {
  return Promise.all(
    configuration.aws.map(async ({ name, externalId, ...settings }) => {
      const secret = externalId === null ? null : await readSecret(externalId, environment);
      return { name, client: createTrailClient({ ...settings, externalId: secret }) };
    }),
  );
}

function openEngine({ environment, dataDirectory, clock, random, log }: AppOptions): Promise<EventEngine> {
  return openEventEngine({ url: environment['COUNTERSIGN_EVENTS_URL'], dataDirectory, clock, random, log });
}

function loadRunner(configuration: Configuration, log: Log): Runner {
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

/** Hosts may stand among the accounts for their label and owner; they are heard otherwise. */
function accountNames({ options: { configuration, hostname } }: Rooms): ReadonlyMap<string, string> {
  const hosts = new Set(configuration.sensors.map(({ host }) => host ?? hostname));
  return new Map([...configuration.accounts].filter(([id]) => !hosts.has(id)).map(([id, { name }]) => [id, name]));
}

async function namesOf(people: People, state: State): Promise<ReadonlyMap<string, string>> {
  const directory = await people.directory(state.db);
  return new Map(directory.people.map(({ id, name }) => [id, name]));
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
