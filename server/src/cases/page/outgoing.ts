/**
 * Outgoing webhooks of our own: every change of a case, signed, in as many tries as it takes for a day. What was delivered and
 * what was not is read from the outbox itself.
 */
import { viewFinding } from '../../findings/enrich.ts';
import { sendWebhook } from '../../vendors/signed-webhook.ts';
import type { Cases } from '../cases.ts';
import type { Follower } from '../follow.ts';
import { deliveryOf } from './delivery.ts';
import { summaryOf } from './page.ts';

export interface OutgoingWebhook {
  readonly name: string;
  readonly url: string;
  readonly secret: string;
  /** Kinds of journal entries that are told; null: all. */
  readonly kinds: readonly string[] | null;
}

export function outgoingFollower(
  hook: OutgoingWebhook,
  cases: () => Cases,
  caseUrl: (caseId: string) => string,
): Follower {
  return {
    name: `webhook:${hook.name}`,
    follow: async ({ caseId, key, kinds, attempt }) => {
      const told = hook.kinds === null ? kinds : kinds.filter((kind) => hook.kinds?.includes(kind));
      if (told.length === 0) return { type: 'nothing-to-tell' };
      const room = cases();
      const { current, findings } = await room.state.transaction(async (trx) => ({
        current: await room.unit(trx).loadCase(caseId),
        findings: await room.unit(trx).findingsOfCase(caseId),
      }));
      const headline = findings.find(({ id }) => id === current?.headlineId) ?? findings[0];
      if (current === null || headline === undefined) return { type: 'delivered' };
      const body = {
        type: 'case.changed',
        kinds: told,
        attempt,
        // The case as it is now: a message that comes late says what is true, not what was.
        case: {
          id: current.id,
          state: current.state,
          version: current.version,
          risk: current.risk,
          priority: current.priority,
          drill: current.drill,
          team: current.team,
          person: current.person,
          url: caseUrl(current.id),
        },
        summary: summaryOf({ case: current, headline }),
        finding: viewFinding(headline),
      };
      return deliveryOf(await sendWebhook(hook, { id: key, body, nowMs: room.nowMs() }));
    },
  };
}
