/** One end of a line over a range of time, as one host saw it: lines added up. */
import type { Direction, Protocol } from './live-table.ts';

export interface LineEnd {
  readonly host: string;
  readonly scope: string;
  readonly application: string;
  readonly container: string;
  readonly process: string;
  readonly direction: Direction;
  readonly protocol: Protocol;
  readonly localIp: string;
  readonly remoteIp: string;
  readonly remoteName: string;
  readonly port: number;
  readonly opened: number;
  readonly failed: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly retransmits: number;
  readonly firstMs: number;
  readonly lastMs: number;
}
