/**
 * A match made meaningful: a rule and an event, who and where, and a risk with its reasons.
 *
 * A finding is made by pure functions of the event's facts, the rule and a small context (accounts, what the actor did
 * before), so that replay without a server and the server itself cannot disagree.
 */
import type { RiskReason } from '@countersign/contract';
import type { Priority } from '@countersign/falco';
import type { EventFacts } from '../sources/source.ts';

export interface Account {
  readonly id: string;
  readonly name: string;
  /** `prod`, `staging`, `sandbox` …: what the risk weighs. `unknown` when nobody told us. */
  readonly label: string;
  readonly owner: string | null;
}

export interface Finding {
  /** Stable: derived from source, event id and rule, so that the same match is the same finding wherever it is made. */
  readonly id: string;
  readonly rule: string;
  readonly priority: Priority;
  readonly tags: readonly string[];
  /** ATT&CK technique ids of the current version, upper case: `T1562.008`. */
  readonly techniques: readonly string[];
  readonly facts: EventFacts;
  readonly account: Account | null;
  readonly output: string;
  readonly outputFields: Readonly<Record<string, unknown>>;
  readonly risk: number;
  readonly reasons: readonly RiskReason[];
  /** The exemption that keeps the finding out of cases; null for almost all. */
  readonly exemptedBy: string | null;
}
