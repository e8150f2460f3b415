/** Pages by mail: one thread a case, a mail for every page, with the link to the case. */
import { sendMail, type SmtpSettings } from '../../vendors/smtp.ts';
import type { KnownPerson } from '../../people/person.ts';
import { factLines, wordsFor } from '../words.ts';
import { personalDeliveryOf } from './delivery.ts';
import { type PageChannel, summaryOf } from './page.ts';

export function mailChannel(
  settings: SmtpSettings,
  personOf: (personId: string) => Promise<KnownPerson | null>,
): PageChannel {
  return {
    name: 'email',
    deliver: async (message) => {
      const { action, person, pageNumber, case: paged, headline, url } = message;
      if (action !== 'trigger') return { type: 'delivered' };
      const reached = person === null ? null : await personOf(person.id);
      if (reached === null) return { type: 'lost', why: 'nobody has this id any more' };
      const words = wordsFor(reached.language);
      const drill = paged.drill ? `${words.drill}: ` : '';
      const facts = factLines(headline, words).map(([name, value]) => `${name}: ${value}`);
      const thread = `${paged.id}.page.${reached.id}@countersign`;
      return personalDeliveryOf(
        await sendMail(settings, {
          to: reached.email,
          subject: drill + words.pageSubject(summaryOf(message)),
          text: [summaryOf(message), '', ...facts, `${words.risk}: ${paged.risk}`, '', `${words.open}: ${url}`].join(
            '\n',
          ),
          id: `${paged.id}.page.${pageNumber}.${reached.id}@countersign`,
          ...(pageNumber > 1 ? { thread } : {}),
        }),
      );
    },
  };
}
