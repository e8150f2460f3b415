/**
 * Pages through PagerDuty: one incident a case, by a dedup key that never changes.
 *
 * The surprise: an event cannot take back an acknowledgement. What must call again there (an acknowledgement that ran out, a page that
 * somebody took back) ends the incident and begins another, or nobody would be called.
 */
import {
  LONGEST_DEDUP_KEY,
  LONGEST_SUMMARY,
  type PagerDutyEvent,
  sendPagerDutyEvent,
} from '../../../vendors/pagerduty.ts';
import { deliveryOf } from '../delivery.ts';
import { type PageChannel, type PageMessage, summaryOf } from '../page.ts';

const MOST_LISTED = 50;
const CRITICAL_RISK = 85;
const ERROR_RISK = 50;

export function pagerDutyChannel(options: {
  readonly name: string;
  readonly url: string;
  readonly routingKey: string;
}): PageChannel {
  return {
    name: options.name,
    deliver: async (message) => {
      const send = (action: PageMessage['action']) =>
        sendPagerDutyEvent(options.url, eventOf({ ...message, action }, options.routingKey));
      if (message.action === 'trigger' && message.anew) {
        const ended = await send('resolve');
        if (ended.type !== 'accepted') return deliveryOf(ended);
      }
      return deliveryOf(await send(message.action));
    },
  };
}

function eventOf(message: PageMessage, routingKey: string): PagerDutyEvent {
  const common = {
    routing_key: routingKey,
    event_action: message.action,
    dedup_key: message.dedupKey.slice(0, LONGEST_DEDUP_KEY),
    client: 'Countersign',
    client_url: message.url,
  } as const;
  if (message.action !== 'trigger') return common;
  const { headline, case: paged } = message;
  const { facts } = headline;
  return {
    ...common,
    links: [{ href: message.url, text: 'The case in Countersign' }],
    payload: {
      summary: summaryOf(message).slice(0, LONGEST_SUMMARY),
      source: headline.account?.name ?? facts.account ?? facts.source,
      severity: paged.risk >= CRITICAL_RISK ? 'critical' : paged.risk >= ERROR_RISK ? 'error' : 'warning',
      timestamp: new Date(facts.timeMs).toISOString(),
      component: facts.service,
      class: headline.rule,
      custom_details: {
        cause: 'cause' in paged ? paged.cause : null,
        risk: paged.risk,
        rule: headline.rule,
        techniques: headline.techniques.slice(0, MOST_LISTED),
        actor: facts.actor.id,
        session: facts.actor.session,
        account: facts.account,
        region: facts.region,
        action: facts.action,
        resources: facts.resources.slice(0, MOST_LISTED),
        source_ip: facts.sourceIp,
        findings: paged.findingIds.length,
        page_number: message.pageNumber,
        attempt: message.attempt,
      },
    },
  };
}
