/** Joins people on call with the pages of cases: whom a page would reach, read in the transaction that decides it. */
import type { PersonalChannel } from '@countersign/contract';
import { builtInEscalation, createPlanner, DEFAULT_ESCALATION } from './cases/page/planner.ts';
import type { LoadPlanner } from './cases/sql-store.ts';
import type { Configuration } from './configuration.ts';
import type { Escalation } from './people/on-call/escalation.ts';
import { loadSnapshot, nextTurn } from './people/on-call/store.ts';
import type { People } from './people/people.ts';
import type { PipelineOptions } from './pipeline.ts';

export interface PlanningOptions {
  readonly configuration: Configuration;
  readonly people: People;
  /** Page channels of the configuration, the console among them. */
  readonly channels: readonly string[];
  /** Personal channels that this server can send by. */
  readonly personal: readonly PersonalChannel[];
}

export function createLoadPlanner({ configuration, people, channels, personal }: PlanningOptions): LoadPlanner {
  const { onCall } = configuration;
  return async (trx, { nowMs, turnOf }) => {
    const directory = await people.directory(trx);
    const snapshot = await loadSnapshot(trx, { onCall, directory, channels, personal, nowMs });
    const named =
      turnOf === null ? undefined : (onCall.escalations.get(turnOf) ?? onCall.escalations.get(DEFAULT_ESCALATION));
    const goesRound = named?.steps.some(({ roundRobin }) => roundRobin) === true;
    const turn = named !== undefined && goesRound ? await nextTurn(trx, named.name) : 0;
    return createPlanner({ escalations: onCall.escalations, snapshot, turn });
  };
}

/** The ladder of a case that neither its policy nor its account names one for. */
export function defaultEscalation({ onCall }: Configuration, channels: readonly string[]): Escalation {
  return onCall.escalations.get(DEFAULT_ESCALATION) ?? builtInEscalation(channels);
}

/** The ladder of an integration's alerts, or of an account. */
export function escalationOf({ integrations, accountEscalations }: Configuration): PipelineOptions['escalationOf'] {
  const ofIntegration = new Map(integrations.map(({ name, escalation }) => [name, escalation]));
  return ({ source, account, actor }) =>
    (source === 'alert' ? ofIntegration.get(actor.id) : null) ??
    (account === null ? null : (accountEscalations.get(account) ?? null));
}
