/** Joins the reverts: our role in each account, what is trusted, the follower that puts changes back, and what happens when nobody does. */
import type { AppOptions } from './app.ts';
import { decideEach } from './cases/burst.ts';
import type { Cases } from './cases/cases.ts';
import { configHistory } from './cases/revert/baselines/config-history.ts';
import type { RevertConfiguration } from './cases/revert/configuration.ts';
import { regionOf } from './cases/revert/consider.ts';
import type { BaselineRoutesOptions } from './cases/revert/baselines/routes.ts';
import { acceptChanges, type Accepting } from './cases/revert/baselines/acceptance.ts';
import type { TrailEvent } from './cases/revert/catalogue.ts';
import { createDeciding, type Deciding, type DecidingOptions } from './cases/revert/deciding.ts';
import { createReverts, type Reverts } from './cases/revert/engine.ts';
import { revertFollower } from './cases/revert/follower.ts';
import { createLedger, type Ledger } from './cases/revert/ledger.ts';
import { MACHINE } from './cases/revert/linux/containment.ts';
import { isTrial, type OwnVerdict } from './cases/revert/own.ts';
import { entryOf } from './cases/revert/rows.ts';
import { hasFailed, issuerOf, onlyReads, readTrailEvent, toTrailEvent } from './cases/revert/trail.ts';
import type { Reach } from './cases/revert/containment/choices.ts';
import { ACCEPT_EFFECT, runRevertWorker } from './cases/revert/worker.ts';
import { type CallerOf, openAwsRoles, readingOptions, roleArnOf } from './revert-targets.ts';
import { runReadings } from './cases/revert/baselines/readings.ts';
import type { Follower } from './cases/follow.ts';
import { askToEnrol, planEnrolment } from './enrolling.ts';
import type { EventStore } from './events/store.ts';
import { createHostOrders, readyHosts } from './fleet/orders.ts';
import { matchesAnyGlob } from './ground/glob.ts';
import { putEffect } from './ground/outbox.ts';
import type { Random } from './ground/random.ts';
import type { State, StateTransaction } from './ground/state.ts';
import type { People } from './people/people.ts';
import { isKnownPerson } from './people/person.ts';
import type { Judged } from './pipeline.ts';
import type { SecondFactor } from './people/sign-in/second-factor.ts';
import { raiseAlert } from './sources/alerts/raise.ts';
import type { Caller } from './vendors/aws/calls.ts';
import type { EventFacts } from './sources/source.ts';

export interface Reverting {
  readonly reverts: Reverts;
  readonly deciding: Deciding;
  /** What is done on a host, through its agent. */
  readonly machine: (host: string) => Caller;
  /** Where we can act now. */
  readonly reach: () => Promise<Reach>;
  readonly follower: Follower;
  /** Puts an enrolment into the queue of the readers. @throws Failure when it cannot be read. */
  readonly enrol: BaselineRoutesOptions['enrol'];
  /** Until `signal` aborts. */
  work(signal: AbortSignal): readonly Promise<void>[];
  /** What infrastructure as code did, and what is exempted, becomes trusted. In the transaction that ends the batch. */
  readonly noteAccepted: (trx: StateTransaction, judged: Judged, nowMs: number) => Promise<void>;
  /** Whether a record of a trail is the echo of our own call, or of somebody who has our role. */
  judge(record: Readonly<Record<string, unknown>>): Promise<OwnVerdict>;
}

interface RevertingParts {
  readonly state: State;
  readonly events: EventStore;
  readonly people: People;
  readonly secondFactor: SecondFactor;
  readonly cases: () => Cases;
  readonly madeBy: DecidingOptions['madeBy'];
}

export async function openReverting(options: AppOptions, parts: RevertingParts): Promise<Reverting | null> {
  const { configuration, environment, clock, random, log } = options;
  const { state, cases } = parts;
  const settings = configuration.reverts;
  if (settings === null) return null;
  const aws = await openAwsRoles(configuration, environment);
  const machine = (host: string) => createHostOrders({ state, clock, random }, host);
  const callerOf: CallerOf = (account, region) => (region === MACHINE ? machine(account) : aws.acting(account, region));
  const { breakGlass, mostPerAccount } = settings;
  const ownRoles = [...configuration.accounts.keys()].map((account) => ownRoleIn(account, settings));
  const ledger = createLedger({
    lock: (trx, caseId) => cases().unit(trx).loadCase(caseId),
    conduct: (trx, caseId, input) => cases().conductIn(trx, caseId, input),
  });
  const reverts = createReverts({
    ...{ state, clock, random, ledger, callerOf, ownRoles, breakGlass, mostPerAccount },
    // Emulators know few trial runs, and do the rest for real.
    tries: settings.endpoint === null,
    history: async ({ resource, changes: [oldest] }, beforeMs) => {
      const reader = aws.reading(resource.account, regionOf(resource));
      return reader === null || oldest === undefined
        ? null
        : configHistory(reader, { entry: oldest.entry, resource, beforeMs });
    },
  });
  const isSpared = ({ actors = [] }: TrailEvent) =>
    actors.some((actor) => ownRoles.includes(actor) || [actor, actor.split('/').at(-1) ?? ''].some(isBreakGlass));
  const isBreakGlass = (name: string) => matchesAnyGlob(breakGlass, name);
  const isApproved = ({ actors = [] }: TrailEvent) =>
    actors.some((one) => matchesAnyGlob(settings.approvedActors, one));
  const accept = ({ events, ...vouched }: Accepting) => acceptChanges({ state, clock, callerOf }, events, vouched);
  const name = random.id(clock.nowMs());
  return {
    reverts,
    machine,
    enrol: async (wish, at) => {
      const enrolment = await planEnrolment({ configuration, aws }, wish);
      return (trx) => askToEnrol(trx, enrolment, at);
    },
    reach: async () => ({ clusters: new Set(settings.clusters.keys()), hosts: await readyHosts({ state, clock }) }),
    deciding: createDeciding({ ...parts, reverts }),
    work: (signal) => [
      runRevertWorker({ state, clock, log, reverts, accept, name }, signal),
      runReadings({ ...readingOptions({ configuration, state, clock, random, aws, holder: name }), log }, signal),
    ],
    follower: revertFollower({
      reverts,
      cases,
      events: parts.events,
      most: settings.mode,
      decide: async (findings) => {
        const directory = await parts.people.directory(state.db);
        const actorIsPerson = findings.some(({ facts }) => isKnownPerson(facts, directory) === true);
        return decideEach(findings, configuration.policy, { actorIsPerson });
      },
      isSpared,
      isApproved,
      tellLeft: (caseId, count) => state.transaction((trx) => tellLeft(ledger, trx, { caseId, count })),
      trust: (events, { id, answer }) => {
        const by = answer?.by.id ?? null;
        return accept({ events, trust: 'confirmed', because: `case ${id}`, by, caseId: id });
      },
    }),
    noteAccepted: async (trx, judged, nowMs) => {
      for (const accepting of acceptedOf(judged, isApproved))
        await putEffect(trx, { ...ACCEPTANCE, key: keyOf(accepting), payload: accepting, dueMs: nowMs }, nowMs);
    },
    judge: (record) => judge(reverts, ownRoles, record),
  };
}

async function judge(
  reverts: Reverts,
  ownRoles: readonly string[],
  record: Readonly<Record<string, unknown>>,
): Promise<OwnVerdict> {
  const issuerArn = issuerOf(record);
  const event = issuerArn === null || !ownRoles.includes(issuerArn) ? null : readTrailEvent(record);
  // Reading proves nothing either way: the rules look at it as at anybody's.
  if (event === null || onlyReads(record)) return 'other';
  const verdict = await reverts.judgeOwn(event, { issuerArn });
  // What failed, or was a trial run, changed nothing; somebody who tries with our role what we did not is still told of by the rules.
  return verdict === 'stolen' && (hasFailed(record) || isTrial(event)) ? 'other' : verdict;
}

async function tellLeft(
  ledger: Ledger,
  trx: StateTransaction,
  { caseId, count }: { readonly caseId: string; readonly count: number },
): Promise<void> {
  const entry = { kind: 'reverts-left', actor: null, parameters: { count } };
  await ledger.lock(trx, caseId);
  await ledger.tell(trx, caseId, { type: 'revert-stepped', entry, outcome: 'begun' });
}

function ownRoleIn(account: string, { partitions, role }: RevertConfiguration): string {
  return roleArnOf({ partition: partitions.get(account) ?? 'aws', account, role });
}

const ACCEPTANCE = { kind: ACCEPT_EFFECT, caseId: null } as const;

function keyOf({ events }: Accepting): string {
  return `accept:${events.map(({ eventId }) => eventId).join(',')}`;
}

function* acceptedOf({ records, findings }: Judged, isApproved: (event: TrailEvent) => boolean): Iterable<Accepting> {
  for (const record of records) {
    const event = toTrailEvent(record);
    if (event === null || entryOf(event.service, event.name) === null) continue;
    const own = findings.filter(({ facts }) => facts.source === 'aws_cloudtrail' && facts.id === event.eventId);
    const exempting = own.map(({ exemptedBy }) => exemptedBy).filter((one) => one !== null);
    const isExempted = own.length > 0 && exempting.length === own.length;
    if (!isApproved(event) && !isExempted) continue;
    const because = isExempted ? `exemption ${exempting[0] ?? ''}` : `approved: ${event.actors?.[0] ?? ''}`;
    yield { events: [event], trust: 'infrastructure-as-code', because, by: null, caseId: null };
  }
}

const MOST_TOLD = 20;

/** Somebody acts with our own role, and it is not us: that is worse than whatever they did with it. */
export async function noteStolenRole(
  trx: StateTransaction,
  facts: readonly EventFacts[],
  at: { readonly nowMs: number; readonly random: Random },
): Promise<void> {
  for (const { account, actor, action, service, id, sourceIp } of facts.slice(0, MOST_TOLD)) {
    const alert = {
      action: 'trigger',
      dedupKey: `stolen-role:${account ?? ''}`,
      summary: `Our revert role did ${service}:${action} in ${account ?? 'an account'}, and we did not`,
      severity: 'critical',
      source: actor.id,
      class: 'Revert role in other hands',
      account,
      details: { event: id, action, address: sourceIp, session: actor.session },
    } as const;
    await raiseAlert(trx, alert, at);
  }
}
