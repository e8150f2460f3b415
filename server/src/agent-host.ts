/**
 * The agent of a host: follows its sensor, judges with the server's rules, and keeps on disk what the server has not taken yet. Joins the same
 * rooms as the server does, at the edge.
 *
 * ```
 *  sensor ──▶ HostWatch ──▶ matches ──▶ spool (must) ──┐
 *                 │                                     ├──▶ uplink ──▶ server
 *                 └──▶ roll-up, each window ──▶ spool (may) ──┘
 * ```
 *
 * The surprise: the agent needs its server only once, to join and to fetch rules. From then on it starts, judges and keeps what it found also
 * when nobody answers.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { writeState } from '@countersign/scap';
import { Value } from 'typebox/value';
import { runCaptureUplink } from './agent/capture-uplink.ts';
import { Spool } from './agent/spool.ts';
import { runOrders } from './agent/orders.ts';
import { runUplink } from './agent/uplink.ts';
import { WatchUplink } from './agent/watch-uplink.ts';
import { type AgentBatch, BATCH_VERSION } from './fleet/batch.ts';
import { orderName } from './fleet/orders.ts';
import { SettingsContent, WINDOW_MS } from './fleet/settings.ts';
import type { Clock } from './ground/clock.ts';
import { Failure, messageOf } from './ground/failure.ts';
import type { Log } from './ground/log.ts';
import type { Random } from './ground/random.ts';
import { createHostRollUp, type HostLooks, lookAtHost, piecesOf, type RollUpPiece } from './host-roll-up.ts';
import { createHostTelemetry } from './host-telemetry.ts';
import { createHostJudge } from './rules/host-judge.ts';
import { loadPack } from './rules/pack.ts';
import { buildSensor, USUAL_RUNTIMES } from './sources/sensor/configuration.ts';
import { HostWatch } from './sources/sensor/host-watch.ts';
import type { WatchOrder, WatchReport } from './sources/sensor/reports.ts';
import { howToAllowProgram } from './sources/sensor/program/sensor-program.ts';
import type { Gap } from './sources/sensor/stream.ts';
import { type AgentCalls, createAgentCalls } from './vendors/countersign/agent-calls.ts';
import { createHostCaller } from './vendors/linux/host.ts';

export interface AgentOptions {
  readonly server: URL;
  readonly dataDirectory: string;
  readonly host: string;
  readonly version: string;
  /** For the first start; null afterwards. */
  readonly token: string | null;
  /** The token is of a service account of this cluster, and is there at every start; null: it is of an invitation. */
  readonly cluster: string | null;
  /** The sensor's program. */
  readonly sensor: string;
  /** The network that the host is in, where addresses repeat. */
  readonly network: string;
  /** Where the host's files are, when this runs in a container; else `/`. */
  readonly hostRoot: string;
  readonly spoolBytes: number;
  /** Whoever started it lets the server's people hold processes, freeze containers and cut off peers here. */
  readonly contains: boolean;
  /** False: it only does what it is told; something else watches this host. */
  readonly watches: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

interface Identity {
  readonly server: string;
  readonly host: string;
  readonly agent: string;
  readonly secret: string;
}

const SETTINGS_MS = 60_000;
const RETRY_MS = 5_000;
const SIGN_OF_LIFE_MS = 60_000;

/**
 * Runs until `signal` aborts.
 *
 * @throws Failure `agent-not-joined` when there is no identity and no token, or the token is refused.
 */
export async function runAgent(options: AgentOptions, signal: AbortSignal): Promise<void> {
  const { dataDirectory, clock, log } = options;
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  const identity = await identify(options);
  const calls = createAgentCalls({ server: options.server, secret: () => identity.secret });
  const host = createHostCaller({ spared: options.server.hostname });
  const obeying = options.contains ? runOrders({ calls, host, clock, log }, signal) : Promise.resolve();
  if (!options.watches) return obeying;
  const spool = await Spool.open({ directory: join(dataDirectory, 'spool'), mostBytes: options.spoolBytes });
  const captures = join(dataDirectory, 'captures');
  await mkdir(captures, { recursive: true, mode: 0o700 });
  const howToAllow = howToAllowProgram(options.sensor);
  const watchUplink = new WatchUplink({ calls, clock, version: options.version, howToAllow });
  const uplinks = Promise.all([
    runUplink({ spool, calls, clock, log }, signal),
    runCaptureUplink({ directory: captures, calls, clock, log }, signal),
    watchUplink.run(signal),
  ]);
  const machine = lookAtHost(options.hostRoot);
  let known = await firstSettings(options, calls, signal);
  while (!signal.aborted && known !== null) {
    const changed = new AbortController();
    const stop = AbortSignal.any([signal, changed.signal]);
    const { groups } = known.content;
    const rules = await writeRules(dataDirectory, known.content);
    const watching = watch({ options, identity, spool, watchUplink, rules, groups, machine }, stop);
    known = await nextSettings({ options, calls, known }, stop);
    changed.abort();
    await watching;
  }
  await Promise.all([uplinks, obeying]);
}

async function identify(options: AgentOptions): Promise<Identity> {
  const { dataDirectory, server, host, token, cluster, version, log } = options;
  const file = join(dataDirectory, 'agent.json');
  const stored = await readFile(file, 'utf8').catch(() => null);
  if (stored !== null && (token === null || cluster !== null)) return JSON.parse(stored) as Identity;
  if (token === null)
    throw notJoined('this agent has not joined yet: give it a token from Settings → Agents with --token-file');
  // Beside an agent that watches the same host it has a name of its own: under one name the latter would take the place of the former.
  const name = options.watches ? host : orderName(host);
  const outcome = await createAgentCalls({ server, secret: () => '' }).join({
    ...{ token, host: name, version },
    ...(cluster === null ? {} : { cluster }),
  });
  if (outcome.type === 'failed') {
    // A token that was used stands in the service file of a host that has long joined.
    if (stored !== null) return JSON.parse(stored) as Identity;
    throw notJoined(`${server.href} does not let this agent in: ${outcome.reason}`);
  }
  const identity = { server: server.href, host, agent: outcome.agent, secret: outcome.secret };
  await replaceFile(file, JSON.stringify(identity));
  log.info('joined', { server: server.href, host, agent: outcome.agent });
  return identity;
}

function notJoined(message: string): Failure {
  return new Failure(message, { code: 'agent-not-joined', httpStatus: 500, retryable: false });
}

interface Known {
  readonly etag: string;
  readonly content: SettingsContent;
}

/** Those of the last life, else the server's; waits for it where there are none yet. */
async function firstSettings(options: AgentOptions, calls: AgentCalls, signal: AbortSignal): Promise<Known | null> {
  const { dataDirectory, clock, log } = options;
  const stored = await readFile(join(dataDirectory, 'settings.json'), 'utf8').catch(() => null);
  if (stored !== null) return JSON.parse(stored) as Known;
  while (!signal.aborted) {
    const fetched = await fetchSettings(options, calls, '');
    if (typeof fetched !== 'string' && fetched !== null) return fetched;
    log.warn('the rules cannot be fetched; trying again', { reason: fetched });
    await clock.sleep(RETRY_MS, signal);
  }
  return null;
}

/** Waits until they change; null when told to stop. */
async function nextSettings(
  { options, calls, known }: { readonly options: AgentOptions; readonly calls: AgentCalls; readonly known: Known },
  signal: AbortSignal,
): Promise<Known | null> {
  while (!signal.aborted) {
    const fetched = await fetchSettings(options, calls, known.etag);
    if (typeof fetched !== 'string' && fetched !== null) {
      options.log.info('the rules have changed', { etag: fetched.etag });
      return fetched;
    }
    await options.clock.sleep(SETTINGS_MS, signal);
  }
  return null;
}

/** Null when they are the same; a text when they cannot be had, or cannot be used. */
async function fetchSettings(options: AgentOptions, calls: AgentCalls, etag: string): Promise<Known | string | null> {
  const outcome = await calls.settings(etag);
  if (outcome.type === 'same') return null;
  if (outcome.type === 'failed') return outcome.reason;
  if (!Value.Check(SettingsContent, outcome.content)) return 'the server sent settings that this agent cannot read';
  const known = { etag: outcome.etag, content: outcome.content };
  await replaceFile(join(options.dataDirectory, 'settings.json'), JSON.stringify(known));
  return known;
}

async function writeRules(dataDirectory: string, { rules }: SettingsContent): Promise<readonly string[]> {
  const folder = join(dataDirectory, 'rules');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const files: string[] = [];
  for (const [index, { text }] of rules.entries()) {
    // Names come from elsewhere; the order is what counts.
    const file = join(folder, `${String(index).padStart(3, '0')}.yaml`);
    await replaceFile(file, text);
    files.push(file);
  }
  return files;
}

async function replaceFile(file: string, text: string): Promise<void> {
  await writeFile(`${file}.draft`, text, { mode: 0o600 });
  await rename(`${file}.draft`, file);
}

interface Watching {
  readonly options: AgentOptions;
  readonly identity: Identity;
  readonly spool: Spool;
  readonly watchUplink: WatchUplink;
  readonly rules: readonly string[];
  readonly groups: SettingsContent['groups'];
  readonly machine: HostLooks;
}

async function watch(
  { options, identity, spool, watchUplink, rules, groups, machine }: Watching,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, log, dataDirectory } = options;
  const { host } = identity;
  const { ruleset } = loadPack(rules);
  const rollUp = createHostRollUp({ host, network: options.network, groups, machine });
  const telemetry = createHostTelemetry();
  const gaps: Gap[] = [];
  const keep = keeperOf(options, spool);
  const heard = join(dataDirectory, 'heard');
  const order = {
    ...orderOf(options, { host, rules, groups, captures: join(dataDirectory, 'captures') }),
    lastHeardMs: await timeIn(heard),
  };
  let isWatching = false;
  let toldMs = clock.nowMs();
  const hostWatch = new HostWatch({
    order,
    clock,
    newId: () => random.id(clock.nowMs()),
    judge: (onRecord) => createHostJudge({ ...order, rules: ruleset.rules, onRecord }),
    followers: [...rollUp.followers, telemetry.follower],
    alsoTell: rollUp.eventNames,
    stateOf: ({ machine }) => writeState(machine),
    report: (report) => hear(report),
  });
  const hear = (report: WatchReport) => {
    watchUplink.hear(report);
    if (report.type === 'state') isWatching = report.state === 'watching';
    if (report.type === 'records') {
      const findings = report.records.map((record) => ({
        id: record.id,
        timeMs: record.timeMs,
        json: JSON.stringify(record),
      }));
      void keep('must', { findings }).then(() => hostWatch.taken(report.sequence));
    } else if (report.type === 'gap') gaps.push(report.gap);
    else if (report.type === 'recording') void keep('must', { captures: [report.recording] });
    else if (report.type === 'failure' || (report.type === 'state' && report.problem !== null))
      log.warn('watching this host met a problem', { problem: report.problem });
  };
  const tell = async () => {
    const told = gaps.splice(0);
    const nowMs = clock.nowMs();
    const contents = piecesOf(rollUp.take(nowMs, { isLast: signal.aborted })).map(contentOf);
    // A quiet host is not a silent one.
    if (contents.length === 0 && isWatching && nowMs - toldMs >= SIGN_OF_LIFE_MS) contents.push({});
    if (contents.length > 0) toldMs = nowMs;
    for (const content of contents) await keep('may', content);
    if (told.length > 0) await keep('must', { gaps: told });
    if (isWatching) await replaceFile(heard, String(nowMs)).catch(ignored);
  };
  const telling = (async () => {
    while (!signal.aborted) {
      await clock.sleep(WINDOW_MS, signal);
      await tell();
    }
  })();
  const sampling = telemetry.run(clock, (piece) => void keep('may', contentOf(piece)), signal);
  await hostWatch.run(signal);
  await Promise.all([telling, sampling]);
}

/** When this host was last watched; null: never, or nobody knows. */
async function timeIn(file: string): Promise<number | null> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** On a full disk the gap after the next start only begins earlier. */
function ignored(): void {}

function contentOf({ lines, activity, lives, samples = [] }: RollUpPiece): Partial<AgentBatch> {
  const own = lines.map(({ host: _host, ...line }) => line);
  return { lines: own, activity: [...activity], lives: [...lives], samples: [...samples] };
}

/** Writes a batch to the spool; while that fails (a full disk) it waits and tries again, and whoever made it waits with it. */
function keeperOf({ clock, log }: AgentOptions, spool: Spool) {
  return async (urgency: 'must' | 'may', content: Partial<AgentBatch>): Promise<void> => {
    for (;;) {
      try {
        await spool.add(urgency, (sequence) => {
          const batch: AgentBatch = {
            version: BATCH_VERSION,
            lane: urgency,
            sequence,
            sentAtMs: clock.nowMs(),
            lines: [],
            activity: [],
            findings: [],
            gaps: [],
            dropped: spool.dropped,
            ...content,
          };
          return gzipSync(JSON.stringify(batch));
        });
        return;
      } catch (error) {
        log.error('what this host told cannot be kept', { problem: messageOf(error) });
        if (urgency === 'may') return;
        await clock.sleep(RETRY_MS);
      }
    }
  };
}

function orderOf(
  options: AgentOptions,
  { host, rules, groups, captures }: Pick<WatchOrder, 'host' | 'rules' | 'groups' | 'captures'>,
): WatchOrder {
  const { sensor } = buildSensor({ sensor: {} }, []);
  return {
    host,
    loginDomain: sensor.loginDomain,
    sensor: { type: 'program', program: options.sensor, socket: null },
    rules,
    groups,
    allReads: false,
    lastHeardMs: null,
    captures,
    recording: sensor.recording,
    lookBack: sensor.lookBack,
    recordFromRisk: sensor.recordFromRisk,
    runtimes: sensor.runtimes ?? USUAL_RUNTIMES,
  };
}
