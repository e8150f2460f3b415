/** What the process that watches a host says to the server, and what it is told: one line of JSON each. */
import type { SyscallRecord } from '../syscall/record.ts';
import type { Recording, RecordingLimits } from './recording/recordings.ts';
import type { LookBackLimits } from './recording/lookback.ts';
import type { Gap } from './stream.ts';

/** The first line that the process reads. */
export interface WatchOrder {
  readonly host: string;
  readonly loginDomain: string | null;
  /** `socket`: where one that somebody else starts can connect when this user may not start the program. */
  readonly sensor:
    | { readonly type: 'program'; readonly program: string; readonly socket: string | null }
    | { readonly type: 'socket'; readonly path: string };
  /** Rule files, in load order. */
  readonly rules: readonly string[];
  /** Of files that are only read, all are told and not only those where secrets lie. */
  readonly allReads: boolean;
  /** When the life before this one last heard the host: a gap tells the time to the first stream of this one. Null: never heard before. */
  readonly lastHeardMs: number | null;
  /** Where captures are kept. */
  readonly captures: string;
  readonly recording: RecordingLimits;
  readonly lookBack: LookBackLimits;
  /** A capture is kept when a rule adds at least this. */
  readonly recordFromRisk: number;
  /** Applications by names of one's own. */
  readonly groups: readonly { readonly name: string; readonly globs: readonly string[] }[];
  /** Sockets of container runtimes; those that do not exist are passed over. */
  readonly runtimes: readonly string[];
}

export type WatchState = 'starting' | 'watching' | 'waiting' | 'not-allowed' | 'absent' | 'failed' | 'stopped';

export interface WatchHealth {
  readonly events: number;
  readonly eventsPerSecond: number;
  /** Told by the sensor as lost. */
  readonly lost: number;
  /** Matches that were counted and not told. */
  readonly repeats: number;
  readonly lastEventMs: number | null;
  /** How far the look back reaches. */
  readonly lookBackMs: number;
  readonly lookBackBytes: number;
  readonly threads: number;
  readonly containers: number;
}

export type WatchReport =
  | { readonly type: 'state'; readonly state: WatchState; readonly problem: string | null }
  /** Answered with `taken` once they are in the inbox; not many are sent without. */
  | { readonly type: 'records'; readonly sequence: number; readonly records: readonly SyscallRecord[] }
  | { readonly type: 'gap'; readonly gap: Gap }
  | { readonly type: 'health'; readonly health: WatchHealth }
  | { readonly type: 'recording'; readonly recording: Recording }
  /** Of whoever else follows the stream; they know what it is. Sent until it is stored. */
  | { readonly type: 'roll-up'; readonly rollUp: unknown }
  | { readonly type: 'failure'; readonly what: string; readonly problem: string };

export type WatchAnswer = { readonly type: 'taken'; readonly sequence: number };
