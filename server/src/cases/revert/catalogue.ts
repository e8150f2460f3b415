/**
 * What an entry of the catalogue is: one kind of change, what it is a change of, how its resource is read, and which calls lead from one
 * state to another. The entries stand in `aws/`, one file a service; `rows.ts` joins them into the rows of the specification.
 *
 * The surprise: there is no code for "revert" or "undo". An entry knows how to lead a resource from one state to another; putting it
 * back leads to the baseline, undoing leads away from it again.
 */
import { type Call, type Caller, CallFailure } from '../../vendors/aws/calls.ts';
import type { Fields, Json, ResourceState } from './state.ts';

/**
 * - `X`: the event alone tells the inverse.
 * - `B`: a baseline is needed.
 * - `C`: it can be contained, not undone.
 * - `P`: a person must act; we only page.
 */
export type RevertClass = 'X' | 'B' | 'C' | 'P';

/**
 * What happens where the policy does not say:
 *
 * - `auto`: at once, without waiting for the answer.
 * - `after-answer`: by itself, once the person said no or said nothing.
 * - `approve`: a second person looks at the plan first.
 * - `page`: never by itself.
 */
export type DefaultMode = 'auto' | 'after-answer' | 'approve' | 'page';

/** Where the entry was seen to work: against an emulator of AWS, against the SDK's own serializer, or nowhere. */
export type Proof = 'emulator' | 'shape' | 'none';

/** A CloudTrail record, as far as the catalogue looks. Everything in it was written by somebody else. */
export interface TrailEvent {
  readonly eventId: string;
  /** `cloudtrail`, without `.amazonaws.com`. */
  readonly service: string;
  readonly name: string;
  readonly account: string;
  readonly region: string;
  readonly timeMs: number;
  readonly request: Readonly<Record<string, unknown>>;
  readonly response: Readonly<Record<string, unknown>>;
  /** The service of AWS that made the call for somebody: `rds.amazonaws.com`, `AWS Internal`. A caller cannot claim it. */
  readonly invokedBy?: string;
  /** Who did it, by every name that AWS itself gives them: ARN, role, user name. Never the session's own name. */
  readonly actors?: readonly string[];
}

export interface ResourceRef {
  /** `AWS::CloudTrail::Trail`, as AWS Config names it. */
  readonly type: string;
  readonly account: string;
  /** `aws-global` for what has no region. */
  readonly region: string;
  /** Unique among the resources of the type in account and region. */
  readonly id: string;
}

export interface CatalogueEntry {
  /** The row of the specification. */
  readonly row: number;
  /** `service:EventName`, every spelling that CloudTrail has of it. */
  readonly events: readonly string[];
  readonly class: RevertClass;
  readonly mode: DefaultMode;
  /** Some of its changes cannot wait as the others can. */
  readonly urgent?: Urgency;
  readonly proof: Proof;
  /** The resources that the event changed; empty when the event does not name them. */
  resources(event: TrailEvent): readonly ResourceRef[];
  /** @returns the state as it is now; null when the resource is not there. @throws CallFailure. */
  readonly read: (caller: Caller, resource: ResourceRef) => Promise<ResourceState>;
  /**
   * What the event made of the baseline; `undefined` when that cannot be told, which is then a conflict. With a null baseline for the
   * classes that need none, what the event alone tells. What is there now is for looking up what the event only names.
   */
  after(
    event: TrailEvent,
    baseline: ResourceState,
    resource: ResourceRef,
    current: ResourceState,
  ): ResourceState | undefined;
  /**
   * For class X: the state before, as far as the event alone tells it, given what is there now. For class C, whatever was vouched for:
   * the state that contains it.
   */
  before?(event: TrailEvent, current: ResourceState, resource: ResourceRef): ResourceState | undefined;
  /** Where the trusted state is not all, or not what can be led to: what a revert leads to, given what it would restore. */
  aim?(restored: ResourceState, look: Look): ResourceState;
  /** Why nobody but a person may do it, in words for that person; null: nothing stands in the way. */
  hindrance?(look: Look): string | null;
  /** Nothing is planned unless a principal is kept for emergencies: putting this back may lock everybody out. */
  readonly needsBreakGlass?: true;
  /** What a person should still be told of a state that was led to: "logs cannot be delivered". */
  doubt?(reached: ResourceState): string | null;
  /** The calls that lead from one state to another, in order. Each may be made twice without harm. */
  lead(from: ResourceState, to: ResourceState, context: LeadContext): readonly Call[];
  /** What a person should know before and after: "sessions minted by the key live on". A word of the word lists. */
  readonly remains?: string;
  archive?: ResourceKind['archive'];
  /** Why this very event cannot be put back, though its kind can: a sentence for a person. Null: it can. */
  cannot?(event: TrailEvent): string | null;
  /** What AWS answers to a call whose work is done already: not a failure; reading back decides. */
  readonly fine?: readonly string[];
  /** Adds to a call what holds only at its moment and is no part of the plan: a lock token, the id of what an earlier call made. */
  complete?(call: Call, at: CallPlace): Promise<Call>;
  /**
   * So long after a change AWS may still tell what was before it. What looks as trusted then is looked at again.
   */
  readonly lagMs?: number;
  /** False while AWS still carries out what it accepted. @throws CallFailure when AWS gave it up. */
  isSettled?(call: Call, answer: Readonly<Record<string, unknown>>, at: CallPlace): Promise<boolean>;
}

/** Where a call is made, and the state that the plan leads from. */
export interface CallPlace {
  readonly caller: Caller;
  readonly resource: ResourceRef;
  readonly from: ResourceState;
  readonly nowMs: number;
  /** Bytes that were kept with a trusted state. @returns null when nothing of that digest was. */
  readonly archive: (digest: string) => Promise<Uint8Array | null>;
}

/** AWS has not finished with the resource: what is read now means nothing yet. It is looked at again later. */
export class Unsettled extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Unsettled';
  }
}

/** What there is to look at when a revert is planned. */
export interface Look {
  readonly event: TrailEvent;
  readonly baseline: ResourceState;
  readonly current: ResourceState;
  readonly resource: ResourceRef;
}

export interface Urgency {
  readonly mode: DefaultMode;
  /** Which changes, for a reader of the catalogue: "shared with everybody". */
  readonly of: string;
  applies(look: Look): boolean;
}

/**
 * All resources of one type in an account and region, for enrolment. The type decides how a resource is read: entries that share a type
 * share their `read`.
 */
export interface ResourceKind {
  readonly type: string;
  /** `global`: asked once an account, with `aws-global` for the region, or what its entries write there. */
  readonly reach: 'region' | 'global';
  readonly read: CatalogueEntry['read'];
  /** The ids of what is there, all pages of it. @throws CallFailure. */
  list(caller: Caller, place: { readonly account: string; readonly region: string }): Promise<readonly string[]>;
  /**
   * What must be kept in bytes when a state becomes trusted, because nobody can read it later: a function's code. The digest (SHA-256,
   * hex) names it; it is fetched unless it is kept already. Null: there is nothing of the kind.
   */
  archive?(state: ResourceState): Archive | null;
}

export interface Archive {
  readonly digest: string;
  /** @returns null when it is too large to keep. @throws CallFailure. */
  fetch(caller: Caller, resource: ResourceRef): Promise<Uint8Array | null>;
}

export interface LeadContext {
  readonly resource: ResourceRef;
  /** The same for every try of one revert: for the idempotency tokens that some calls take. */
  readonly token: string;
}

/** Names a resource in locks and baselines. */
export function resourceKey({ type, account, region, id }: ResourceRef): string {
  return `${type}|${account}|${region}|${id}`;
}

/** Lambda's names carry a version that means nothing: `AddPermission20150331v2`. */
export function plainName(name: string): string {
  return name.replace(/20\d{6}(?:v\d+)?$/, '');
}

/** A text member of what somebody sent; null when it is none. */
export function textOf(of: Readonly<Record<string, unknown>>, ...names: readonly string[]): string | null {
  for (const name of names) {
    const value = of[name];
    if (typeof value === 'string' && value !== '') return value;
  }
  return null;
}

/** A member that is an object. */
export function objectOf(of: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, unknown>> {
  const value = of[name];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** A member that is a list, also as CloudTrail wraps it: `{ items: [...] }`. */
export function listOf(
  of: Readonly<Record<string, unknown>>,
  name: string,
): readonly Readonly<Record<string, unknown>>[] {
  const value = of[name];
  const list = Array.isArray(value) ? value : objectOf(of, name)['items'];
  return Array.isArray(list)
    ? list.filter((one): one is Record<string, unknown> => typeof one === 'object' && one !== null)
    : [];
}

/** The texts of a member that is a list of them, or one. */
export function textsOf(of: Readonly<Record<string, unknown>>, name: string): readonly string[] {
  return [of[name]].flat().filter((one): one is string => typeof one === 'string' && one !== '');
}

/** Runs a read that may find nothing. */
export async function orNone<T>(read: Promise<T>, ...codes: readonly string[]): Promise<T | null> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof CallFailure && codes.includes(error.code)) return null;
    throw error;
  }
}

/** The members that are there, of one object, for a call's input. */
export function present(of: { readonly [key: string]: Json | undefined }): Fields {
  return Object.fromEntries(
    Object.entries(of).filter((entry): entry is [string, Json] => entry[1] !== undefined && entry[1] !== null),
  );
}
