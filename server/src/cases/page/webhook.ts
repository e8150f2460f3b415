/** Pages through a signed webhook of your own; `vendors/signed-webhook.ts` documents the signature. */
import { viewFinding } from '../../findings/enrich.ts';
import { sendWebhook } from '../../vendors/signed-webhook.ts';
import { deliveryOf } from './delivery.ts';
import { type PageChannel, summaryOf } from './page.ts';

export function webhookChannel(options: {
  readonly name: string;
  readonly url: string;
  readonly secret: string;
  readonly nowMs: () => number;
}): PageChannel {
  return {
    name: options.name,
    deliver: async (message) => {
      const { case: paged, headline, action, dedupKey, pageNumber, attempt, url } = message;
      const cause = 'cause' in paged ? paged.cause : null;
      const body = {
        type: `page.${action}`,
        dedup_key: dedupKey,
        page_number: pageNumber,
        attempt,
        case: { id: paged.id, state: paged.state, risk: paged.risk, cause, url },
        summary: summaryOf(message),
        finding: viewFinding(headline),
      };
      const id = `${dedupKey}:${action}:${pageNumber}`;
      return deliveryOf(await sendWebhook(options, { id, body, nowMs: options.nowMs() }));
    },
  };
}
