/**
 * The generic webhook: JSON, signed so that the receiver can tell that we sent it, and when.
 *
 * ```
 *  X-Countersign-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256(secret, "<t>.<body>")>
 *  X-Countersign-Id: <the same for every try of one message>
 * ```
 *
 * Receivers compare in constant time and refuse a `t` more than five minutes off.
 */
import { createHmac } from 'node:crypto';
import { postOutside } from './outside.ts';
import { type PostResult, postJson } from './post.ts';

export interface WebhookTarget {
  readonly url: string;
  readonly secret: string;
  /** A person gave the address, not the configuration: it must lie outside. */
  readonly outside?: boolean;
}

export function signWebhook(secret: string, body: string, seconds: number): string {
  const signature = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return `t=${seconds},v1=${signature}`;
}

/** Rejects never. */
export async function sendWebhook(
  target: WebhookTarget,
  message: { readonly id: string; readonly body: unknown; readonly nowMs: number },
): Promise<PostResult> {
  const body = JSON.stringify(message.body);
  const seconds = Math.floor(message.nowMs / 1_000);
  const send = target.outside === true ? postOutside : postJson;
  return send(target.url, body, {
    'x-countersign-signature': signWebhook(target.secret, body, seconds),
    'x-countersign-id': message.id,
  });
}
