/** What one thing used in one window of ten seconds: the row that is sent, stored, exported and asked about. */
import { type Static, Type } from 'typebox';

/**
 * `container`, `unit` (of systemd) and `program` (what runs in neither, by its application) share out everything that runs: their sum is the
 * host without the kernel. `process` shows who inside of them uses most, and counts again what they counted.
 */
export const SAMPLE_KINDS = ['host', 'container', 'unit', 'program', 'process'] as const;
export type SampleKind = (typeof SAMPLE_KINDS)[number];

export const SAMPLE_WINDOW_MS = 10_000;

const strict = { additionalProperties: false } as const;
const Name = Type.String({ maxLength: 600 });
const Count = Type.Integer({ minimum: 0, maximum: 0xffff_ffff });
const Bytes = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const KnownBytes = Type.Union([Bytes, Type.Null()]);
/** Milliseconds of a processor, processors, operations: whatever is divided afterwards. */
const Amount = Type.Number({ minimum: 0, maximum: 1e15 });
const Known = Type.Union([Amount, Type.Null()]);

export const WireSample = Type.Object(
  {
    windowMs: Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 }),
    kind: Type.Enum([...SAMPLE_KINDS]),
    /** Of a container its id, of a unit or program its name, of a process pid and start; empty for the host. */
    id: Name,
    name: Name,
    application: Name,
    /** Which of the containers of a pod, where an application has several; else empty. */
    part: Name,
    /** The container that a process is in. */
    container: Name,
    /** The uid of the pod in Kubernetes. */
    pod: Name,
    coveredMs: Count,
    /** Milliseconds of one processor. */
    cpuMs: Amount,
    /** In processors, of the seconds of the window. */
    cpuMin: Amount,
    cpuMax: Amount,
    memoryBytes: KnownBytes,
    memoryMaxBytes: KnownBytes,
    memoryLastBytes: KnownBytes,
    rssBytes: KnownBytes,
    readBytes: Known,
    writtenBytes: Known,
    readOps: Known,
    writeOps: Known,
    receivedBytes: Known,
    sentBytes: Known,
    periods: Known,
    throttled: Known,
    throttledMs: Known,
    oomKills: Count,
    restarts: Count,
    processes: Count,
    /** In processors and bytes; null: nothing was said. */
    cpuLimit: Known,
    cpuRequest: Known,
    memoryLimit: KnownBytes,
    memoryRequest: KnownBytes,
  },
  strict,
);
export type WireSample = Static<typeof WireSample>;

export interface Sample extends WireSample {
  readonly host: string;
}

const OLDEST_MS = 8 * 86_400_000;
const NEWEST_MS = 3_600_000;

/** Samples are of the last days, as long as an agent keeps them for a server that is away. */
export function isOfNow({ windowMs }: WireSample, nowMs: number): boolean {
  return windowMs > nowMs - OLDEST_MS && windowMs < nowMs + NEWEST_MS;
}
