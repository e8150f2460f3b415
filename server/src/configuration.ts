/**
 * `countersign.yaml` as a whole: its shape, its defaults, and what the rooms get from it.
 *
 * The surprise: secrets never stand in the file. It names an environment variable or a file, and a value where a
 * reference belongs is an error that does not repeat the value. Every section may be left out. Long because it is the one place that
 * knows all of them.
 */
import { Role } from '@countersign/contract';
import { type Static, Type } from 'typebox';
import { compilePolicy, DEFAULT_POLICY, type Policy, PolicySchema } from './cases/policy.ts';
import { buildReverts, type RevertConfiguration, RevertsSection } from './cases/revert/configuration.ts';
import type { Account } from './findings/finding.ts';
import { type ConfigDiagnostic, type ConfigProblem, readConfigText } from './ground/config.ts';
import { SecretReference } from './ground/secret.ts';
import { buildConnections, type Connections, ConnectionSections, PERSONAL_CHANNELS } from './connections.ts';
import {
  buildOnCall,
  CatchAllSection,
  EscalationsSection,
  type OnCallConfiguration,
  SchedulesSection,
} from './people/on-call/configuration.ts';
import {
  AwsSection,
  buildAws,
  buildWatch,
  type ConfiguredQueue,
  type WatchLimits,
  WatchSection,
} from './sources/aws-live/configuration.ts';
import { buildHeartbeats, type ConfiguredHeartbeat, HeartbeatsSection } from './sources/alerts/heartbeats.ts';
import { buildIntegrations, type ConfiguredIntegration, IntegrationsSection } from './sources/alerts/integration.ts';
import {
  ApplicationsSection,
  buildInventory,
  ClustersSection,
  type InventoryConfiguration,
} from './inventory/configuration.ts';
import { NetworksSection } from './inventory/networks/configuration.ts';
import { buildTelemetry, type TelemetryConfiguration, TelemetrySection } from './inventory/telemetry/configuration.ts';
import type { ConfiguredPerson, Ownership } from './people/person.ts';
import { buildSensors, type ConfiguredSensor, SensorSource } from './sources/sensor/configuration.ts';

const Name = Type.String({ minLength: 1, maxLength: 200 });
const Names = Type.Array(Name, { maxItems: 200 });
const Email = Type.String({ minLength: 3, maxLength: 254, pattern: '^[^@\\s]+@[^@\\s]+$' });
const strict = { additionalProperties: false } as const;

const AccountSection = Type.Object(
  {
    name: Type.Optional(Name),
    label: Type.Optional(Name),
    owner: Type.Optional(Name),
    escalation: Type.Optional(Name),
  },
  strict,
);

const PersonSection = Type.Object(
  {
    email: Email,
    name: Type.Optional(Name),
    role: Type.Optional(Role),
    language: Type.Optional(Type.Union([Type.Literal('en'), Type.Literal('ja')])),
    identities: Type.Optional(
      Type.Object(
        {
          arns: Type.Optional(Names),
          aws_users: Type.Optional(Names),
          sessions: Type.Optional(Names),
          kubernetes_users: Type.Optional(Names),
          host_users: Type.Optional(Names),
          access_keys: Type.Optional(Names),
          slack: Type.Optional(Name),
          duo: Type.Optional(Name),
        },
        strict,
      ),
    ),
  },
  strict,
);

const PageSection = Type.Union([
  Type.Object(
    {
      name: Type.Optional(Name),
      pagerduty: Type.Object({ routing_key: SecretReference, url: Type.Optional(Type.String()) }, strict),
    },
    strict,
  ),
  Type.Object(
    { name: Type.Optional(Name), webhook: Type.Object({ url: Type.String(), secret: SecretReference }, strict) },
    strict,
  ),
]);

const FolderSource = Type.Object(
  {
    path: Type.String({ minLength: 1 }),
    source: Type.Optional(Type.Union([Type.Literal('aws_cloudtrail'), Type.Literal('k8s_audit')])),
  },
  strict,
);
const SourceSection = Type.Union([FolderSource, SensorSource]);

/** The whole file. */
export const ConfigurationSchema = Type.Object(
  {
    server: Type.Optional(
      Type.Object(
        {
          url: Type.Optional(Type.String()),
          trusted_proxies: Type.Optional(Names),
          tls: Type.Optional(Type.Object({ certificate: SecretReference, key: SecretReference }, strict)),
        },
        strict,
      ),
    ),
    accounts: Type.Optional(Type.Record(Name, AccountSection)),
    people: Type.Optional(Type.Array(PersonSection, { maxItems: 10_000 })),
    teams: Type.Optional(Type.Record(Name, Type.Array(Email, { minItems: 1, maxItems: 200 }))),
    owner: Type.Optional(Name),
    trusted_roles: Type.Optional(Names),
    scim: Type.Optional(Type.Object({ responders: Type.Optional(Names) }, strict)),
    sources: Type.Optional(Type.Array(SourceSection, { maxItems: 100 })),
    rules: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: 1_000 })),
    pages: Type.Optional(Type.Array(PageSection, { maxItems: 20 })),
    schedules: Type.Optional(SchedulesSection),
    escalations: Type.Optional(EscalationsSection),
    catch_all: Type.Optional(CatchAllSection),
    integrations: Type.Optional(IntegrationsSection),
    heartbeats: Type.Optional(HeartbeatsSection),
    aws: Type.Optional(AwsSection),
    watch: Type.Optional(WatchSection),
    reverts: Type.Optional(RevertsSection),
    telemetry: Type.Optional(TelemetrySection),
    clusters: Type.Optional(ClustersSection),
    applications: Type.Optional(ApplicationsSection),
    networks: Type.Optional(NetworksSection),
    ...ConnectionSections,
    policy: Type.Optional(PolicySchema),
  },
  strict,
);
export type ConfigurationFile = Static<typeof ConfigurationSchema>;

/** One way to page. Secrets are still references: whoever sends reads them. */
export type PageChannel =
  | { readonly type: 'pagerduty'; readonly name: string; readonly routingKey: SecretReference; readonly url: string }
  | { readonly type: 'webhook'; readonly name: string; readonly url: string; readonly secret: SecretReference };

export interface WatchedSource {
  readonly path: string;
  /** Null: each file's shape tells. */
  readonly source: 'aws_cloudtrail' | 'k8s_audit' | null;
}

/** The configuration in force. */
export interface Configuration extends InventoryConfiguration {
  /** Where people reach the console, without a trailing slash; null: the address the server listens on. */
  readonly publicUrl: string | null;
  /** Addresses or CIDRs of reverse proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** PEM; null: plain HTTP, with TLS ended by a proxy before it. */
  readonly tls: { readonly certificate: SecretReference; readonly key: SecretReference } | null;
  readonly accounts: ReadonlyMap<string, Account>;
  /** People, teams and owners. */
  readonly ownership: Ownership;
  /** Groups of the identity provider whose people answer pages. */
  readonly responderGroups: readonly string[];
  readonly sources: readonly WatchedSource[];
  /** Hosts whose system calls are watched. */
  readonly sensors: readonly ConfiguredSensor[];
  /** Rule files; empty: the rulesets that come with Countersign. */
  readonly rules: readonly string[];
  readonly pages: readonly PageChannel[];
  readonly policy: Policy;
  /** Schedules, ladders, the catch-all. */
  readonly onCall: OnCallConfiguration;
  /** Account or cluster → the ladder of its cases. */
  readonly accountEscalations: ReadonlyMap<string, string>;
  readonly integrations: readonly ConfiguredIntegration[];
  readonly heartbeats: readonly ConfiguredHeartbeat[];
  /** Chat, second factors, mail, phones: whatever is configured of them. */
  readonly connections: Connections;
  readonly aws: readonly ConfiguredQueue[];
  readonly watch: WatchLimits;
  /** See `buildWatch`. */
  readonly learnConnectionsMs: number | null;
  readonly telemetry: TelemetryConfiguration;
  /** Null: nothing is put back. */
  readonly reverts: RevertConfiguration | null;
}

export const PAGERDUTY_URL = 'https://events.pagerduty.com/v2/enqueue';

export interface ConfigurationReading {
  /** Null when any diagnostic is an error. */
  readonly configuration: Configuration | null;
  readonly diagnostics: readonly ConfigDiagnostic[];
}

/** Reads `countersign.yaml`; never throws on what a person wrote. */
export function readConfiguration(text: string, file: string): ConfigurationReading {
  const reading = readConfigText(text, ConfigurationSchema, file);
  if (reading.value === null) {
    return { configuration: null, diagnostics: reading.diagnostics };
  }
  const { configuration, problems } = buildConfiguration(reading.value);
  return { configuration, diagnostics: problems.map((problem) => reading.place(problem)) };
}

/** What holds without a file. */
export function defaultConfiguration(): Configuration {
  const { configuration } = buildConfiguration({});
  if (configuration === null) {
    throw new Error('the default configuration must be without a fault');
  }
  return configuration;
}

/** Makes a checked file into the configuration in force; every problem at once, `configuration` null when one is an error. */
export function buildConfiguration(file: ConfigurationFile): {
  readonly configuration: Configuration | null;
  readonly problems: readonly ConfigProblem[];
} {
  const people = withOnCall((file.people ?? []).map(buildPerson), file);
  const pages = (file.pages ?? []).map(buildPage);
  const onCall = buildOnCall(file, {
    // Whom an identity provider will bring is not known yet; the on-call page warns of whoever never came.
    isPerson: (email) => people.some((person) => person.email === email) || (file.scim !== undefined && isEmail(email)),
    channels: ['console', ...pages.map(({ name }) => name)],
  });
  const integrations = buildIntegrations(file.integrations ?? []);
  const heartbeats = buildHeartbeats(file.heartbeats ?? []);
  const connections = buildConnections(file);
  const aws = buildAws(file.aws ?? []);
  const watch = buildWatch(file.watch ?? {});
  const sensors = buildSensors(file.sources ?? []);
  const reverts = buildReverts(file.reverts);
  const telemetry = buildTelemetry(file.telemetry);
  const inventory = buildInventory(file);
  const { policy, problems: policyProblems } = compilePolicy(file.policy ?? DEFAULT_POLICY);
  const problems: ConfigProblem[] = [
    ...policyProblems.map((problem) => ({ ...problem, path: ['policy', ...problem.path] })),
    ...checkPeople(people),
    ...checkOwners(file, people),
    ...checkUrls(file),
    ...checkChannels(pages),
    ...checkEscalations(file, onCall.onCall),
    ...onCall.problems,
    ...integrations.problems,
    ...heartbeats.problems,
    ...connections.problems,
    ...aws.problems,
    ...watch.problems,
    ...sensors.problems,
    ...reverts.problems,
    ...telemetry.problems,
    ...inventory.problems,
    ...checkReverts(file),
  ];
  if (policy === null || problems.some(({ severity }) => severity === 'error')) {
    return { configuration: null, problems };
  }
  const accounts = new Map(Object.entries(file.accounts ?? {}).map(([id, section]) => [id, buildAccount(id, section)]));
  const configuration: Configuration = {
    ...buildServer(file.server),
    accounts,
    ownership: ownershipOf(file, people, accounts),
    responderGroups: file.scim?.responders ?? [],
    sources: (file.sources ?? []).flatMap(watchedFolder),
    sensors: sensors.sensors,
    rules: file.rules ?? [],
    pages,
    policy,
    onCall: onCall.onCall,
    accountEscalations: accountEscalationsOf(file),
    integrations: integrations.integrations,
    heartbeats: heartbeats.heartbeats,
    connections: connections.connections,
    aws: aws.queues,
    watch: watch.limits,
    learnConnectionsMs: watch.learnConnectionsMs,
    reverts: reverts.reverts,
    ...inventory.inventory,
    telemetry: telemetry.telemetry,
  };
  return { configuration, problems };
}

function accountEscalationsOf({ accounts = {} }: ConfigurationFile): Configuration['accountEscalations'] {
  return new Map(
    Object.entries(accounts).flatMap(([id, { escalation }]) =>
      escalation === undefined ? [] : [[id, escalation] as const],
    ),
  );
}

function ownershipOf(
  file: ConfigurationFile,
  people: readonly ConfiguredPerson[],
  accounts: Configuration['accounts'],
): Ownership {
  return {
    people,
    teams: new Map(Object.entries(file.teams ?? {}).map(([team, emails]) => [team, emails.map(lower)])),
    accountOwners: new Map([...accounts].map(([id, { owner }]) => [id, owner])),
    defaultOwner: file.owner ?? null,
    trustedRoles: file.trusted_roles ?? [],
    provesOutside: file.duo !== undefined,
  };
}

function watchedFolder(source: Static<typeof SourceSection>): readonly WatchedSource[] {
  return 'path' in source ? [{ path: source.path, source: source.source ?? null }] : [];
}

function buildServer(
  section: ConfigurationFile['server'],
): Pick<Configuration, 'publicUrl' | 'trustedProxies' | 'tls'> {
  return {
    publicUrl: section?.url?.replace(/\/+$/, '') ?? null,
    trustedProxies: section?.trusted_proxies ?? [],
    tls: section?.tls ?? null,
  };
}

function buildAccount(id: string, { name, label, owner }: Static<typeof AccountSection>): Account {
  return { id, name: name ?? id, label: label ?? 'unknown', owner: owner ?? null };
}

function buildPerson(section: Static<typeof PersonSection>): ConfiguredPerson {
  const { identities } = section;
  return {
    email: lower(section.email),
    name: section.name ?? section.email,
    role: section.role ?? null,
    onCall: false,
    language: section.language ?? 'en',
    identities: {
      arns: identities?.arns ?? [],
      awsUsers: identities?.aws_users ?? [],
      sessions: identities?.sessions ?? [],
      kubernetesUsers: identities?.kubernetes_users ?? [],
      hostUsers: identities?.host_users ?? [],
      accessKeys: identities?.access_keys ?? [],
      slackUser: identities?.slack ?? null,
      duoUsername: identities?.duo ?? null,
    },
  };
}

function buildPage(section: Static<typeof PageSection>, index: number): PageChannel {
  if ('pagerduty' in section) {
    const { routing_key: routingKey, url } = section.pagerduty;
    return { type: 'pagerduty', name: section.name ?? `pagerduty-${index + 1}`, routingKey, url: url ?? PAGERDUTY_URL };
  }
  const { url, secret } = section.webhook;
  return { type: 'webhook', name: section.name ?? `webhook-${index + 1}`, url, secret };
}

function checkPeople(people: readonly ConfiguredPerson[]): ConfigProblem[] {
  return people.flatMap(({ email }, index): ConfigProblem[] =>
    people.findIndex((other) => other.email === email) === index
      ? []
      : [
          {
            severity: 'error',
            path: ['people', index, 'email'],
            message: `${email} is listed twice`,
            hint: 'put all names of one person under one entry',
          },
        ],
  );
}

/** Whoever can be called must be able to answer: on a ladder or schedule a person is at least a responder. */
function withOnCall(people: readonly ConfiguredPerson[], file: ConfigurationFile): readonly ConfiguredPerson[] {
  const named = [
    ...Object.values(file.schedules ?? {}).flatMap(({ layers }) => layers.flatMap((layer) => layer.people)),
    ...Object.values(file.escalations ?? {}).flatMap(({ steps }) => steps.flatMap(({ to }) => to)),
    ...(file.catch_all ?? []),
  ];
  const onCall = new Set(named.map((name) => lower(name.replace(/^person:/, ''))));
  return people.map((person) => ({ ...person, onCall: onCall.has(person.email) }));
}

function checkChannels(pages: readonly PageChannel[]): ConfigProblem[] {
  const taken = ['console', ...PERSONAL_CHANNELS];
  return pages.flatMap(({ name }, index): ConfigProblem[] => {
    if (!taken.includes(name)) {
      taken.push(name);
      return [];
    }
    const message = `the name '${name}' is taken`;
    return [{ severity: 'error', path: ['pages', index, 'name'], message, hint: 'name the channel differently' }];
  });
}

/** A ladder that does not exist would be noticed on the night it is needed. */
function checkEscalations(file: ConfigurationFile, { escalations }: OnCallConfiguration): ConfigProblem[] {
  const named = [
    ...Object.entries(file.accounts ?? {}).map(([id, { escalation }]) => ({
      escalation,
      path: ['accounts', id, 'escalation'],
    })),
    ...(file.integrations ?? []).map(({ escalation }, index) => ({
      escalation,
      path: ['integrations', index, 'escalation'],
    })),
    ...(file.policy ?? []).map(({ escalation }, index) => ({ escalation, path: ['policy', index, 'escalation'] })),
  ];
  return named.flatMap(({ escalation, path }): ConfigProblem[] => {
    if (escalation === undefined || escalations.has(escalation)) return [];
    const hint = `known here: ${[...escalations.keys()].join(', ') || 'none; add it under escalations'}`;
    return [{ severity: 'error', path, message: `there is no escalation '${escalation}'`, hint }];
  });
}

/** An owner whom nobody can reach would turn every question into a page: better said at once. */
function isEmail(text: string): boolean {
  return /^[^\s@]+@[^\s@]+$/.test(text);
}

function checkOwners(file: ConfigurationFile, people: readonly ConfiguredPerson[]): ConfigProblem[] {
  const severity = file.scim === undefined ? 'error' : 'warning';
  const emails = new Set(people.map(({ email }) => email));
  const teams = Object.keys(file.teams ?? {});
  const problems: ConfigProblem[] = [];
  const check = (owner: string | undefined, path: readonly (string | number)[]) => {
    if (owner !== undefined && !teams.includes(owner) && !emails.has(lower(owner))) {
      const hint = `use a team (${teams.join(', ') || 'none is configured'}) or the address of one of the people`;
      problems.push({ severity, path, message: `'${owner}' is no team and no person${unlessBrought(file)}`, hint });
    }
  };
  for (const [id, { owner }] of Object.entries(file.accounts ?? {})) {
    check(owner, ['accounts', id, 'owner']);
  }
  check(file.owner, ['owner']);
  for (const [team, members] of Object.entries(file.teams ?? {})) {
    members.forEach((email, index) => {
      if (!emails.has(lower(email))) {
        const hint = 'add the person under people, or correct the address';
        const message = `nobody has the address ${email}${unlessBrought(file)}`;
        problems.push({ severity, path: ['teams', team, index], message, hint });
      }
    });
  }
  return problems;
}

function checkReverts(file: ConfigurationFile): ConfigProblem[] {
  const line = (file.policy ?? []).findIndex(({ then, else: otherwise = [] }) =>
    [then, otherwise].flat().includes('revert'),
  );
  if (line === -1 || file.reverts !== undefined) return [];
  const hint = 'add `reverts: { role: … }`, or take revert out; the page beside it happens all the same';
  const message = 'without a section reverts nothing is put back';
  return [{ severity: 'warning', path: ['policy', line, 'then'], message, hint }];
}

function unlessBrought({ scim }: ConfigurationFile): string {
  return scim === undefined ? '' : ', unless the identity provider brings one';
}

function checkUrls(file: ConfigurationFile): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const check = (url: string | undefined, path: readonly (string | number)[]) => {
    if (url !== undefined && !isHttpUrl(url)) {
      const hint = 'write it whole, such as https://countersign.example.com';
      problems.push({ severity: 'error', path, message: 'this is no http or https address', hint });
    }
  };
  check(file.server?.url, ['server', 'url']);
  if (file.server?.tls !== undefined && file.server.url?.startsWith('https://') !== true) {
    const hint = 'write the name that the certificate is for: https://countersign.example.com:8420';
    problems.push({ severity: 'error', path: ['server', 'url'], message: 'with tls an https address is needed', hint });
  }
  (file.pages ?? []).forEach((page, index) => {
    if ('pagerduty' in page) {
      check(page.pagerduty.url, ['pages', index, 'pagerduty', 'url']);
    } else {
      check(page.webhook.url, ['pages', index, 'webhook', 'url']);
    }
  });
  return problems;
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol);
}

function lower(text: string): string {
  return text.toLowerCase();
}
