/**
 * The doors of the fleet: agents join with a token that works once, send their batches, and fetch their settings; admins invite and retire.
 *
 * The surprise: findings overtake the rest, so that a batch is known to have come by the highest number of its own lane.
 */
import { gunzip } from 'node:zlib';
import { promisify } from 'node:util';
import type { AgentInvitation, FleetView } from '@countersign/contract';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Clock } from '../ground/clock.ts';
import { Failure } from '../ground/failure.ts';
import { type HttpServer, publicRoute } from '../ground/http.ts';
import { httpFailures } from '../ground/http-error.ts';
import type { Random } from '../ground/random.ts';
import type { State } from '../ground/state.ts';
import { type Guards, signedInOf } from '../people/sign-in/guard.ts';
import { healthOfHosts } from '../sources/sensor/health.ts';
import { RECORDING_ID } from '../sources/sensor/recording/recording-file.ts';
import { BATCH_TYPE, PIECE_TYPE } from '../vendors/countersign/agent-calls.ts';
import { type CaptureIntake, LARGEST_PIECE_BYTES } from './captures.ts';
import { AgentBatch, LARGEST_BATCH_BYTES, LARGEST_BATCH_READ_BYTES } from './batch.ts';
import type { AgentSettings } from './settings.ts';
import { answerOrder, LONGEST_ORDER_ANSWER, takeOrders } from './orders.ts';
import { type Agent, admitAgent, enrolAgent, findAgent, inviteAgent, listAgents, retireAgent } from './store.ts';
import type { Taker } from './take.ts';
import { saveWatchTold, WatchTold } from './watch-state.ts';

export interface FleetRoutesOptions {
  readonly state: State;
  readonly clock: Clock;
  readonly random: Random;
  readonly guards: Guards;
  readonly taker: Taker;
  readonly captures: CaptureIntake;
  /** On which node of a cluster the pod is whose token this is. */
  readonly nodeOf: (cluster: string, token: string) => Promise<ClusterWord>;
  /** What every agent is to do: rules and windows, with a name for their content. */
  readonly settings: AgentSettings;
}

const unzip = promisify(gunzip);
const LONGEST_SECRET = 200;
const LONGEST_CLUSTER_TOKEN = 10_000;
const LONGEST_TOLD = 16 * 1024;
const Host = Type.String({ minLength: 1, maxLength: 253, pattern: '^[A-Za-z0-9_.:-]+$' });
const Enrolment = Type.Object(
  { token: Type.String({ maxLength: LONGEST_SECRET }), host: Host, version: Type.String({ maxLength: 40 }) },
  { additionalProperties: false },
);
/** An agent that is a pod shows the token of its service account: the cluster answers for it, and names its node. */
const ClusterEnrolment = Type.Object(
  {
    cluster: Type.String({ minLength: 1, maxLength: 200 }),
    token: Type.String({ maxLength: LONGEST_CLUSTER_TOKEN }),
    host: Host,
    version: Type.String({ maxLength: 40 }),
  },
  { additionalProperties: false },
);
const Answer = Type.Union([
  Type.Object({ answer: Type.Record(Type.String(), Type.Unknown()) }, { additionalProperties: false }),
  Type.Object(
    { code: Type.String({ maxLength: 100 }), message: Type.String({ maxLength: 1_000 }) },
    { additionalProperties: false },
  ),
]);
const Id = Type.Object({ id: Type.String({ maxLength: 60 }) });
const OneCapture = Type.Object({ id: Type.String({ pattern: RECORDING_ID }) });
const PieceOfCapture = Type.Object({
  ...OneCapture.properties,
  from: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
});
const BY_SECRET = publicRoute('agents call here, and the secret of the agent is checked');
const BY_CLUSTER = publicRoute(
  'an agent that joins has nothing yet but its token, and its cluster is asked whose it is',
);
const BY_INVITATION = publicRoute('an agent that joins has nothing yet but its token, which works once');

/** What a cluster says of a token. */
export type ClusterWord =
  | { readonly type: 'node'; readonly node: string; readonly serviceAccount: string }
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'failed'; readonly reason: string };

export function registerFleetRoutes(server: HttpServer, options: FleetRoutesOptions): void {
  registerClusterDoor(server, options);
  registerAgentDoors(server, options);
  registerCaptureDoors(server, options);
  registerAdminDoors(server, options);
}

function registerClusterDoor(server: HttpServer, { state, clock, random, nodeOf }: FleetRoutesOptions): void {
  server.post(
    '/agent/v1/enrol/cluster',
    { config: { access: BY_CLUSTER }, schema: { body: ClusterEnrolment } },
    async ({ body: { cluster, token, host, version } }) => {
      const word = await nodeOf(cluster, token);
      if (word.type === 'failed') throw silentCluster(cluster);
      if (word.type === 'refused') throw refusedByCluster(word.reason);
      if (word.node !== host) throw refusedByCluster(`the token is of a pod on ${word.node}, not on ${host}`);
      const at = { nowMs: clock.nowMs(), random };
      const by = `cluster ${cluster}: ${word.serviceAccount}`;
      const { agent, secret } = await state.transaction((trx) =>
        admitAgent(trx, { id: random.id(at.nowMs), host, version, by }, at),
      );
      return { agent: agent.id, secret };
    },
  );
}

function registerAgentDoors(server: HttpServer, { state, clock, random, taker, settings }: FleetRoutesOptions): void {
  server.post(
    '/agent/v1/enrol',
    { config: { access: BY_INVITATION }, schema: { body: Enrolment } },
    async (request) => {
      const at = { nowMs: clock.nowMs(), random };
      const enrolled = await state.transaction((trx) => enrolAgent(trx, request.body, at));
      if (enrolled === null) throw refusedInvitation();
      return { agent: enrolled.agent.id, secret: enrolled.secret };
    },
  );
  server.addContentTypeParser(
    BATCH_TYPE,
    { parseAs: 'buffer', bodyLimit: LARGEST_BATCH_BYTES },
    async (_request: FastifyRequest, body: Buffer) => readBatch(body),
  );
  server.post(
    '/agent/v1/batches',
    { config: { access: BY_SECRET, rateLimit: false }, bodyLimit: LARGEST_BATCH_BYTES, schema: { body: AgentBatch } },
    async (request) => {
      const agent = await agentOf(state, request);
      await taker.take(agent, request.body);
      return { taken: request.body.sequence };
    },
  );
  server.get('/agent/v1/settings', { config: { access: BY_SECRET, rateLimit: false } }, async (request, reply) => {
    await agentOf(state, request);
    if (request.headers['if-none-match'] === settings.etag) return reply.code(304).send();
    return reply.header('etag', settings.etag).send(settings.content);
  });
  server.post(
    '/agent/v1/watch',
    { config: { access: BY_SECRET, rateLimit: false }, bodyLimit: LONGEST_TOLD, schema: { body: WatchTold } },
    async (request) => {
      await saveWatchTold({ state, clock }, await agentOf(state, request), request.body);
      return { ok: true };
    },
  );
  server.post('/agent/v1/orders', { config: { access: BY_SECRET, rateLimit: false } }, async (request) => ({
    orders: await takeOrders({ state, clock }, await agentOf(state, request)),
  }));
  server.post(
    '/agent/v1/orders/:id',
    {
      config: { access: BY_SECRET, rateLimit: false },
      bodyLimit: LONGEST_ORDER_ANSWER,
      schema: { params: Id, body: Answer },
    },
    async (request) => {
      const { host } = await agentOf(state, request);
      const isTaken = await answerOrder({ state, clock }, { id: request.params.id, host }, request.body);
      if (!isTaken) throw httpFailures.notFound();
      return { ok: true };
    },
  );
}

function registerCaptureDoors(server: HttpServer, { state, captures }: FleetRoutesOptions): void {
  const config = { access: BY_SECRET, rateLimit: false } as const;
  server.addContentTypeParser(
    PIECE_TYPE,
    { parseAs: 'buffer', bodyLimit: LARGEST_PIECE_BYTES },
    async (_request: FastifyRequest, body: Buffer) => body,
  );
  server.get('/agent/v1/captures/:id', { config, schema: { params: OneCapture } }, async (request) =>
    captures.progress(await agentOf(state, request), request.params.id),
  );
  server.put(
    '/agent/v1/captures/:id/:from',
    { config, bodyLimit: LARGEST_PIECE_BYTES, schema: { params: PieceOfCapture } },
    async (request) => {
      const agent = await agentOf(state, request);
      const { id, from: fromBytes } = request.params;
      if (!Buffer.isBuffer(request.body)) throw httpFailures.invalidInput('the piece', `bytes as ${PIECE_TYPE}`);
      return captures.take(agent, { id, fromBytes, bytes: request.body });
    },
  );
}

function registerAdminDoors(server: HttpServer, { state, clock, random, guards }: FleetRoutesOptions): void {
  const access = guards.human('admin');
  server.post('/api/agents/invitations', { config: { access } }, async (request): Promise<AgentInvitation> => {
    const { person } = signedInOf(request);
    const at = { nowMs: clock.nowMs(), random };
    return { token: await state.transaction((trx) => inviteAgent(trx, person.id, at)) };
  });
  server.get('/api/agents', { config: { access: guards.person } }, async (): Promise<FleetView> => {
    // One that only takes orders is heard by nothing else.
    const heardAt = ({ lastHeardMs, readyMs }: Agent) => {
      const ms = Math.max(lastHeardMs ?? 0, readyMs ?? 0);
      return ms === 0 ? null : new Date(ms).toISOString();
    };
    const agents = await listAgents(state);
    const watching = agents.map(({ host }) => host);
    const health = await healthOfHosts(state, { nowMs: clock.nowMs(), hosts: watching });
    const sensors = new Map(health.map((one) => [one.host, one]));
    const sensorOf = ({ host, version }: Agent) => {
      const sensor = sensors.get(host);
      return sensor === undefined ? null : { ...sensor, agentVersion: version };
    };
    return {
      agents: agents.map((agent) => ({
        id: agent.id,
        host: agent.host,
        version: agent.version,
        enrolledAt: new Date(agent.enrolledMs).toISOString(),
        lastHeardAt: heardAt(agent),
        dropped: agent.dropped,
        sensor: sensorOf(agent),
      })),
    };
  });
  server.delete('/api/agents/:id', { config: { access }, schema: { params: Id } }, async (request) => {
    const by = { actor: signedInOf(request).person.id, nowMs: clock.nowMs() };
    if (!(await state.transaction((trx) => retireAgent(trx, request.params.id, by)))) throw httpFailures.notFound();
    return { ok: true };
  });
}

async function readBatch(body: Buffer): Promise<unknown> {
  let text: string;
  try {
    text = (await unzip(body, { maxOutputLength: LARGEST_BATCH_READ_BYTES })).toString('utf8');
  } catch {
    throw httpFailures.invalidInput('the batch', `gzip that unpacks to at most ${LARGEST_BATCH_READ_BYTES} bytes`);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw httpFailures.invalidInput('the batch', 'no JSON');
  }
}

async function agentOf(state: State, { headers: { authorization } }: FastifyRequest): Promise<Agent> {
  const secret = /^Bearer (\S+)$/.exec(authorization ?? '')?.[1] ?? '';
  const agent = secret.length > LONGEST_SECRET ? null : await findAgent(state, secret);
  if (agent === null) throw httpFailures.signInRequired();
  return agent;
}

function refusedByCluster(reason: string): Failure {
  return new Failure(reason, { code: 'invitation-invalid', httpStatus: 403, retryable: false });
}

function silentCluster(cluster: string): Failure {
  const message = `the cluster ${cluster} cannot be asked whose token this is; try again`;
  return new Failure(message, { code: 'cluster-silent', httpStatus: 503, retryable: true });
}

function refusedInvitation(): Failure {
  const message = 'the token is unknown, was used already, or is older than a day; make a new one in the settings';
  return new Failure(message, { code: 'invitation-invalid', httpStatus: 403, retryable: false });
}
