/**
 * What contains a principal until a person has decided: inline policies of ours, by names of our own.
 *
 * The surprise: sessions are shut out by when they were issued, from the change until the moment of the call and no further, so that
 * what ran before the change goes on.
 */
import type { Call, Caller } from '../../../../vendors/aws/calls.ts';
import { type CallPlace, objectOf, textOf } from '../../catalogue.ts';
import { canonical, type Fields, type Json, policyDocument } from '../../state.ts';
import { ask, call, named, type Principal } from './principals.ts';

const SESSIONS = 'countersign-sessions';
const CONTAINED = 'countersign-contained';
const MULTI_FACTOR = 'countersign-multi-factor';
const ISSUED = 'aws:TokenIssueTime';
const MOMENT = 'a minute after this call';
/** IAM takes seconds to notice that a key is off. */
const MARGIN_MS = 60_000;

function deny(condition?: Fields): Fields {
  const Condition = condition === undefined ? {} : { Condition: condition };
  return { Version: '2012-10-17', Statement: [{ Effect: 'Deny', Action: '*', Resource: '*', ...Condition }] };
}

function put(principal: Principal, name: string, document: Fields): Call {
  const input = { ...named(principal), PolicyName: name, PolicyDocument: JSON.stringify(document) };
  return call(`Put${principal.kind}Policy`, input);
}

function take(principal: Principal, name: string): Call {
  return call(`Delete${principal.kind}Policy`, { ...named(principal), PolicyName: name });
}

async function readOwn(caller: Caller, principal: Principal, name: string): Promise<Json> {
  const found = await ask(caller, `Get${principal.kind}Policy`, { ...named(principal), PolicyName: name });
  return found === null ? null : policyDocument(found['PolicyDocument']);
}

/** Since when issued sessions are shut out, ISO 8601; null: they are not. */
export async function readSessionsDenied(caller: Caller, principal: Principal): Promise<string | null> {
  const document = objectOf({ document: await readOwn(caller, principal, SESSIONS) }, 'document');
  const [statement] = Array.isArray(document['Statement']) ? (document['Statement'] as readonly unknown[]) : [];
  const condition = objectOf(objectOf({ statement }, 'statement'), 'Condition');
  return textOf(objectOf(condition, 'DateGreaterThanEquals'), ISSUED);
}

/** Shuts out more, never less, than what is shut out already. */
export function deniedSince(known: Json | undefined, timeMs: number): string {
  const since = new Date(timeMs).toISOString();
  return typeof known === 'string' && known < since ? known : since;
}

/** The call that leads to sessions shut out since then, or to none shut out; none where nothing is to do. */
export function leadSessions(
  principal: Principal,
  from: Json | undefined,
  to: Json | undefined,
  { anew = false }: { readonly anew?: boolean } = {},
): readonly Call[] {
  if (typeof to === 'string' && (anew || from !== to)) {
    const issued = { DateGreaterThanEquals: { [ISSUED]: to }, DateLessThan: { [ISSUED]: MOMENT } };
    return [put(principal, SESSIONS, deny(issued))];
  }
  return typeof to !== 'string' && typeof from === 'string' ? [take(principal, SESSIONS)] : [];
}

/** Until when sessions are shut out is known when the call is made. */
export function completeSessions(planned: Call, { nowMs }: Pick<CallPlace, 'nowMs'>): Promise<Call> {
  const { PolicyName, PolicyDocument } = planned.input;
  if (PolicyName !== SESSIONS || typeof PolicyDocument !== 'string') return Promise.resolve(planned);
  const until = new Date(nowMs + MARGIN_MS).toISOString();
  const document = PolicyDocument.replace(JSON.stringify(MOMENT), JSON.stringify(until));
  return Promise.resolve({ ...planned, input: { ...planned.input, PolicyDocument: document } });
}

export async function readContained(caller: Caller, principal: Principal): Promise<boolean> {
  return canonical(await readOwn(caller, principal, CONTAINED)) === canonical(deny());
}

/** May do nothing at all, or again what it may. */
export function contain(principal: Principal, contained: boolean): Call {
  return contained ? put(principal, CONTAINED, deny()) : take(principal, CONTAINED);
}

const WITHOUT_MULTI_FACTOR = deny({ BoolIfExists: { 'aws:MultiFactorAuthPresent': 'false' } });

export async function readMultiFactorOnly(caller: Caller, principal: Principal): Promise<boolean> {
  return canonical(await readOwn(caller, principal, MULTI_FACTOR)) === canonical(WITHOUT_MULTI_FACTOR);
}

/** May do nothing without a second factor, or as before. */
export function requireMultiFactor(principal: Principal, required: boolean): Call {
  return required ? put(principal, MULTI_FACTOR, WITHOUT_MULTI_FACTOR) : take(principal, MULTI_FACTOR);
}
