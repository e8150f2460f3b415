/** A small Twilio: text messages and calls with its checks, and phones that reply and press digits with its signature. */
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
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
      const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
      const answer = (status: number, value: unknown) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
      const failure = failures.shift();
      if (failure === 0) return request.socket.destroy();
      if (failure !== undefined)
        return answer(failure, { code: failure === 429 ? 20_429 : 20_500, message: 'told to' });
      const expected = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`;
      const refuse = (status: number, code: number, message: string) => {
        refused.push(message);
        return answer(status, { code, message });
      };
      if (request.headers.authorization !== expected) return refuse(401, 20_003, 'Authenticate');
      const to = form.get('To') ?? '';
      if (!/^\+[1-9]\d{6,14}$/.test(to) || form.get('From') !== from)
        return refuse(400, 21_211, `invalid To or From: ${to}`);
      if (request.url?.endsWith('/Messages.json') === true) {
        const text = form.get('Body') ?? '';
        if (text === '' || text.length > 1_600) return refuse(400, 21_617, 'the body is empty or too long');
        sent.push({ to, text });
      } else if (request.url?.endsWith('/Calls.json') === true) {
        const twiml = form.get('Twiml') ?? '';
        const said = unescape_(/<Say[^>]*>([^<]*)<\/Say>/.exec(twiml)?.[1] ?? '');
        const action = unescape_(/action="([^"]*)"/.exec(twiml)?.[1] ?? '');
        if (said === '' || action === '') return refuse(400, 12_100, 'no TwiML that says and gathers');
        calls.push({ to, said, action });
      } else return refuse(404, 20_404, 'no such resource');
      return answer(201, { sid: `SM${sent.length + calls.length}`, status: 'queued' });
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

function unescape_(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}
