/**
 * Pushes to browsers: sealed for the browser (RFC 8291), signed with our key (RFC 8292), left at its push service (RFC 8030). The
 * web-push library seals and signs; sending is ours.
 */
import webPush from 'web-push';
import { postOutside } from './outside.ts';
import { type PostResult, resultOf, TIMEOUT_MS } from './post.ts';

export interface VapidKeys {
  readonly publicKey: string;
  readonly privateKey: string;
}

export interface PushSettings extends VapidKeys {
  /** Whom the push service may ask: `mailto:` or https. */
  readonly subject: string;
  /**
   * For relays and fakes: a push to `https://HOST/PATH` goes to `URL/HOST/PATH`, sealed and signed all the same. Left out: to the
   * push service itself.
   */
  readonly url?: string;
}

export interface Subscription {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
}

export interface Push {
  readonly payload: string;
  readonly urgent: boolean;
  /** A push that still waits for the browser gives way to a later one of the same topic; 32 characters of base64url. */
  readonly topic: string;
}

/** RFC 8030: at least 4096 bytes are taken, and sealing adds 103. */
export const LONGEST_PAYLOAD_BYTES = 3_900;
const TTL_SECONDS = 3_600;
const GONE: readonly number[] = [404, 410];

export function createVapidKeys(): VapidKeys {
  return webPush.generateVAPIDKeys();
}

/** Rejects never. `gone`: the browser no longer takes pushes and the subscription can be forgotten. */
export async function sendPush(
  settings: PushSettings,
  subscription: Subscription,
  { payload, urgent, topic }: Push,
): Promise<PostResult | { readonly type: 'gone' }> {
  try {
    const { publicKey, privateKey, subject } = settings;
    const sealed = webPush.generateRequestDetails(subscription, payload, {
      vapidDetails: { publicKey, privateKey, subject },
      TTL: TTL_SECONDS,
      urgency: urgent ? 'high' : 'normal',
      topic,
    });
    const headers = Object.entries(sealed.headers)
      .filter(([name]) => name.toLowerCase() !== 'content-length')
      .map(([name, value]): [string, string] => [name.toLowerCase(), String(value)]);
    const body = Uint8Array.from(sealed.body ?? []);
    if (settings.url === undefined)
      return told(await postOutside(subscription.endpoint, body, Object.fromEntries(headers)));
    const response = await fetch(relayed(settings.url, subscription), {
      method: 'POST',
      headers,
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel();
    return told(resultOf(response.status, '', response.headers.get('retry-after')));
  } catch {
    // What went wrong may name the address of the subscription, which is a secret.
    return { type: 'unreachable', reason: 'the push service cannot be reached' };
  }
}

function relayed(url: string, { endpoint }: Subscription): string {
  const { host, pathname, search } = new URL(endpoint);
  return `${url.replace(/\/+$/, '')}/${host}${pathname}${search}`;
}

/** Without what the push service or the network said: it may name the address of the subscription, which is a secret. */
function told(result: PostResult): PostResult | { readonly type: 'gone' } {
  if (result.type === 'unreachable') return { ...result, reason: 'the push service cannot be reached' };
  if (result.type === 'accepted') return result;
  if (GONE.includes(result.status)) return { type: 'gone' };
  return { ...result, reason: `the push service answers ${result.status}` };
}
