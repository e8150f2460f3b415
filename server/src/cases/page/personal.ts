/** Pages to a person's own webhook. */
import { viewFinding } from '../../findings/enrich.ts';
import type { Contact } from '../../people/on-call/store.ts';
import { webhookPurpose } from '../../people/on-call/routes.ts';
import type { SecretBox } from '../../people/sign-in/secret-box.ts';
import { sendWebhook } from '../../vendors/signed-webhook.ts';
import { personalDeliveryOf } from './delivery.ts';
import { type PageChannel, summaryOf } from './page.ts';

export interface PersonalOptions {
  readonly box: SecretBox;
  readonly contactOf: (personId: string) => Promise<Contact | null>;
  readonly nowMs: () => number;
}

export function personalWebhookChannel({ box, contactOf, nowMs }: PersonalOptions): PageChannel {
  return {
    name: 'webhook',
    deliver: async (message) => {
      const { action, person, case: paged, headline, url, pageNumber } = message;
      if (action !== 'trigger') return { type: 'delivered' };
      const contact = person === null ? null : await contactOf(person.id);
      if (contact === null || contact.webhookUrl === null || contact.webhookSecretSealed === null) {
        return { type: 'lost', why: 'the person has no webhook any more' };
      }
      const secret = box.open(contact.webhookSecretSealed, webhookPurpose(contact.personId));
      const body = {
        type: 'page.trigger',
        person,
        page_number: pageNumber,
        case: { id: paged.id, risk: paged.risk, drill: paged.drill, url },
        summary: summaryOf(message),
        finding: viewFinding(headline),
      };
      const id = `${paged.id}:${contact.personId}:${pageNumber}`;
      return personalDeliveryOf(
        await sendWebhook({ url: contact.webhookUrl, secret, outside: true }, { id, body, nowMs: nowMs() }),
      );
    },
  };
}
