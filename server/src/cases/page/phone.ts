/**
 * Pages by text message and call. Whoever is called acknowledges with a digit, whoever gets a text with a reply.
 *
 * The surprise: a phone number is no proof of a person, but everybody on call gave theirs here, and acknowledging confirms
 * nothing: it only says that somebody is awake.
 */
import { sendSms, startCall, type TwilioSettings } from '../../vendors/twilio.ts';
import type { KnownPerson } from '../../people/person.ts';
import type { Contact } from '../../people/on-call/store.ts';
import { wordsFor } from '../words.ts';
import { personalDeliveryOf } from './delivery.ts';
import { type PageChannel, summaryOf } from './page.ts';

export interface PhoneOptions {
  readonly settings: TwilioSettings;
  readonly personOf: (personId: string) => Promise<KnownPerson | null>;
  readonly contactOf: (personId: string) => Promise<Contact | null>;
  readonly publicUrl: () => string;
}

const NO_NUMBER = { type: 'lost', why: 'the person has no phone number any more' } as const;

export function smsChannel({ settings, personOf, contactOf }: PhoneOptions): PageChannel {
  return {
    name: 'sms',
    deliver: async (message) => {
      if (message.action !== 'trigger') return { type: 'delivered' };
      const reached = message.person === null ? null : await personOf(message.person.id);
      const phone = reached === null ? null : ((await contactOf(reached.id))?.phone ?? null);
      if (reached === null || phone === null) return NO_NUMBER;
      const words = wordsFor(reached.language);
      const body = `${message.case.drill ? `${words.drill}: ` : ''}${summaryOf(message)}\n${message.url}\n(ack ${shortCode(message.case.id)})`;
      return personalDeliveryOf(await sendSms(settings, { to: phone, body }));
    },
  };
}

export function voiceChannel({ settings, personOf, contactOf, publicUrl }: PhoneOptions): PageChannel {
  return {
    name: 'voice',
    deliver: async (message) => {
      if (message.action !== 'trigger') return { type: 'delivered' };
      const reached = message.person === null ? null : await personOf(message.person.id);
      const phone = reached === null ? null : ((await contactOf(reached.id))?.phone ?? null);
      if (reached === null || phone === null) return NO_NUMBER;
      const words = wordsFor(reached.language);
      const summary = `${message.case.drill ? `${words.drill}. ` : ''}${summaryOf(message)}`;
      const actionUrl = `${publicUrl()}/api/twilio/voice?case=${message.case.id}`;
      const language = reached.language === 'ja' ? 'ja-JP' : 'en-GB';
      return personalDeliveryOf(
        await startCall(settings, { to: phone, text: words.phone(summary), actionUrl, language }),
      );
    },
  };
}

/** What a person types back: the last letters of the case's id. */
export function shortCode(caseId: string): string {
  return caseId
    .replace(/[^0-9a-z]/gi, '')
    .slice(-6)
    .toLowerCase();
}
