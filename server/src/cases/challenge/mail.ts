/** The question by mail, for people without chat: what, where, when, from which address, and a link that answers. */
import { sendMail, type SmtpSettings } from '../../vendors/smtp.ts';
import type { Delivery } from '../page/page.ts';
import { deliveryOf } from '../page/delivery.ts';
import { asking, because, factLines, utc, wordsFor } from '../words.ts';
import type { Question } from './question.ts';

export async function askByMail(settings: SmtpSettings, question: Question): Promise<Delivery> {
  const { asked, headline, person, changes, answerUrl } = question;
  const words = wordsFor(person.language);
  const { question: asks } = asking(asked, words);
  const why = because(asked, headline, words);
  const facts = factLines(headline, words).map(([name, value]) => `${name}: ${value}`);
  const text = [
    asks,
    '',
    ...facts,
    ...(changes > 1 ? [words.more(changes - 1)] : []),
    `${words.risk}: ${asked.risk}`,
    ...(why === null ? [] : [why]),
    '',
    `${words.answerHere}\n${answerUrl}`,
    '',
    `${words.answerBy}: ${utc(asked.deadlineMs)}. ${words.silencePages}`,
    words.neverAsked,
  ].join('\n');
  const drill = asked.drill ? `${words.drill}: ` : '';
  const subject = `${drill}${asks} ${headline.facts.action}`;
  const id = `${asked.id}.question.${asked.digest.slice(0, 16)}@countersign`;
  return deliveryOf(await sendMail(settings, { to: person.email, subject, text, id }));
}
