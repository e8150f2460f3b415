/** What came of an HTTP call, as a delivery. Refusals are retried too, slowly: a page is never given up in silence. */
import type { PostResult } from '../../vendors/post.ts';
import type { Delivery, PageDelivery } from './page.ts';

/** A refusal that will not change by itself (a wrong key) is tried again this much later, and shown meanwhile. */
const REFUSED_AGAIN_MS = 5 * 60_000;

export function deliveryOf(result: PostResult): Delivery {
  switch (result.type) {
    case 'accepted':
      return { type: 'delivered' };
    case 'unreachable':
      return { type: 'failed', failure: result.reason, afterMs: null };
    case 'refused':
      return {
        type: 'failed',
        failure: result.reason,
        afterMs: result.retryable ? result.retryAfterMs : REFUSED_AGAIN_MS,
      };
  }
}

/** The same for a way to one person: a refusal for good loses the way, so that the person's other ways are taken at once. */
export function personalDeliveryOf(result: PostResult): PageDelivery {
  if (result.type === 'refused' && !result.retryable) return { type: 'lost', why: result.reason };
  return deliveryOf(result);
}
