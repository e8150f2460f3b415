/**
 * What an enrolment is to read: which account or cluster, where, and of what. The server and the command line ask for it alike.
 *
 * The surprise: a command cannot open embedded state while a server runs on it. It asks the server, which reads at its own pace, goes on
 * where it was when it is killed, and tells how far it is.
 */
import { requestEnrolment } from './cases/revert/baselines/readings.ts';
import type { ResourceKind } from './cases/revert/catalogue.ts';
import { kubernetesKinds } from './cases/revert/kubernetes/objects.ts';
import { KINDS } from './cases/revert/rows.ts';
import type { Configuration } from './configuration.ts';
import { Failure } from './ground/failure.ts';
import { appendJournal } from './ground/journal.ts';
import type { StateTransaction } from './ground/state.ts';
import { type AwsRoles, namespacesOf, regionsOf } from './revert-targets.ts';
import { CallFailure } from './vendors/aws/calls.ts';

/** As somebody asked for it; nothing named is everything. */
export interface EnrolmentWish {
  readonly account: string;
  readonly regions: readonly string[];
  readonly types: readonly string[];
  /** What has a baseline already is trusted anew. */
  readonly replaces: boolean;
}

export interface Enrolment extends Pick<EnrolmentWish, 'account' | 'replaces'> {
  readonly regions: readonly string[];
  readonly kinds: readonly ResourceKind[];
}

/** @throws Failure `enrolment-impossible`, with what is wrong and how to mend it. */
export async function planEnrolment(
  { configuration, aws }: { readonly configuration: Configuration; readonly aws: AwsRoles },
  { account, regions, types, replaces }: EnrolmentWish,
): Promise<Enrolment> {
  const caller = aws.reading(account, 'us-east-1');
  if (caller === null)
    throw impossible(`account ${account} is not among the accounts and clusters of the configuration`);
  const isCluster = configuration.reverts?.clusters.has(account) === true;
  const kinds = kindsFor(types, isCluster ? kubernetesKinds : KINDS);
  const configured = isCluster ? [] : (configuration.reverts?.regions ?? []);
  if (regions.length === 0 && configured.length > 0) return { account, replaces, kinds, regions: configured };
  const named = [...new Set(regions)];
  const there = await (isCluster ? namespacesOf(caller) : regionsOf(caller)).catch((error: unknown) => {
    if (!(error instanceof CallFailure)) throw error;
    return error;
  });
  if (there instanceof CallFailure) {
    if (named.length > 0) return { account, replaces, kinds, regions: named };
    const why = `${there.code}: ${there.message}`;
    throw impossible(`the regions of ${account} cannot be listed: ${why}. Name them with --region`);
  }
  // What is not there would be asked for again and again.
  const unknown = named.find((one) => !there.includes(one));
  if (unknown !== undefined)
    throw impossible(`${account} has no ${isCluster ? 'namespace' : 'region'} ${unknown}; it has ${there.join(', ')}`);
  return { account, replaces, kinds, regions: named.length === 0 ? there : named };
}

function kindsFor(types: readonly string[], all: readonly ResourceKind[]): readonly ResourceKind[] {
  const unknown = types.find((type) => !all.some((kind) => kind.type === type));
  if (unknown !== undefined)
    throw impossible(`the catalogue has no type ${unknown}; it has ${all.map(({ type }) => type).join(', ')}`);
  return types.length === 0 ? all : all.filter(({ type }) => types.includes(type));
}

function impossible(message: string): Failure {
  return new Failure(message, { code: 'enrolment-impossible', httpStatus: 400, retryable: false });
}

/** Asks the readers of this and every other server, in the caller's transaction. */
export async function askToEnrol(
  trx: StateTransaction,
  enrolment: Enrolment,
  { by, nowMs }: { readonly by: string; readonly nowMs: number },
): Promise<void> {
  const { account, regions, kinds, replaces } = enrolment;
  await requestEnrolment(trx, { ...enrolment, isAlone: false, nowMs });
  const parameters = { account, regions: regions.length, types: kinds.length, replaces };
  await appendJournal(trx, { kind: 'enrolment-asked', caseId: null, actor: by, parameters, timeMs: nowMs });
}
