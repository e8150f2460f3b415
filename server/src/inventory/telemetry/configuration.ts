/** `telemetry` in the configuration: for how long it is kept, and who else gets it. */
import { type Static, Type } from 'typebox';
import type { ConfigProblem } from '../../ground/config.ts';
import { parseDurationMs } from '../../ground/duration.ts';
import { SecretReference } from '../../ground/secret.ts';
import type { Labels } from './export/series.ts';
import { DEFAULT_KEPT, type KeptDays } from './tables.ts';

const strict = { additionalProperties: false } as const;
const Text = Type.String({ minLength: 1, maxLength: 500 });
const Duration = Type.Optional(Text);

const ReceiverSection = Type.Object(
  {
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 100, pattern: '^[\\w.-]+$' })),
    url: Text,
    bearer_token: Type.Optional(SecretReference),
    basic: Type.Optional(Type.Object({ user: Text, password: SecretReference }, strict)),
    /** Added to every series. */
    labels: Type.Optional(Type.Record(Text, Type.String({ maxLength: 200 }))),
  },
  strict,
);

export const TelemetrySection = Type.Object(
  {
    keep: Type.Optional(Type.Object({ samples: Duration, minutes: Duration, hours: Duration }, strict)),
    remote_write: Type.Optional(Type.Array(ReceiverSection, { maxItems: 10 })),
  },
  strict,
);
export type TelemetrySection = Static<typeof TelemetrySection>;

export interface Receiver {
  readonly name: string;
  readonly url: string;
  /** Secrets are still references. */
  readonly credentials:
    | { readonly type: 'none' }
    | { readonly type: 'bearer'; readonly token: SecretReference }
    | { readonly type: 'basic'; readonly user: string; readonly password: SecretReference };
  readonly labels: Labels;
}

export interface TelemetryConfiguration {
  readonly kept: KeptDays;
  readonly receivers: readonly Receiver[];
}

const DAY_MS = 86_400_000;
const MOST_DAYS = 20_000;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** What we say ourselves. */
const OUR_LABELS: ReadonlySet<string> = new Set(['application', 'host', 'kind', 'part']);
const MOST_LABELS = 20;

export function buildTelemetry(section: TelemetrySection = {}): {
  readonly telemetry: TelemetryConfiguration;
  readonly problems: readonly ConfigProblem[];
} {
  const problems: ConfigProblem[] = [];
  const complain = (path: readonly (string | number)[], message: string, hint: string) =>
    problems.push({ severity: 'error', path: ['telemetry', ...path], message, hint });
  const receivers = (section.remote_write ?? []).map((receiver, index): Receiver => {
    checkReceiver(receiver, (path, message, hint) => complain(['remote_write', index, ...path], message, hint));
    const { name = `receiver-${index + 1}`, url, bearer_token: token, basic, labels = {} } = receiver;
    const credentials =
      token !== undefined
        ? ({ type: 'bearer', token } as const)
        : basic !== undefined
          ? ({ type: 'basic', ...basic } as const)
          : ({ type: 'none' } as const);
    return { name, url, credentials, labels: Object.entries(labels) };
  });
  receivers.forEach(({ name }, index) => {
    if (receivers.findIndex((other) => other.name === name) !== index)
      complain(['remote_write', index, 'name'], `the name '${name}' is used twice`, 'give each receiver its own');
  });
  return { telemetry: { kept: keptOf(section.keep ?? {}, complain), receivers }, problems };
}

type Complain = (path: readonly (string | number)[], message: string, hint: string) => void;

function checkReceiver(
  { url, bearer_token: token, basic, labels = {} }: Static<typeof ReceiverSection>,
  complain: Complain,
) {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    complain(
      ['url'],
      'this is no http or https address',
      'write it whole, such as https://prometheus.example.com/api/v1/write',
    );
  else {
    const { protocol, hostname, username, password } = new URL(url);
    const isLoopback = ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
    if (username !== '' || password !== '')
      complain(['url'], 'the address holds a secret', 'use basic or bearer_token, which name where it is');
    if (protocol === 'http:' && !isLoopback && (token !== undefined || basic !== undefined))
      complain(['url'], 'a secret would go over the network in the clear', 'use https, or leave the secret out');
  }
  if (token !== undefined && basic !== undefined)
    complain(['basic'], 'basic and bearer_token exclude each other', 'keep the one that the receiver asks for');
  if (Object.keys(labels).length > MOST_LABELS)
    complain(['labels'], `more than ${MOST_LABELS} labels`, 'keep those that tell servers apart');
  for (const [label, value] of Object.entries(labels)) {
    if (!LABEL.test(label) || label.startsWith('__'))
      complain(
        ['labels', label],
        `'${label}' is no name of a label`,
        'letters, digits and _, not beginning with a digit or __',
      );
    else if (OUR_LABELS.has(label)) complain(['labels', label], `'${label}' is a label of ours`, 'choose another name');
    else if (value === '')
      complain(['labels', label], 'a label without a value is none', 'give it one, or leave it out');
  }
}

function keptOf(keep: NonNullable<TelemetrySection['keep']>, complain: Complain): KeptDays {
  const daysOf = (name: keyof KeptDays): number => {
    const text = keep[name];
    if (text === undefined) return DEFAULT_KEPT[name];
    const days = (parseDurationMs(text) ?? 0) / DAY_MS;
    if (Number.isInteger(days) && days >= 1 && days <= MOST_DAYS) return days;
    complain(['keep', name], `'${text}' is not so many whole days`, `write it like '${DEFAULT_KEPT[name]}d'`);
    return DEFAULT_KEPT[name];
  };
  const kept = { samples: daysOf('samples'), minutes: daysOf('minutes'), hours: daysOf('hours') };
  if (kept.samples > kept.minutes || kept.minutes > kept.hours)
    complain(['keep'], 'what is finer would be kept for longer than what is coarser', 'samples ≤ minutes ≤ hours');
  return kept;
}
