/**
 * What an agent sends: one batch of everything that its host told since the last. Versioned; members that a server does not know are refused,
 * so that nothing is lost in silence when an agent is newer than its server.
 *
 * The surprise: a batch does not say which host it is from. That stands with the agent's token, and no host can speak for another.
 */
import { isIP } from 'node:net';
import { type Static, Type } from 'typebox';
import { WireActivity } from '../activity/wire.ts';
import { WireSample } from '../inventory/telemetry/sample.ts';
import { ToldLife } from '../inventory/hosts/told-life.ts';
import { RECORDING_ID } from '../sources/sensor/recording/recording-file.ts';

export const BATCH_VERSION = 1;
/** As it travels, compressed, and as it is read. */
export const LARGEST_BATCH_BYTES = 8 * 1024 * 1024;
export const LARGEST_BATCH_READ_BYTES = 64 * 1024 * 1024;
const MOST_ROWS = 50_000;
const MOST_FINDINGS = 1_000;
const MOST_GAPS = 1_000;
const MOST_CAPTURES = 100;

const strict = { additionalProperties: false } as const;
const Name = Type.String({ maxLength: 600 });
// Rows of many agents are stored together: what the store would refuse must stop here, or it would stop all of them.
const Ip = Type.Refine(Type.String({ maxLength: 45 }), (text) => isIP(text) !== 0 && !text.includes('%'));
const Count = Type.Integer({ minimum: 0, maximum: 0xffff_ffff });
const Amount = Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Ms = Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 });

export const WireLine = Type.Object(
  {
    windowMs: Ms,
    scope: Name,
    application: Name,
    container: Name,
    process: Name,
    exe: Name,
    protocol: Type.Union([Type.Literal('tcp'), Type.Literal('udp'), Type.Literal('unix')]),
    direction: Type.Union([Type.Literal('out'), Type.Literal('in'), Type.Literal('unknown')]),
    localIp: Ip,
    remoteIp: Ip,
    port: Type.Integer({ minimum: 0, maximum: 65_535 }),
    remoteName: Name,
    opened: Count,
    failed: Count,
    live: Count,
    sentBytes: Amount,
    receivedBytes: Amount,
    retransmits: Count,
    firstMs: Ms,
    lastMs: Ms,
  },
  strict,
);
export type WireLine = Static<typeof WireLine>;

/** A match of a rule on the host, as the inbox takes it. */
const WireFinding = Type.Object(
  { id: Type.String({ maxLength: 300 }), timeMs: Ms, json: Type.String({ maxLength: 1_000_000 }) },
  strict,
);

const WireGap = Type.Object({ class: Name, lost: Amount, fromMs: Ms, toMs: Ms }, strict);

/** A capture on the agent's disk, as it begins, ends or is removed there. */
const WireCapture = Type.Object(
  {
    id: Type.String({ pattern: RECORDING_ID }),
    rule: Name,
    fromMs: Ms,
    toMs: Ms,
    state: Type.Union([Type.Literal('recording'), Type.Literal('kept'), Type.Literal('cut'), Type.Literal('removed')]),
    sizeBytes: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    sha256: Type.String({ pattern: '^([0-9a-f]{64})?$' }),
  },
  strict,
);

export const AgentBatch = Type.Object(
  {
    version: Type.Literal(BATCH_VERSION),
    /** Findings and gaps (`must`) overtake the rest (`may`); in its lane each batch comes in the order of its number. */
    lane: Type.Union([Type.Literal('must'), Type.Literal('may')]),
    /** Grows with every batch of an agent; the same number is the same batch. */
    sequence: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    sentAtMs: Ms,
    lines: Type.Array(WireLine, { maxItems: MOST_ROWS }),
    activity: Type.Array(WireActivity, { maxItems: MOST_ROWS }),
    lives: Type.Optional(Type.Array(ToldLife, { maxItems: MOST_ROWS })),
    findings: Type.Array(WireFinding, { maxItems: MOST_FINDINGS }),
    gaps: Type.Array(WireGap, { maxItems: MOST_GAPS }),
    captures: Type.Optional(Type.Array(WireCapture, { maxItems: MOST_CAPTURES })),
    samples: Type.Optional(Type.Array(WireSample, { maxItems: MOST_ROWS })),
    /** Batches that the agent's own spool had to drop since it began. */
    dropped: Count,
  },
  strict,
);
export type AgentBatch = Static<typeof AgentBatch>;
