/**
 * The port of a source: bytes became JSON, and a source makes of each JSON value an event, its fields and its facts.
 *
 * The surprise: an event stays the parsed record as it came. Fields are pulled from it lazily by the catalogue, and the
 * facts below are only gathered for events that a rule matched, which keeps the common event nearly free.
 */
import type { FieldCatalogue } from '@countersign/falco';
import type { ActorKind } from '@countersign/contract';

export type SourceName = 'aws_cloudtrail' | 'k8s_audit' | 'syscall' | 'alert';

/** One record of a source as it came, already known to have the members that make it one. */
export type SourceRecord = Readonly<Record<string, unknown>>;

/** Who did it, as the event alone tells; `people` resolves it to a person. */
export interface Actor {
  readonly kind: ActorKind;
  /** The most stable identifier: ARN without the session, Kubernetes user name. */
  readonly id: string;
  /** For people: user name, role name, service principal. */
  readonly name: string;
  /** Assumed-role session name (often an e-mail or user name), else null. */
  readonly session: string | null;
  /** What ties calls of one sitting together: access key id, session ARN, or the id. */
  readonly sessionKey: string;
  /** True when the provider itself acted (AWS service, Kubernetes control plane). */
  readonly isProvider: boolean;
}

/** What every room to the right wants to know of an event, whatever its source. */
export interface EventFacts {
  readonly source: SourceName;
  /** CloudTrail eventID; Kubernetes `auditID/stage`; host, time and thread of a system call. Equal ids are one event. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  readonly account: string | null;
  readonly region: string | null;
  /** `AuthorizeSecurityGroupIngress`; for Kubernetes `create pods`. */
  readonly action: string;
  /** `ec2`; for Kubernetes the API group or `core`. */
  readonly service: string;
  readonly actor: Actor;
  readonly resources: readonly { readonly type: string; readonly id: string }[];
  readonly sourceIp: string | null;
  readonly userAgent: string | null;
  readonly errorCode: string | null;
  readonly readOnly: boolean | null;
  readonly change: { readonly before: unknown; readonly after: unknown; readonly request: unknown };
}

/** The verdict on one JSON value: a record, or why not. */
export type Admission =
  | { readonly type: 'record'; readonly record: SourceRecord; readonly id: string; readonly timeMs: number }
  | { readonly type: 'malformed'; readonly reason: string };

export interface Source {
  readonly name: SourceName;
  readonly catalogue: FieldCatalogue<SourceRecord>;
  /** Cheap look at a value's shape, to choose a source when none was named. */
  claims(value: unknown): boolean;
  /** Never throws. */
  admit(value: unknown): Admission;
  /** Facts of an admitted record. Never throws. */
  describe(record: SourceRecord): EventFacts;
}

/** Where a record came from, for complaints and for the checkpoint. */
export interface Origin {
  readonly file: string;
  /** 0-based place of the record in its file. */
  readonly index: number;
}

/** What reading yields: records, and what could not be one (kept in full). */
export type Reading =
  | {
      readonly type: 'record';
      readonly source: Source;
      readonly record: SourceRecord;
      readonly id: string;
      readonly timeMs: number;
      readonly origin: Origin;
    }
  | { readonly type: 'malformed'; readonly reason: string; readonly raw: string; readonly origin: Origin };
