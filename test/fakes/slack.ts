/**
 * A small Slack: the Web API methods that we call, channels with threads, signed interactions to a request URL or over a socket,
 * and people who click, type and submit. It refuses what Slack refuses and remembers it.
 */
import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { buttonsOf, complaintAbout, complaintAboutView, fillIn } from './slack-blocks.ts';

export interface SlackPost {
  readonly channel: string;
  readonly ts: string;
  readonly threadTs: string | null;
  text: string;
  blocks: readonly Record<string, unknown>[];
  readonly key: string | null;
  /** Seen by this person alone. */
  readonly onlyFor: string | null;
}

export interface OpenView {
  readonly user: string;
  readonly view: Record<string, unknown>;
}

export interface SlackPerson {
  readonly id: string;
  /** What stands in the direct channel with us. */
  messages(): readonly SlackPost[];
  /** Clicks the button with this action id on a message; answers what our server answered. */
  click(post: SlackPost, actionId: string, options?: InteractionOptions): Promise<number>;
  /** Submits the modal that was opened last: block id → what is typed, or the text of what is chosen. */
  submit(values: Readonly<Record<string, string>>, options?: InteractionOptions): Promise<Record<string, unknown>>;
  /** What was submitted last comes once more, as Slack sends again what it believes lost. */
  submitAgain(): Promise<Record<string, unknown>>;
  command(text: string): Promise<string>;
  view(): OpenView | undefined;
}

export interface InteractionOptions {
  /** How often it is delivered. */
  readonly times?: number;
  /** Slack never hears the answer: the form stays open. */
  readonly isLost?: boolean;
  readonly signedAtMs?: number;
  readonly signedWith?: string;
}

export interface FakeSlack {
  readonly apiUrl: string;
  readonly botToken: string;
  readonly appToken: string;
  readonly signingSecret: string;
  /** Where interactions go in HTTP mode. */
  sendTo(url: string): void;
  /** `team` is another company's workspace for somebody in a shared channel. */
  addPerson(id: string, email: string, team?: string): SlackPerson;
  /** As Slack does every few hours, and networks whenever they like. */
  dropSockets(): void;
  /** Until somebody listens on a socket (again). */
  listened(): Promise<void>;
  /** Everything in a channel, threads included, oldest first. */
  channel(id: string): readonly SlackPost[];
  /** Waits for a message that fits. */
  expect(channel: string, fits: (post: SlackPost) => boolean): Promise<SlackPost>;
  /** The next calls of a method end so: `cut` accepts and loses the answer, `rate` and `error`, or Slack's own words. */
  fail(method: string, ...endings: string[]): void;
  readonly calls: readonly { readonly method: string; readonly atMs: number }[];
  readonly refused: readonly string[];
  close(): Promise<void>;
}

const ANSWER_MS = 3_000;

export async function startSlack(): Promise<FakeSlack> {
  const slack = new Fake();
  await slack.start();
  return slack;
}

class Fake implements FakeSlack {
  readonly botToken = 'xoxb-sample';
  readonly appToken = 'xapp-sample';
  readonly signingSecret = 'a fictional signing secret';
  readonly refused: string[] = [];
  readonly calls: { method: string; atMs: number }[] = [];
  apiUrl = '';
  #posts: SlackPost[] = [];
  #people = new Map<string, string>();
  #teams = new Map<string, string>();
  #views = new Map<string, OpenView>();
  #submitted = new Map<string, Record<string, unknown>>();
  #triggers = new Map<string, string>();
  #failures = new Map<string, string[]>();
  #requestUrl: string | null = null;
  #sockets = new Set<WebSocket>();
  #answers = new Map<string, (payload: Record<string, unknown>) => void>();
  #clock = 1_700_000_000;
  #ids = 0;
  readonly #server = createServer((request, response) => this.#take(request, response));
  readonly #sockServer = new WebSocketServer({ server: this.#server, path: '/socket' });

  async start(): Promise<void> {
    this.#sockServer.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.send(JSON.stringify({ type: 'hello', num_connections: 1, connection_info: { app_id: 'A1' } }));
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('message', (raw) => {
        const { envelope_id: id, payload } = JSON.parse((raw as Buffer).toString('utf8')) as {
          envelope_id: string;
          payload?: Record<string, unknown>;
        };
        this.#answers.get(id)?.(payload ?? {});
      });
    });
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.apiUrl = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api/`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.terminate();
    this.#sockServer.close();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()).closeAllConnections());
  }

  sendTo(url: string): void {
    this.#requestUrl = url;
  }

  dropSockets(): void {
    for (const socket of this.#sockets) socket.terminate();
    this.#sockets.clear();
  }

  async listened(): Promise<void> {
    for (let tries = 0; tries < 400 && this.#sockets.size === 0; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
    if (this.#sockets.size === 0) throw new Error('nobody listens on a socket');
  }

  fail(method: string, ...endings: string[]): void {
    this.#failures.set(method, [...(this.#failures.get(method) ?? []), ...endings]);
  }

  channel(id: string): readonly SlackPost[] {
    return this.#posts.filter(({ channel }) => channel === id);
  }

  /** The first fitting message, as it looks now: later updates do not reach the copy, as they do not reach a stale screen. */
  async expect(channel: string, fits: (post: SlackPost) => boolean): Promise<SlackPost> {
    for (let tries = 0; tries < 200; tries += 1) {
      const found = this.channel(channel).find(fits);
      if (found !== undefined) return structuredClone(found);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(
      `no such message came to ${channel}; there are: ${JSON.stringify(this.channel(channel).map(({ text }) => text))}`,
    );
  }

  addPerson(id: string, email: string, ofTeam = 'T1'): SlackPerson {
    this.#people.set(email, id);
    this.#teams.set(id, ofTeam);
    const user = { id, username: id, team_id: ofTeam };
    const team = { id: ofTeam, domain: 'sample' };
    return {
      id,
      messages: () => this.channel(`D${id}`),
      view: () => this.#views.get(id),
      click: async (post, actionId, options = {}) => {
        const action = buttonsOf(post.blocks).find((button) => button['action_id'] === actionId);
        if (action === undefined) throw new Error(`there is no button ${actionId} on: ${post.text}`);
        const body = () => ({
          type: 'block_actions',
          user,
          team,
          trigger_id: this.#newTrigger(id),
          channel: { id: post.channel, name: 'direct' },
          message: { ts: post.ts, text: post.text },
          response_url: 'http://127.0.0.1:9/none',
          actions: [{ type: 'button', action_id: actionId, block_id: 'b', value: action['value'], action_ts: post.ts }],
        });
        return (await this.#deliver(body, options)).status;
      },
      submit: async (values, options = {}) => {
        const open = this.#views.get(id);
        if (open === undefined) throw new Error(`no modal is open for ${id}`);
        const view = { ...open.view, id: 'V1', team_id: 'T1', hash: 'h', state: { values: fillIn(open.view, values) } };
        const body = { type: 'view_submission', user, team, view };
        this.#submitted.set(id, body);
        const told = answerOf(await this.#deliver(() => body, options));
        if (options.isLost === true) return told;
        if (told['response_action'] === undefined) this.#views.delete(id);
        if (told['response_action'] === 'update') {
          const next = told['view'] as Record<string, unknown>;
          const complaint = complaintAboutView(next);
          if (complaint !== null) this.refused.push(`an updated view: ${complaint}`);
          this.#views.set(id, { user: id, view: next });
        }
        return told;
      },
      submitAgain: async () => answerOf(await this.#deliver(() => this.#submitted.get(id) ?? {}, {})),
      command: async (text) => {
        const form = {
          command: '/countersign',
          text,
          user_id: id,
          user_name: id,
          team_id: 'T1',
          channel_id: `D${id}`,
          trigger_id: this.#newTrigger(id),
        };
        const { body } = await this.#deliver(() => form, {}, 'command');
        return body === '' ? '' : String((JSON.parse(body) as { text?: string }).text ?? body);
      },
    };
  }

  #newTrigger(user: string): string {
    this.#ids += 1;
    const trigger = `trigger-${this.#ids}`;
    this.#triggers.set(trigger, user);
    setTimeout(() => this.#triggers.delete(trigger), ANSWER_MS).unref();
    return trigger;
  }

  async #deliver(
    body: () => Record<string, unknown>,
    { times = 1, signedAtMs = Date.now(), signedWith = this.signingSecret }: InteractionOptions,
    kind: 'interactive' | 'command' = 'interactive',
  ): Promise<{ status: number; body: string }> {
    const payload = body();
    let last = { status: 0, body: '' };
    for (let time = 0; time < times; time += 1) {
      last =
        this.#requestUrl === null
          ? await this.#overSocket(payload, kind)
          : await this.#overHttp(payload, kind, { seconds: Math.floor(signedAtMs / 1_000), secret: signedWith });
    }
    return last;
  }

  async #overHttp(
    payload: Record<string, unknown>,
    kind: 'interactive' | 'command',
    { seconds, secret }: { readonly seconds: number; readonly secret: string },
  ): Promise<{ status: number; body: string }> {
    const form = kind === 'command' ? (payload as Record<string, string>) : { payload: JSON.stringify(payload) };
    const raw = new URLSearchParams(form).toString();
    const signature = createHmac('sha256', secret).update(`v0:${seconds}:${raw}`).digest('hex');
    const started = Date.now();
    const response = await fetch(this.#requestUrl ?? '', {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-slack-signature': `v0=${signature}`,
        'x-slack-request-timestamp': String(seconds),
      },
      body: raw,
    });
    if (Date.now() - started > ANSWER_MS) this.refused.push('an interaction was not answered within three seconds');
    return { status: response.status, body: await response.text() };
  }

  async #overSocket(
    payload: Record<string, unknown>,
    kind: 'interactive' | 'command',
  ): Promise<{ status: number; body: string }> {
    const [socket] = this.#sockets;
    if (socket === undefined) throw new Error('nobody listens on a socket');
    this.#ids += 1;
    const id = `envelope-${this.#ids}`;
    const type = kind === 'command' ? 'slash_commands' : 'interactive';
    const answer = new Promise<Record<string, unknown>>((resolve, reject) => {
      this.#answers.set(id, resolve);
      setTimeout(() => reject(new Error('not answered within three seconds')), ANSWER_MS).unref();
    });
    socket.send(JSON.stringify({ envelope_id: id, type, payload, accepts_response_payload: true }));
    const told = await answer;
    return { status: 200, body: Object.keys(told).length === 0 ? '' : JSON.stringify(told) };
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const method = (request.url ?? '').replace('/api/', '').split('?')[0] ?? '';
      this.calls.push({ method, atMs: Date.now() });
      const token = (request.headers.authorization ?? '').replace('Bearer ', '');
      const ending = this.#failures.get(method)?.shift();
      const reply = (value: Record<string, unknown>) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
      };
      if (ending === 'rate') {
        response.writeHead(429, { 'retry-after': '2' }).end('');
        return;
      }
      if (ending === 'error') {
        response.writeHead(500).end('');
        return;
      }
      if (ending !== undefined && ending !== 'cut') return reply({ ok: false, error: ending });
      const expected = method === 'apps.connections.open' ? this.appToken : this.botToken;
      if (token !== expected) {
        this.refused.push(`${method}: the token is wrong`);
        return reply({ ok: false, error: 'invalid_auth' });
      }
      const answer = this.#answer(method, readBody(request, Buffer.concat(chunks).toString('utf8')));
      if (answer['ok'] === false && answer['error'] !== 'users_not_found')
        this.refused.push(`${method}: ${String(answer['error'])}`);
      if (ending === 'cut') return void request.socket.destroy();
      return reply(answer);
    });
  }

  #answer(method: string, given: Record<string, unknown>): Record<string, unknown> {
    switch (method) {
      case 'auth.test':
        return { ok: true, team: 'Sample', team_id: 'T1', user: 'countersign', bot_id: 'B1', user_id: 'UBOT' };
      case 'apps.connections.open':
        return { ok: true, url: `${this.apiUrl.replace('http', 'ws').replace('/api/', '/socket')}` };
      case 'users.lookupByEmail': {
        const id = this.#people.get(textOf(given['email']));
        // Slack answers so, and it is nothing that anybody did wrong.
        if (id === undefined) return { ok: false, error: 'users_not_found' };
        return { ok: true, user: { id } };
      }
      case 'users.info': {
        const [email] = [...this.#people].find(([, id]) => id === given['user']) ?? [];
        return email === undefined
          ? { ok: false, error: 'user_not_found' }
          : { ok: true, user: { team_id: this.#teams.get(textOf(given['user'])) ?? 'T1', profile: { email } } };
      }
      case 'conversations.open':
        return { ok: true, channel: { id: `D${textOf(given['users'])}` } };
      case 'conversations.history':
      case 'conversations.replies': {
        const thread = given['ts'] === undefined ? null : textOf(given['ts']);
        const posts = this.channel(textOf(given['channel'])).filter(({ threadTs, ts }) =>
          thread === null ? threadTs === null : threadTs === thread || ts === thread,
        );
        return {
          ok: true,
          messages: posts.toReversed().map(({ ts, text, key }) => ({
            ts,
            text,
            metadata: { event_type: 'countersign', event_payload: { key } },
          })),
        };
      }
      case 'chat.postMessage':
      case 'chat.postEphemeral':
        return this.#post(given, method === 'chat.postEphemeral' ? textOf(given['user']) : null);
      case 'chat.update': {
        const post = this.#posts.find(({ channel, ts }) => channel === given['channel'] && ts === given['ts']);
        if (post === undefined) return { ok: false, error: 'message_not_found' };
        const blocks = (given['blocks'] ?? []) as Record<string, unknown>[];
        const complaint = complaintAbout(blocks);
        if (complaint !== null) return { ok: false, error: complaint };
        post.text = textOf(given['text']);
        post.blocks = blocks;
        return { ok: true, channel: post.channel, ts: post.ts };
      }
      case 'views.open': {
        const trigger = textOf(given['trigger_id']);
        const user = this.#triggers.get(trigger);
        if (user === undefined) return { ok: false, error: 'expired_trigger_id' };
        this.#triggers.delete(trigger);
        const view = given['view'] as Record<string, unknown>;
        const complaint = complaintAboutView(view);
        if (complaint !== null) return { ok: false, error: complaint };
        this.#views.set(user, { user, view });
        return { ok: true, view };
      }
      default:
        return { ok: false, error: `unknown_method` };
    }
  }

  #post(given: Record<string, unknown>, onlyFor: string | null): Record<string, unknown> {
    const blocks = (given['blocks'] ?? []) as Record<string, unknown>[];
    const complaint = complaintAbout(blocks);
    if (complaint !== null) return { ok: false, error: complaint };
    if (typeof given['text'] !== 'string' || given['text'] === '') return { ok: false, error: 'no_text' };
    this.#clock += 1;
    const ts = `${this.#clock}.000100`;
    const channel = textOf(given['channel']);
    const metadata = given['metadata'] as { event_payload?: { key?: string } } | undefined;
    this.#posts.push({
      channel: channel.startsWith('U') ? `D${channel}` : channel,
      ts,
      threadTs: given['thread_ts'] === undefined ? null : textOf(given['thread_ts']),
      text: given['text'],
      blocks,
      key: metadata?.event_payload?.key ?? null,
      onlyFor,
    });
    return { ok: true, channel, ts };
  }
}

function answerOf({ body }: { readonly body: string }): Record<string, unknown> {
  return body === '' ? {} : (JSON.parse(body) as Record<string, unknown>);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function readBody(request: IncomingMessage, body: string): Record<string, unknown> {
  const type = request.headers['content-type'] ?? '';
  if (type.startsWith('application/json')) return JSON.parse(body) as Record<string, unknown>;
  return Object.fromEntries(
    [...new URLSearchParams(body)].map(([name, value]) => {
      const isJson = ['blocks', 'metadata', 'view'].includes(name);
      return [name, isJson ? (JSON.parse(value) as unknown) : value];
    }),
  );
}
