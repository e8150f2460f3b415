/** Pushes to browsers (RFC 8030, 8291, 8292) through the web-push library. */
import webPush from 'web-push';
import type { PostResult } from './post.ts';

export interface VapidKeys {
  readonly publicKey: string;
  readonly privateKey: string;
}

export interface Subscription {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
}

const TTL_SECONDS = 3_600;
const TIMEOUT_MS = 10_000;
const LONGEST_PAYLOAD = 3_000;
const GONE: readonly number[] = [404, 410];

export function createVapidKeys(): VapidKeys {
  return webPush.generateVAPIDKeys();
}

/** Rejects never. `gone`: the browser no longer takes pushes and the subscription can be forgotten. */
export async function sendPush(
  vapid: VapidKeys & { readonly subject: string },
  subscription: Subscription,
  payload: string,
): Promise<PostResult | { readonly type: 'gone' }> {
  try {
    await webPush.sendNotification(subscription, payload.slice(0, LONGEST_PAYLOAD), {
      vapidDetails: vapid,
      TTL: TTL_SECONDS,
      urgency: 'high',
      timeout: TIMEOUT_MS,
    });
    return { type: 'accepted' };
  } catch (error) {
    const { statusCode: status } = error as { readonly statusCode?: number };
    if (status === undefined) return { type: 'unreachable', reason: 'the push service cannot be reached' };
    if (GONE.includes(status)) return { type: 'gone' };
    const retryable = status === 429 || status >= 500;
    return { type: 'refused', status, reason: `the push service answers ${status}`, retryAfterMs: null, retryable };
  }
}
