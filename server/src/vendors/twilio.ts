/**
 * Twilio's API for text messages and calls, and the signature of what it sends to us.
 *
 * ```
 *  X-Twilio-Signature = base64 HMAC-SHA1(auth token, url + name value name value …)      parameters sorted by name
 * ```
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { PostResult } from './post.ts';

export interface TwilioSettings {
  readonly accountSid: string;
  readonly authToken: string;
  readonly from: string;
  /** For relays and fakes. */
  readonly url?: string;
}

const URL_OF_TWILIO = 'https://api.twilio.com';
const TIMEOUT_MS = 10_000;
const LONGEST_SMS = 1_500;
const LONGEST_REPLY = 16 * 1024;

/** Rejects never. A text without an acknowledgement of delivery: the ladder goes on anyhow. */
export function sendSms(
  settings: TwilioSettings,
  message: { readonly to: string; readonly body: string },
): Promise<PostResult> {
  return post(settings, 'Messages', { To: message.to, From: settings.from, Body: message.body.slice(0, LONGEST_SMS) });
}

/** Reads `text` twice and takes one digit, which is sent to `actionUrl`. */
export function startCall(
  settings: TwilioSettings,
  call: { readonly to: string; readonly text: string; readonly actionUrl: string; readonly language: string },
): Promise<PostResult> {
  const said = `<Say language="${escapeXml(call.language)}">${escapeXml(call.text)}</Say>`;
  const twiml = `<Response><Gather numDigits="1" timeout="8" action="${escapeXml(call.actionUrl)}">${said}<Pause length="1"/>${said}</Gather></Response>`;
  return post(settings, 'Calls', { To: call.to, From: settings.from, Twiml: twiml });
}

/** What is said to somebody who pressed a digit. */
export function sayAndHangUp(text: string, language: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Response><Say language="${escapeXml(language)}">${escapeXml(text)}</Say><Hangup/></Response>`;
}

export function verifyTwilioSignature(
  authToken: string,
  request: {
    readonly url: string;
    readonly parameters: Readonly<Record<string, string>>;
    readonly signature: string | undefined;
  },
): boolean {
  const { url, parameters, signature } = request;
  const text = Object.keys(parameters)
    .sort()
    .reduce((joined, name) => `${joined}${name}${parameters[name] ?? ''}`, url);
  const expected = createHmac('sha1', authToken).update(text).digest();
  const given = Buffer.from(signature ?? '', 'base64');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

async function post(
  settings: TwilioSettings,
  resource: string,
  form: Readonly<Record<string, string>>,
): Promise<PostResult> {
  const { accountSid, authToken, url } = settings;
  try {
    const response = await fetch(
      `${url ?? URL_OF_TWILIO}/2010-04-01/Accounts/${encodeURIComponent(accountSid)}/${resource}.json`,
      {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}` },
        body: new URLSearchParams(form),
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      },
    );
    const reply = (await response.text()).slice(0, LONGEST_REPLY);
    if (response.ok) return { type: 'accepted' };
    return {
      type: 'refused',
      status: response.status,
      reason: `Twilio answers ${response.status} (${codeOf(reply)})`,
      retryAfterMs: null,
      retryable: response.status === 429 || response.status >= 500,
    };
  } catch {
    return { type: 'unreachable', reason: 'Twilio cannot be reached' };
  }
}

function codeOf(reply: string): string {
  return /"code":\s*(\d+)/.exec(reply)?.[1] ?? 'no code';
}

function escapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '<': '&lt;',
    '>': '&gt;',
    '&': '&amp;',
    '"': '&quot;',
    "'": '&apos;',
  };
  // Control characters are not allowed in XML at all.
  return text
    .replace(/[<>&"']/g, (letter) => entities[letter] ?? '')
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD]/gu, ' ');
}
