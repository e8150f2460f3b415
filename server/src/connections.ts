/**
 * What we connect to: chat, second factors, mail, phones, PagerDuty's webhooks, our own outgoing ones. Each section of the
 * configuration is one connection; leaving it out leaves it off.
 *
 * The surprise: `url` exists for each of them. It is for relays and for trying things out on loopback, and it must be https
 * anywhere else.
 */
import type { PersonalChannel } from '@countersign/contract';
import { type Static, type TProperties, Type } from 'typebox';
import type { ConfigProblem } from './ground/config.ts';
import { parseDurationMs } from './ground/duration.ts';
import { SecretReference } from './ground/secret.ts';

const strict = { additionalProperties: false } as const;
const Text = Type.String({ minLength: 1, maxLength: 500 });
const Url = Type.Optional(Text);

export const PERSONAL_CHANNELS: readonly PersonalChannel[] = ['slack', 'email', 'sms', 'voice', 'push', 'webhook'];

const SlackSection = Type.Object(
  {
    bot_token: SecretReference,
    /** HTTP mode: Slack sends to `/api/slack`. */
    signing_secret: Type.Optional(SecretReference),
    /** Socket Mode: we call Slack, nothing needs to reach us. */
    app_token: Type.Optional(SecretReference),
    /** The id of the channel that gets a thread per case. */
    security_channel: Type.Optional(Text),
    url: Url,
  },
  strict,
);

const DuoSection = Type.Object(
  {
    host: Text,
    integration_key: Text,
    secret_key: SecretReference,
    /** A Web SDK application, for the Universal Prompt. */
    client_id: Type.Optional(Text),
    client_secret: Type.Optional(SecretReference),
    url: Url,
  },
  strict,
);

const EmailSection = Type.Object(
  {
    host: Text,
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
    /** TLS from the first byte; left out: STARTTLS, which is then demanded. */
    secure: Type.Optional(Type.Boolean()),
    user: Type.Optional(Text),
    password: Type.Optional(SecretReference),
    from: Text,
  },
  strict,
);

const TwilioSection = Type.Object(
  { account_sid: Text, auth_token: SecretReference, from: Text, voice: Type.Optional(Type.Boolean()), url: Url },
  strict,
);

const PushSection = Type.Object({ subject: Text, url: Url }, strict);
const PagerDutySection = Type.Object(
  { webhook_secrets: Type.Array(SecretReference, { minItems: 1, maxItems: 5 }) },
  strict,
);
const WebhooksSection = Type.Array(
  Type.Object(
    {
      name: Type.String({ minLength: 1, maxLength: 100, pattern: '^[\\w.-]+$' }),
      url: Text,
      secret: SecretReference,
      /** Kinds of journal entries; left out: all. */
      kinds: Type.Optional(Type.Array(Text, { minItems: 1, maxItems: 100 })),
    },
    strict,
  ),
  { maxItems: 50 },
);
const DeadManSection = Type.Object({ url: SecretReference, every: Type.Optional(Text) }, strict);

/** The sections, to be spread into the schema of the file. */
export const ConnectionSections = {
  slack: Type.Optional(SlackSection),
  duo: Type.Optional(DuoSection),
  email: Type.Optional(EmailSection),
  twilio: Type.Optional(TwilioSection),
  push: Type.Optional(PushSection),
  pagerduty: Type.Optional(PagerDutySection),
  webhooks: Type.Optional(WebhooksSection),
  dead_man: Type.Optional(DeadManSection),
} satisfies TProperties;

export interface ConnectionFile {
  readonly slack?: Static<typeof SlackSection>;
  readonly duo?: Static<typeof DuoSection>;
  readonly email?: Static<typeof EmailSection>;
  readonly twilio?: Static<typeof TwilioSection>;
  readonly push?: Static<typeof PushSection>;
  readonly pagerduty?: Static<typeof PagerDutySection>;
  readonly webhooks?: Static<typeof WebhooksSection>;
  readonly dead_man?: Static<typeof DeadManSection>;
}

/** What is configured; secrets are still references. */
export interface Connections {
  readonly slack: Static<typeof SlackSection> | null;
  readonly duo: Static<typeof DuoSection> | null;
  readonly email: Static<typeof EmailSection> | null;
  readonly twilio: Static<typeof TwilioSection> | null;
  readonly push: Static<typeof PushSection> | null;
  readonly pagerduty: Static<typeof PagerDutySection> | null;
  readonly webhooks: Static<typeof WebhooksSection>;
  readonly deadMan: { readonly url: SecretReference; readonly everyMs: number } | null;
}

const DEFAULT_DEAD_MAN_MS = 60_000;
const SHORTEST_DEAD_MAN_MS = 1_000;

export function buildConnections(file: ConnectionFile): {
  readonly connections: Connections;
  readonly problems: readonly ConfigProblem[];
} {
  const problems: ConfigProblem[] = [];
  const complain = (path: readonly (string | number)[], message: string, hint: string) =>
    problems.push({ severity: 'error', path, message, hint });
  const { slack, duo, email, twilio, push, pagerduty, webhooks, dead_man: deadMan } = file;
  if (slack !== undefined && (slack.signing_secret === undefined) === (slack.app_token === undefined)) {
    complain(
      ['slack'],
      'exactly one of signing_secret and app_token is needed',
      'signing_secret for HTTP, app_token for Socket Mode',
    );
  }
  if (duo !== undefined && (duo.client_id === undefined) !== (duo.client_secret === undefined)) {
    complain(['duo'], 'client_id and client_secret belong together', 'give both for the Universal Prompt, or neither');
  }
  if (twilio !== undefined && !/^\+[1-9]\d{6,14}$/.test(twilio.from)) {
    complain(['twilio', 'from'], 'this is no phone number', "write it with its country: '+4915112345678'");
  }
  if (push !== undefined && !/^(?:mailto:|https:)/.test(push.subject)) {
    complain(['push', 'subject'], 'push services want to know whom to ask', "write 'mailto:security@example.com'");
  }
  for (const [section, url] of [
    ['slack', slack?.url],
    ['duo', duo?.url],
    ['twilio', twilio?.url],
    ['push', push?.url],
  ] as const) {
    if (url !== undefined && !isSafeUrl(url))
      complain([section, 'url'], 'this is no https address', 'http is taken on loopback alone');
  }
  (webhooks ?? []).forEach(({ name, url }, index) => {
    if (!/^https?:\/\//.test(url) || !URL.canParse(url))
      complain(['webhooks', index, 'url'], 'this is no http or https address', 'write it whole');
    if ((webhooks ?? []).findIndex((other) => other.name === name) !== index) {
      complain(['webhooks', index, 'name'], `the name '${name}' is used twice`, 'give each webhook a name of its own');
    }
  });
  const everyMs = deadMan?.every === undefined ? DEFAULT_DEAD_MAN_MS : parseDurationMs(deadMan.every);
  if (everyMs === null || everyMs < SHORTEST_DEAD_MAN_MS)
    complain(['dead_man', 'every'], 'this is no time', "write it like '1m'");
  return {
    connections: {
      slack: slack ?? null,
      duo: duo ?? null,
      email: email ?? null,
      twilio: twilio ?? null,
      push: push ?? null,
      pagerduty: pagerduty ?? null,
      webhooks: webhooks ?? [],
      deadMan: deadMan === undefined ? null : { url: deadMan.url, everyMs: everyMs ?? DEFAULT_DEAD_MAN_MS },
    },
    problems,
  };
}

function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname));
}
