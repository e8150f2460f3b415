/**
 * The calls of Slack's Web API that we make, with every way they can end as a value.
 *
 * The surprise: each message carries a key in its metadata. A call whose answer was lost may have posted; `find` looks for the key
 * before anything is posted again.
 */
import { ErrorCode, type KnownBlock, LogLevel, type ModalView, WebClient } from '@slack/web-api';

export type SlackResult<T> =
  | { readonly type: 'ok'; readonly value: T }
  /** Will not change by itself: `channel_not_found`, `invalid_auth` … */
  | { readonly type: 'refused'; readonly error: string }
  | { readonly type: 'failed'; readonly reason: string; readonly afterMs: number | null };

export interface SlackPlace {
  readonly channel: string;
  readonly ts: string;
}

export interface SlackMessage {
  readonly channel: string;
  /** For notifications and screen readers. */
  readonly text: string;
  readonly blocks: readonly KnownBlock[];
  readonly threadTs?: string;
  /** Names this very message, for `find`. */
  readonly key: string;
}

export interface SlackClient {
  /** Null when nobody has this address. */
  lookUpByEmail(email: string): Promise<SlackResult<string | null>>;
  /** Null when Slack does not tell, and for whoever is no member of our own workspace or organisation: theirs may call them anything. */
  emailOf(userId: string): Promise<SlackResult<string | null>>;
  openDirect(userId: string): Promise<SlackResult<string>>;
  post(message: SlackMessage): Promise<SlackResult<SlackPlace>>;
  /** A message of ours with this key, among the newest hundred of the channel or thread. */
  find(channel: string, key: string, threadTs?: string): Promise<SlackResult<SlackPlace | null>>;
  update(place: SlackPlace, message: Pick<SlackMessage, 'text' | 'blocks'>): Promise<SlackResult<null>>;
  openView(triggerId: string, view: ModalView): Promise<SlackResult<null>>;
  /** Shown to one person: in the channel where they are, else directly. */
  tell(
    channel: string | null,
    userId: string,
    message: { readonly text: string; readonly blocks?: readonly KnownBlock[] },
  ): Promise<SlackResult<null>>;
  check(): Promise<SlackResult<{ readonly team: string }>>;
}

const TIMEOUT_MS = 8_000;
const LOOK_BACK = 100;
const EVENT = 'countersign';
/** Slack's own troubles, and not answers about what we asked for. */
const PASSING: readonly string[] = [
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
  'team_added_to_org',
];

export function createSlackClient(options: {
  readonly botToken: string;
  readonly apiUrl?: string;
  readonly onError: (error: unknown) => void;
}): SlackClient {
  const web = new WebClient(options.botToken, {
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: TIMEOUT_MS,
    logger: quietLogger(options.onError),
    logLevel: LogLevel.ERROR,
    ...(options.apiUrl === undefined ? {} : { slackApiUrl: options.apiUrl }),
  });
  const ourTeam = askOnce(web);
  return {
    lookUpByEmail: async (email) => {
      const result = await attempt(() => web.users.lookupByEmail({ email }));
      if (result.type === 'refused' && result.error === 'users_not_found') return { type: 'ok', value: null };
      return mapped(result, ({ user }) => user?.id ?? null);
    },
    emailOf: async (user) => {
      const [own, result] = [await ourTeam(), await attempt(() => web.users.info({ user }))];
      if (own.type !== 'ok') return own;
      if (result.type === 'refused' && result.error === 'user_not_found') return { type: 'ok', value: null };
      return mapped(result, ({ user: found }) =>
        found !== undefined && isOurs(found, own.value) ? (found.profile?.email ?? null) : null,
      );
    },
    openDirect: async (users) =>
      mapped(await attempt(() => web.conversations.open({ users })), ({ channel }) => channel?.id ?? ''),
    post: async ({ channel, text, blocks, threadTs, key }) => {
      const sent = await attempt(() =>
        web.chat.postMessage({
          channel,
          text,
          blocks: [...blocks],
          metadata: { event_type: EVENT, event_payload: { key } },
          unfurl_links: false,
          ...(threadTs === undefined ? {} : { thread_ts: threadTs }),
        }),
      );
      return mapped(sent, (answer) => ({ channel: answer.channel ?? channel, ts: answer.ts ?? '' }));
    },
    find: async (channel, key, threadTs) => {
      const common = { channel, limit: LOOK_BACK, include_all_metadata: true };
      const found = await attempt(() =>
        threadTs === undefined
          ? web.conversations.history(common)
          : web.conversations.replies({ ...common, ts: threadTs }),
      );
      return mapped(found, ({ messages }) => {
        const ours = (messages ?? []).find((message) => keyOf(message) === key);
        return ours?.ts === undefined ? null : { channel, ts: ours.ts };
      });
    },
    update: async ({ channel, ts }, { text, blocks }) =>
      mapped(await attempt(() => web.chat.update({ channel, ts, text, blocks: [...blocks] })), () => null),
    openView: async (triggerId, view) =>
      mapped(await attempt(() => web.views.open({ trigger_id: triggerId, view })), () => null),
    tell: async (channel, user, { text, blocks }) => {
      const shown = blocks === undefined ? {} : { blocks: [...blocks] };
      if (channel !== null) {
        const sent = await attempt(() => web.chat.postEphemeral({ channel, user, text, ...shown }));
        if (sent.type === 'ok') return { type: 'ok', value: null };
      }
      return mapped(await attempt(() => web.chat.postMessage({ channel: user, text, ...shown })), () => null);
    },
    check: async () => mapped(await attempt(() => web.auth.test()), ({ team }) => ({ team: team ?? '' })),
  };
}

interface OurTeam {
  readonly teamId: string;
  /** Several workspaces of one organisation. */
  readonly enterpriseId: string | null;
}

interface SlackMember {
  readonly team_id?: string;
  readonly deleted?: boolean;
  readonly is_bot?: boolean;
  readonly enterprise_user?: { readonly enterprise_id?: string };
}

/** Who we are does not change while a token holds. */
function askOnce(web: WebClient): () => Promise<SlackResult<OurTeam>> {
  let known: OurTeam | null = null;
  return async () => {
    if (known !== null) return { type: 'ok', value: known };
    const told = mapped(await attempt(() => web.auth.test()), ({ team_id: teamId, enterprise_id: enterpriseId }) => {
      return { teamId: teamId ?? '', enterpriseId: enterpriseId ?? null };
    });
    if (told.type === 'ok') known = told.value;
    return told;
  };
}

/** Channels may be shared with other companies, whose administrators choose what addresses their people have. */
function isOurs(member: SlackMember, { teamId, enterpriseId }: OurTeam): boolean {
  if (member.deleted === true || member.is_bot === true) return false;
  const sameOrganisation = enterpriseId !== null && member.enterprise_user?.enterprise_id === enterpriseId;
  return sameOrganisation || member.team_id === teamId;
}

function keyOf(message: object): unknown {
  const { metadata } = message as { readonly metadata?: { readonly event_payload?: { readonly key?: unknown } } };
  return metadata?.event_payload?.key;
}

function mapped<A, B>(result: SlackResult<A>, read: (value: A) => B): SlackResult<B> {
  return result.type === 'ok' ? { type: 'ok', value: read(result.value) } : result;
}

async function attempt<T>(call: () => Promise<T>): Promise<SlackResult<T>> {
  try {
    return { type: 'ok', value: await call() };
  } catch (error) {
    return failureOf(error);
  }
}

function failureOf(error: unknown): SlackResult<never> {
  const { code, retryAfter, data } = error as {
    readonly code?: string;
    readonly retryAfter?: number;
    readonly data?: { readonly error?: string };
  };
  if (code === ErrorCode.RateLimitedError) {
    return { type: 'failed', reason: 'Slack asks us to wait', afterMs: (retryAfter ?? 1) * 1_000 };
  }
  const told = data?.error;
  if (code === ErrorCode.PlatformError && told !== undefined && !PASSING.includes(told)) {
    return { type: 'refused', error: told };
  }
  return { type: 'failed', reason: `Slack cannot be used (${told ?? code ?? 'no answer'})`, afterMs: null };
}

/** The library's own words may hold tokens: only that something went wrong is passed on. */
export function quietLogger(onError: (error: unknown) => void) {
  return {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (...words: unknown[]) =>
      onError(words.find((word) => word instanceof Error) ?? new Error('Slack: see its status')),
    setLevel: () => undefined,
    getLevel: () => LogLevel.ERROR,
    setName: () => undefined,
  };
}
