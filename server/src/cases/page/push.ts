/**
 * Pages to a person's browsers.
 *
 * The surprise: one browser that took the page is enough. Trying again for the others would ring the first one again and again.
 */
import { createHash } from 'node:crypto';
import { type Browser, openBrowsers } from '../../people/on-call/browsers.ts';
import type { Contact } from '../../people/on-call/store.ts';
import type { KnownPerson, Language } from '../../people/person.ts';
import type { SecretBox } from '../../people/sign-in/secret-box.ts';
import type { PostResult } from '../../vendors/post.ts';
import { LONGEST_PAYLOAD_BYTES, type PushSettings, sendPush } from '../../vendors/web-push.ts';
import { urgencyOf } from '../paging.ts';
import { factLines, wordsFor } from '../words.ts';
import { deliveryOf } from './delivery.ts';
import { type PageChannel, type PageMessage, summaryOf } from './page.ts';

export interface PushOptions {
  readonly box: SecretBox;
  readonly contactOf: (personId: string) => Promise<Contact | null>;
  readonly personOf: (personId: string) => Promise<KnownPerson | null>;
  /** These browsers no longer take pushes. */
  readonly forget: (personId: string, endpoints: readonly string[]) => Promise<void>;
}

const LONGEST_TITLE = 200;
const LONGEST_BODY = 600;
const TOPIC_LENGTH = 32;
const NOBODY = { type: 'lost', why: 'no browser of the person takes pushes any more' } as const;

export function pushChannel(settings: PushSettings, options: PushOptions): PageChannel {
  const { box, contactOf, personOf, forget } = options;
  return {
    name: 'push',
    deliver: async (message) => {
      if (message.action !== 'trigger') return { type: 'delivered' };
      const person = message.person === null ? null : await personOf(message.person.id);
      if (person === null) return { type: 'lost', why: 'nobody has this id any more' };
      const contact = await contactOf(person.id);
      const browsers = openBrowsers(box, person.id, contact?.pushSealed ?? null);
      const push = {
        payload: payloadOf(message, person.language),
        urgent: urgencyOf(message.case) === 'high',
        topic: topicOf(message.case.id),
      };
      const results = await Promise.all(browsers.map((browser) => sendPush(settings, browser, push)));
      const gone = browsers.filter((_, index) => results[index]?.type === 'gone');
      if (gone.length > 0) await forget(person.id, gone.map(endpointOf));
      const rest = results.flatMap((result) => (result.type === 'gone' ? [] : [result]));
      const best = rest.find(({ type }) => type === 'accepted') ?? rest.find(isPassing) ?? rest[0];
      return best === undefined ? NOBODY : deliveryOf(best);
    },
  };
}

function endpointOf({ endpoint }: Browser): string {
  return endpoint;
}

/** What may be better in a moment decides when to try again. */
function isPassing(result: PostResult): boolean {
  return result.type === 'unreachable' || (result.type === 'refused' && result.retryable);
}

/** What the console's worker (`web/src/push-worker`) shows. Cut to what push services take, whatever a log says. */
function payloadOf(message: PageMessage, language: Language): string {
  const { case: paged, headline, url } = message;
  const words = wordsFor(language);
  const facts = factLines(headline, words).map(([name, value]) => `${name}: ${value}`);
  const shown = {
    title: summaryOf(message).slice(0, LONGEST_TITLE),
    body: facts.join('\n').slice(0, LONGEST_BODY),
    tag: paged.id,
    url,
    urgent: urgencyOf(paged) === 'high',
    lang: language,
  };
  const whole = JSON.stringify(shown);
  if (Buffer.byteLength(whole) <= LONGEST_PAYLOAD_BYTES) return whole;
  return JSON.stringify({ ...shown, title: `${words.risk} ${paged.risk}`, body: words.open });
}

/** The same for every page of a case, and nothing that a push service could read a case from. */
function topicOf(caseId: string): string {
  return createHash('sha256').update(caseId).digest('base64url').slice(0, TOPIC_LENGTH);
}
