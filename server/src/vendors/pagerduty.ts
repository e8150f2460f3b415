/**
 * PagerDuty's Events API v2: the wire, and nothing about cases.
 *
 * The surprise: an `acknowledge` or `resolve` for an unknown key is accepted (202) and dropped, so order does not matter for
 * being accepted, only for having an effect.
 */

import { type PostResult, postJson } from './post.ts';

export interface PagerDutyEvent {
  readonly routing_key: string;
  readonly event_action: 'trigger' | 'acknowledge' | 'resolve';
  readonly dedup_key: string;
  readonly client?: string;
  readonly client_url?: string;
  readonly links?: readonly { readonly href: string; readonly text: string }[];
  readonly payload?: {
    readonly summary: string;
    readonly source: string;
    readonly severity: 'critical' | 'error' | 'warning' | 'info';
    readonly timestamp?: string;
    readonly component?: string;
    readonly group?: string;
    readonly class?: string;
    readonly custom_details?: unknown;
  };
}

export const LONGEST_SUMMARY = 1_024;
export const LONGEST_DEDUP_KEY = 255;
const LARGEST_EVENT_BYTES = 512 * 1024;

/** Sends one event. Rejects never. */
export async function sendPagerDutyEvent(url: string, event: PagerDutyEvent): Promise<PostResult> {
  let body = JSON.stringify(event);
  if (Buffer.byteLength(body) > LARGEST_EVENT_BYTES && event.payload !== undefined) {
    const { custom_details: _left, ...payload } = event.payload;
    body = JSON.stringify({
      ...event,
      payload: { ...payload, custom_details: { note: 'details were too large; see the link' } },
    });
  }
  return postJson(url, body, {});
}
