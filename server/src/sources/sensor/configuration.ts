/** `sources: - sensor:`: which hosts are watched, and how much of them is kept. */
import { type Static, Type } from 'typebox';
import type { ConfigProblem } from '../../ground/config.ts';
import { parseDurationMs } from '../../ground/duration.ts';
import type { LookBackLimits } from './recording/lookback.ts';
import type { RecordingLimits } from './recording/recordings.ts';

const strict = { additionalProperties: false } as const;
const Name = Type.String({ minLength: 1, maxLength: 200 });
const Path = Type.String({ minLength: 1, maxLength: 1_000 });
const Megabytes = Type.Integer({ minimum: 1, maximum: 1_000_000 });

export const SensorSource = Type.Object(
  {
    sensor: Type.Object(
      {
        host: Type.Optional(Name),
        /** The sensor's program, or the socket at which one that runs by itself connects. */
        program: Type.Optional(Path),
        socket: Type.Optional(Path),
        /** `alice` who logged in is `alice@` this. */
        login_domain: Type.Optional(Name),
        reads: Type.Optional(Type.Union([Type.Literal('guarded'), Type.Literal('all')])),
        runtimes: Type.Optional(Type.Array(Path, { maxItems: 20 })),
        captures: Type.Optional(
          Type.Object(
            {
              from_risk: Type.Optional(Type.Integer({ minimum: 0, maximum: 101 })),
              before: Type.Optional(Name),
              after: Type.Optional(Name),
              keep: Type.Optional(Name),
              total_mb: Type.Optional(Megabytes),
              look_back_mb: Type.Optional(Megabytes),
            },
            strict,
          ),
        ),
      },
      strict,
    ),
  },
  strict,
);
export type SensorSource = Static<typeof SensorSource>;

/** Where runtimes listen, on most machines. */
export const USUAL_RUNTIMES = [
  '/run/docker.sock',
  '/var/run/docker.sock',
  '/run/podman/podman.sock',
  '/run/containerd/containerd.sock',
  '/run/k3s/containerd/containerd.sock',
  '/run/crio/crio.sock',
] as const;

export interface ConfiguredSensor {
  /** Null: this machine's own name. */
  readonly host: string | null;
  /** Null: the one that was built here. */
  readonly program: string | null;
  readonly socket: string | null;
  readonly loginDomain: string | null;
  readonly allReads: boolean;
  /** Null: where runtimes usually listen. */
  readonly runtimes: readonly string[] | null;
  readonly recordFromRisk: number;
  readonly recording: RecordingLimits;
  readonly lookBack: LookBackLimits;
}

const DEFAULT_FROM_RISK = 40;
const DEFAULT_BEFORE = '30s';
const DEFAULT_AFTER = '60s';
const DEFAULT_KEEP = '90d';
const DEFAULT_TOTAL_MB = 2_000;
const DEFAULT_LOOK_BACK_MB = 64;
const BYTES_A_MB = 1_000_000;
const LONGEST_MS = 10 * 60_000;
const LARGEST_BYTES = 500 * BYTES_A_MB;
/** Beyond `before`, so that a match that is found late still has it. */
const SPARE_MS = 30_000;
const MOST_AROUND_MS = 10 * 60_000;

/** Of all sources those that are sensors, in their order. */
export function buildSensors(sources: readonly unknown[]): {
  readonly sensors: readonly ConfiguredSensor[];
  readonly problems: readonly ConfigProblem[];
} {
  const built = sources.flatMap((one, index) =>
    isSensor(one) ? [{ ...buildSensor(one, ['sources', index]), index }] : [],
  );
  return {
    sensors: built.map(({ sensor }) => sensor),
    problems: [...built.flatMap(({ problems }) => problems), ...checkNames(built)],
  };
}

/** Checked against the whole section before. */
function isSensor(source: unknown): source is SensorSource {
  return typeof source === 'object' && source !== null && 'sensor' in source;
}

export function buildSensor(
  { sensor }: SensorSource,
  path: readonly (string | number)[],
): { readonly sensor: ConfiguredSensor; readonly problems: readonly ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const { captures = {} } = sensor;
  const complain = (part: string, message: string, hint: string) =>
    problems.push({ severity: 'error', path: [...path, 'sensor', ...part.split('.')], message, hint });
  const duration = (part: 'before' | 'after' | 'keep', otherwise: string, most: number): number => {
    const given = captures[part] ?? otherwise;
    const ms = parseDurationMs(given);
    if (ms === null || ms > most)
      complain(`captures.${part}`, `'${given}' is no time that fits`, "write it like '30s'");
    return ms ?? 0;
  };
  if (sensor.program !== undefined && sensor.socket !== undefined) {
    complain('socket', 'a sensor is started or waited for, not both', 'leave program or socket out');
  }
  const beforeMs = duration('before', DEFAULT_BEFORE, MOST_AROUND_MS);
  const afterMs = duration('after', DEFAULT_AFTER, MOST_AROUND_MS);
  return {
    problems,
    sensor: {
      host: sensor.host ?? null,
      program: sensor.program ?? null,
      socket: sensor.socket ?? null,
      loginDomain: sensor.login_domain?.toLowerCase() ?? null,
      allReads: sensor.reads === 'all',
      runtimes: sensor.runtimes ?? null,
      recordFromRisk: captures.from_risk ?? DEFAULT_FROM_RISK,
      recording: {
        beforeMs,
        afterMs,
        longestMs: LONGEST_MS,
        largestBytes: LARGEST_BYTES,
        totalBytes: (captures.total_mb ?? DEFAULT_TOTAL_MB) * BYTES_A_MB,
        keepMs: duration('keep', DEFAULT_KEEP, Number.MAX_SAFE_INTEGER),
      },
      lookBack: {
        keepMs: beforeMs + SPARE_MS,
        budgetBytes: (captures.look_back_mb ?? DEFAULT_LOOK_BACK_MB) * BYTES_A_MB,
      },
    },
  };
}

/** Two sensors of one name would be one host. */
function checkNames(
  built: readonly { readonly sensor: ConfiguredSensor; readonly index: number }[],
): readonly ConfigProblem[] {
  return built.flatMap(({ sensor: { host }, index }, place): ConfigProblem[] => {
    if (built.findIndex(({ sensor }) => sensor.host === host) === place) return [];
    const message = `the host '${host ?? 'of this machine'}' is watched twice`;
    return [
      { severity: 'error', path: ['sources', index, 'sensor'], message, hint: 'give each sensor a host of its own' },
    ];
  });
}
