/** Joins the reverts: our role in each account, what is trusted, and the follower that puts changes back. */
import type { AppOptions } from './app.ts';
import type { Cases } from './cases/cases.ts';
import { createReverts, type Reverts, takeBaseline } from './cases/revert/engine.ts';
import { revertFollower } from './cases/revert/follower.ts';
import { entryOf } from './cases/revert/rows.ts';
import type { TrailEvent } from './cases/revert/catalogue.ts';
import { issuerOf, toTrailEvent } from './cases/revert/trail.ts';
import type { Follower } from './cases/follow.ts';
import type { EventStore } from './events/store.ts';
import { readSecret } from './ground/secret.ts';
import type { State } from './ground/state.ts';
import { type Caller, CallFailure, createCaller } from './vendors/aws/calls.ts';

export interface Reverting {
  readonly reverts: Reverts;
  readonly follower: Follower;
  /** Whether a record of a trail is the echo of our own call. */
  isOwn(record: Readonly<Record<string, unknown>>): Promise<boolean>;
}

const SESSION = 'countersign-revert';

export async function openReverting(
  { configuration, environment, clock, random, log }: AppOptions,
  { state, events, cases }: { readonly state: State; readonly events: EventStore; readonly cases: () => Cases },
): Promise<Reverting | null> {
  const settings = configuration.reverts;
  if (settings === null) return null;
  const externalId = settings.externalId === null ? null : await readSecret(settings.externalId, environment);
  const callers = new Map<string, Caller>();
  const roleOf = (account: string) => `arn:aws:iam::${account}:role/${settings.role}`;
  const callerOf = (account: string, region: string): Caller | null => {
    if (!configuration.accounts.has(account)) return null;
    const key = `${account} ${region}`;
    const roleArn = settings.endpoint === null ? roleOf(account) : null;
    const made =
      callers.get(key) ??
      createCaller({ region, roleArn, externalId, sessionName: SESSION, endpoint: settings.endpoint });
    callers.set(key, made);
    return made;
  };
  const { breakGlass, mostPerAccount } = settings;
  const ownRoles = [...configuration.accounts.keys()].map(roleOf);
  const reverts = createReverts({ state, clock, random, callerOf, ownRoles, breakGlass, mostPerAccount });
  const trust = async (event: TrailEvent, caseId: string): Promise<void> => {
    const entry = entryOf(event.service, event.name);
    for (const resource of entry?.resources(event) ?? []) {
      const caller = callerOf(resource.account, resource.region === 'aws-global' ? 'us-east-1' : resource.region);
      if (entry === null || caller === null) continue;
      try {
        await takeBaseline({ state, clock }, { entry, caller, resource, trust: 'confirmed', because: caseId });
      } catch (error) {
        if (!(error instanceof CallFailure)) throw error;
        log.warn('a confirmed state could not be read and is not trusted', { error, resource: resource.id });
      }
    }
  };
  return {
    reverts,
    follower: revertFollower({ reverts, cases, events, most: settings.mode, trust }),
    isOwn: async (record) => {
      const event = toTrailEvent(record);
      return event !== null && (await reverts.judgeOwn(event, { issuerArn: issuerOf(record) })) === 'own';
    },
  };
}
