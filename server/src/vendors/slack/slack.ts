/**
 * Slack through Bolt: what people click, type and submit, by HTTP or by Socket Mode, as plain values; and the few calls we make.
 * It knows no room.
 *
 * The surprise: Bolt never listens by itself. In HTTP mode our own server hands requests to `receive`, where signature and age
 * are checked before Bolt sees them; in Socket Mode the same events come over a socket that we opened.
 */
import {
  App,
  type AckFn,
  type Receiver,
  type ReceiverEvent,
  isValidSlackRequest,
  LogLevel,
  type types,
} from '@slack/bolt';
import { SocketModeClient } from '@slack/socket-mode';
import { createSlackClient, quietLogger, type SlackClient } from './client.ts';

export type SlackBlock = types.KnownBlock;
export type SlackView = types.ModalView;

export interface SlackUser {
  readonly id: string;
  readonly teamId: string | null;
}

export interface SlackAction {
  readonly user: SlackUser;
  readonly actionId: string;
  readonly value: string;
  /** Opens a modal within three seconds, once. */
  readonly triggerId: string;
  readonly channel: string | null;
  readonly ts: string | null;
}

export interface SlackSubmission {
  readonly user: SlackUser;
  readonly callbackId: string;
  readonly privateMetadata: string;
  /** Block id → what was typed or chosen. */
  readonly values: Readonly<Record<string, string>>;
}

export interface SlackCommand {
  readonly user: SlackUser;
  readonly text: string;
  readonly triggerId: string;
}

/** Seen by the person alone. */
export interface SlackReply {
  readonly text: string;
  readonly blocks?: readonly SlackBlock[];
}

export interface SlackHandlers {
  action(input: SlackAction): Promise<SlackReply | null>;
  /** Null closes the modal; errors stand beside the fields, by block id. */
  submission(
    input: SlackSubmission,
  ): Promise<{ readonly errors: Readonly<Record<string, string>> } | { readonly view: SlackView } | null>;
  command(input: SlackCommand): Promise<SlackReply>;
}

export interface SlackRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly rawBody: string;
  readonly nowMs: number;
}

export interface SlackAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface Slack {
  readonly client: SlackClient;
  /** HTTP mode. Rejects never; 401 for what Slack did not sign within five minutes. */
  receive(request: SlackRequest): Promise<SlackAnswer>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface SlackOptions {
  readonly botToken: string;
  readonly mode:
    | { readonly type: 'http'; readonly signingSecret: string }
    | { readonly type: 'socket'; readonly appToken: string };
  /** For relays and fakes: `https://…/api/`. */
  readonly apiUrl?: string;
  readonly handlers: SlackHandlers;
  readonly onError: (error: unknown) => void;
}

const MAXIMUM_AGE_MS = 5 * 60_000;
/** Slack waits three seconds for an answer and then shows its own error. */
const ANSWER_MS = 2_500;
const FIRST_AGAIN_MS = 250;
const LONGEST_AGAIN_MS = 30_000;
const SOMETHING_WRONG = 'Something went wrong here; please try again.';

export function createSlack(options: SlackOptions): Slack {
  const client = createSlackClient(options);
  const door = options.mode.type === 'http' ? httpDoor() : socketDoor(options, options.mode.appToken);
  const app = new App({
    receiver: door.receiver,
    // No call at start: a Slack that is down must not keep us from starting.
    authorize: async () => ({ botToken: options.botToken, botId: 'B0', botUserId: 'U0' }),
    logger: quietLogger(options.onError),
    logLevel: LogLevel.ERROR,
    convoStore: false,
    ignoreSelf: false,
    ...(options.apiUrl === undefined ? {} : { clientOptions: { slackApiUrl: options.apiUrl } }),
  });
  app.error(async (error) => options.onError(error));
  register(app, client, options);
  return {
    client,
    receive: (request) => receive(request, options, (event) => door.process(event)),
    start: async () => {
      await door.receiver.start();
    },
    stop: async () => {
      await door.receiver.stop();
    },
  };
}

function register(app: App, client: SlackClient, { handlers, onError }: SlackOptions): void {
  const reply = async (user: string, channel: string | null, answer: SlackReply | null) => {
    if (answer === null) return;
    const sent = await client.tell(channel, user, answer);
    if (sent.type !== 'ok') onError(new Error(`a reply could not be shown: ${sent.type}`));
  };
  app.action(/.*/, async ({ body, action, ack }) => {
    await ack();
    if (body.type !== 'block_actions' || !('action_id' in action)) return;
    const channel = body.channel?.id ?? null;
    const input: SlackAction = {
      user: { id: body.user.id, teamId: body.team?.id ?? null },
      actionId: action.action_id,
      value: 'value' in action && typeof action.value === 'string' ? action.value : '',
      triggerId: body.trigger_id,
      channel,
      ts: body.message?.ts ?? null,
    };
    const answer = await handlers.action(input).catch((error: unknown) => {
      onError(error);
      return { text: SOMETHING_WRONG };
    });
    await reply(body.user.id, channel, answer);
  });
  app.view(/.*/, async ({ body, view, ack }) => {
    const values = Object.fromEntries(
      Object.entries(view.state.values).map(([block, inputs]) => [block, valueOf(Object.values(inputs)[0])]),
    );
    const input: SlackSubmission = {
      user: { id: body.user.id, teamId: body.team?.id ?? null },
      callbackId: view.callback_id,
      privateMetadata: view.private_metadata,
      values,
    };
    try {
      const answer = await handlers.submission(input);
      if (answer === null) await ack();
      else if ('errors' in answer) await ack({ response_action: 'errors', errors: { ...answer.errors } });
      else await ack({ response_action: 'update', view: answer.view });
    } catch (error) {
      onError(error);
      const [block = 'reason'] = Object.keys(values);
      await ack({ response_action: 'errors', errors: { [block]: SOMETHING_WRONG } });
    }
  });
  app.command(/.*/, async ({ command, ack }) => {
    const input = {
      user: { id: command.user_id, teamId: command.team_id },
      text: command.text,
      triggerId: command.trigger_id,
    };
    const answer = await handlers.command(input).catch((error: unknown) => {
      onError(error);
      return { text: SOMETHING_WRONG };
    });
    const blocks = 'blocks' in answer && answer.blocks !== undefined ? { blocks: [...answer.blocks] } : {};
    await ack({ response_type: 'ephemeral', text: answer.text, ...blocks });
  });
}

function valueOf(input: unknown): string {
  const { value, selected_option: option, selected_user: user } = (input ?? {}) as Record<string, unknown>;
  const chosen = (option as { readonly value?: unknown } | null | undefined)?.value;
  const [text = ''] = [value, chosen, user].filter((one) => typeof one === 'string');
  return text;
}

interface Door {
  readonly receiver: Receiver;
  process(event: ReceiverEvent): Promise<void>;
}

function httpDoor(): Door {
  let app: App | null = null;
  return {
    receiver: {
      init: (given: App) => {
        app = given;
      },
      start: async () => undefined,
      stop: async () => undefined,
    },
    process: async (event) => app?.processEvent(event),
  };
}

/**
 * We connect and connect again ourselves: the library gives up where Slack answers with an error or not at all, and does so with a
 * rejection that nobody could catch.
 */
function socketDoor({ apiUrl, onError }: SlackOptions, appToken: string): Door {
  const socket = new SocketModeClient({
    appToken,
    logger: quietLogger(onError),
    autoReconnectEnabled: false,
    clientOptions: { retryConfig: { retries: 0 }, ...(apiUrl === undefined ? {} : { slackApiUrl: apiUrl }) },
  });
  let app: App | null = null;
  let isWanted = false;
  let waitMs = FIRST_AGAIN_MS;
  let timer: NodeJS.Timeout | null = null;
  const connectAgain = (): void => {
    if (!isWanted || timer !== null) return;
    timer = setTimeout(() => {
      timer = null;
      if (isWanted) connect();
    }, waitMs);
    waitMs = Math.min(waitMs * 2, LONGEST_AGAIN_MS);
  };
  const connect = (): void => {
    socket.start().then(
      () => {
        waitMs = FIRST_AGAIN_MS;
      },
      (error: unknown) => {
        onError(error ?? new Error('Slack closed the socket before it said hello'));
        connectAgain();
      },
    );
  };
  socket.on('slack_event', (given: { readonly ack: AckFn<unknown>; readonly body: ReceiverEvent['body'] }) => {
    app?.processEvent({ body: given.body, ack: given.ack }).catch(onError);
  });
  socket.on('error', onError);
  socket.on('disconnected', connectAgain);
  return {
    receiver: {
      init: (next: App) => {
        app = next;
      },
      // A Slack that cannot be reached now is reached later; we start without it.
      start: async () => {
        isWanted = true;
        connect();
      },
      stop: async () => {
        isWanted = false;
        if (timer !== null) clearTimeout(timer);
        await socket.disconnect();
      },
    },
    process: async () => undefined,
  };
}

async function receive(
  request: SlackRequest,
  { mode, onError }: SlackOptions,
  process: Door['process'],
): Promise<SlackAnswer> {
  const text = (status: number, body: string): SlackAnswer => ({
    status,
    contentType: 'text/plain; charset=utf-8',
    body,
  });
  if (mode.type !== 'http') return text(404, 'Socket Mode is on');
  if (!isGenuine(request, mode.signingSecret)) return text(401, 'not signed by Slack, or too old');
  const body = parseBody(request);
  if (body === null) return text(400, 'neither JSON nor a form');
  if (body['ssl_check'] !== undefined) return text(200, '');
  if (body['type'] === 'url_verification') return text(200, String(body['challenge']));
  return new Promise<SlackAnswer>((resolve) => {
    const timer = setTimeout(() => resolve(text(200, '')), ANSWER_MS);
    const ack = async (answer?: unknown): Promise<void> => {
      clearTimeout(timer);
      if (answer === undefined || answer === '') resolve(text(200, ''));
      else if (typeof answer === 'string') resolve(text(200, answer));
      else resolve({ status: 200, contentType: 'application/json; charset=utf-8', body: JSON.stringify(answer) });
    };
    process({ body, ack: ack as AckFn<unknown> }).then(
      () => ack(),
      (error: unknown) => {
        onError(error);
        void ack();
      },
    );
  });
}

function isGenuine({ headers, rawBody, nowMs }: SlackRequest, signingSecret: string): boolean {
  const signature = String(headers['x-slack-signature'] ?? '');
  const seconds = Number(headers['x-slack-request-timestamp']);
  // The library looks at one side of the window only.
  if (!Number.isFinite(seconds) || Math.abs(nowMs - seconds * 1_000) > MAXIMUM_AGE_MS) return false;
  return isValidSlackRequest({
    signingSecret,
    body: rawBody,
    headers: { 'x-slack-signature': signature, 'x-slack-request-timestamp': seconds },
    nowMilliseconds: nowMs,
  });
}

/** Interactions are a form with JSON in `payload`, commands a plain form, the rest JSON. */
function parseBody({ headers, rawBody }: SlackRequest): Record<string, unknown> | null {
  try {
    if (String(headers['content-type'] ?? '').startsWith('application/json')) {
      return JSON.parse(rawBody) as Record<string, unknown>;
    }
    const form = Object.fromEntries(new URLSearchParams(rawBody));
    return form['payload'] === undefined ? form : (JSON.parse(form['payload']) as Record<string, unknown>);
  } catch {
    return null;
  }
}
