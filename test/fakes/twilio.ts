/** A small Twilio: text messages and calls with its checks, and phones that reply and press digits with its signature. */
import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakePhone {
  readonly texts: readonly string[];
  /** What was said in calls. */
  readonly calls: readonly { readonly said: string; readonly action: string }[];
  /** Answers a text; what our server said to it. */
  reply(text: string, url: string): Promise<string>;
  /** Presses a digit in the last call. */
  press(digit: string): Promise<string>;
}

export interface FakeTwilio {
  readonly url: string;
  readonly accountSid: string;
  readonly authToken: string;
  readonly from: string;
  phone(number: string): FakePhone;
  fail(...statuses: number[]): void;
  readonly refused: readonly string[];
  close(): Promise<void>;
}

export async function startTwilio(): Promise<FakeTwilio> {
  const accountSid = 'ACsample';
  const authToken = 'a fictional token';
  const from = '+15005550006';
  const sent: { readonly to: string; readonly text: string }[] = [];
  const calls: { readonly to: string; readonly said: string; readonly action: string }[] = [];
  const failures: number[] = [];
  const refused: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const failure = failures.shift();
      if (failure === 0) return void request.socket.destroy();
      const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
      const told = failure === undefined ? null : { code: failure === 429 ? 20_429 : 20_500, message: 'told to' };
      const complaint = told ?? complaintAbout(request, form, { accountSid, authToken, from });
      if (complaint !== null) {
        if (told === null) refused.push(complaint.message);
        return void response.writeHead(failure ?? 400, JSON_TYPE).end(JSON.stringify(complaint));
      }
      const to = form.get('To') ?? '';
      const twiml = form.get('Twiml');
      if (twiml === null) sent.push({ to, text: form.get('Body') ?? '' });
      else calls.push({ to, ...readTwiml(twiml) });
      return void response.writeHead(201, JSON_TYPE).end(JSON.stringify({ sid: 'SM1', status: 'queued' }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const send = async (url: string, form: Readonly<Record<string, string>>) => {
    const text = Object.keys(form)
      .sort()
      .reduce((joined, name) => `${joined}${name}${form[name]}`, url);
    const signature = createHmac('sha1', authToken).update(text).digest('base64');
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature },
      body: new URLSearchParams(form),
    });
    return response.text();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accountSid,
    authToken,
    from,
    phone: (number) => ({
      get texts() {
        return sent.filter(({ to }) => to === number).map(({ text }) => text);
      },
      get calls() {
        return calls.filter(({ to }) => to === number);
      },
      reply: (text, url) => send(url, { From: number, To: from, Body: text }),
      press: (digit) => {
        const call = calls.filter(({ to }) => to === number).at(-1);
        if (call === undefined) throw new Error(`nobody called ${number}`);
        return send(call.action, { From: from, To: number, Digits: digit });
      },
    }),
    fail: (...statuses) => failures.push(...statuses),
    refused,
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
}

const JSON_TYPE = { 'content-type': 'application/json' };

/** What Twilio would refuse, in its codes. */
function complaintAbout(
  request: IncomingMessage,
  form: URLSearchParams,
  account: { readonly accountSid: string; readonly authToken: string; readonly from: string },
): { readonly code: number; readonly message: string } | null {
  const expected = `Basic ${Buffer.from(`${account.accountSid}:${account.authToken}`).toString('base64')}`;
  if (request.headers.authorization !== expected) return { code: 20_003, message: 'Authenticate' };
  const to = form.get('To') ?? '';
  if (!/^\+[1-9]\d{6,14}$/.test(to) || form.get('From') !== account.from) {
    return { code: 21_211, message: `invalid To or From: ${to}` };
  }
  if (request.url?.endsWith('/Messages.json') === true) {
    const { length } = form.get('Body') ?? '';
    return length === 0 || length > 1_600 ? { code: 21_617, message: 'the body is empty or too long' } : null;
  }
  if (request.url?.endsWith('/Calls.json') !== true) return { code: 20_404, message: 'no such resource' };
  const { said, action } = readTwiml(form.get('Twiml') ?? '');
  return said === '' || action === '' ? { code: 12_100, message: 'no TwiML that says and gathers' } : null;
}

function readTwiml(twiml: string): { readonly said: string; readonly action: string } {
  return {
    said: unescape_(/<Say[^>]*>([^<]*)<\/Say>/.exec(twiml)?.[1] ?? ''),
    action: unescape_(/action="([^"]*)"/.exec(twiml)?.[1] ?? ''),
  };
}

function unescape_(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}
