/**
 * The conversation in Slack: the question to the person, the page to whoever is on call, a thread a case in the security channel.
 *
 * The surprise: Slack holds nothing. Every message is drawn from the case as it is now, so that an interaction that is lost, late,
 * doubled or out of order leads to the same case and, in the end, the same picture.
 */
import { createHash } from 'node:crypto';
import type { Finding } from '../../findings/finding.ts';
import { journalOfCase } from '../../ground/journal.ts';
import type { KnownPerson } from '../../people/person.ts';
import type { SlackClient, SlackPlace, SlackResult } from '../../vendors/slack/client.ts';
import { changesIn } from '../burst.ts';
import type { Case } from '../case.ts';
import type { Cases } from '../cases.ts';
import type { Proofs } from '../challenge/proofs.ts';
import type { Asking, AskingWay, Question } from '../challenge/question.ts';
import type { CaseChanged, Follower } from '../follow.ts';
import { type Delivery, type PageChannel, type PageDelivery, summaryOf } from '../page/page.ts';
import { revertsOfCase } from '../revert/store.ts';
import { wordsFor } from '../words.ts';
import { pageBlocks, type Picture, questionBlocks, type Shown, threadBlocks, threadLine } from './blocks.ts';
import {
  rememberMessage,
  rememberTold,
  shownMessage,
  type ShownMessage,
  shownMessages,
  type SlackPeople,
} from './store.ts';

export interface ConversationOptions {
  readonly cases: Cases;
  readonly proofs: Proofs;
  readonly client: () => SlackClient;
  readonly people: SlackPeople;
  readonly personById: (personId: string) => Promise<KnownPerson | null>;
  readonly caseUrl: (caseId: string) => string;
  /** Gets a thread per case; null: none. */
  readonly securityChannel: string | null;
}

export interface Conversation {
  readonly way: AskingWay;
  readonly channel: PageChannel;
  readonly follower: Follower;
}

const THREAD = 'thread';
const MOST_LINES = 200;
/** What Slack says of a message that somebody removed: it is gone, and that is all. */
const GONE: readonly string[] = [
  'message_not_found',
  'channel_not_found',
  'is_archived',
  'cant_update_message',
  'edit_window_closed',
];

export function createConversation(options: ConversationOptions): Conversation {
  const alone = oneAtATime();
  return {
    way: { name: 'slack', ask: (question) => alone(question.asked.id, () => ask(question, options)) },
    channel: {
      name: 'slack',
      deliver: (message) => alone(message.case.id, () => sendPage(message, options)),
    },
    follower: { name: 'slack', follow: (change) => alone(change.caseId, () => follow(change, options)) },
  };
}

/** Works on one case one after the other; two servers may still tell a line twice, never lose one. */
function oneAtATime(): <T>(key: string, body: () => Promise<T>) => Promise<T> {
  const running = new Map<string, Promise<unknown>>();
  return (key, body) => {
    const mine = (running.get(key) ?? Promise.resolve()).then(body, body);
    const settled = mine
      .catch(() => undefined)
      .then(() => {
        if (running.get(key) === settled) running.delete(key);
      });
    running.set(key, settled);
    return mine;
  };
}

async function ask(question: Question, options: ConversationOptions): Promise<Asking> {
  const { asked, person } = question;
  const id = await options.people.idOf(person);
  if (id.type !== 'ok') return deliveryOf(id);
  if (id.value === null) return { type: 'cannot' };
  const picture = await pictureOf(asked, question.headline, question.changes, options);
  const shown = questionBlocks(picture, wordsFor(person.language), null);
  const purpose = `question:${person.id}`;
  if ((await shownMessage(options.cases.state, asked.id, purpose)) !== null) {
    return follow({ caseId: asked.id, key: '', kinds: [], attempt: 1 }, options);
  }
  return postOnce(id.value, { caseId: asked.id, purpose, shown, key: `${asked.id}:${purpose}` }, options);
}

async function sendPage(
  message: Parameters<PageChannel['deliver']>[0],
  options: ConversationOptions,
): Promise<PageDelivery> {
  const { action, person: ref, case: paged, headline, pageNumber } = message;
  if (action !== 'trigger') return { type: 'delivered' };
  const person = ref === null ? null : await options.personById(ref.id);
  if (person === null) return { type: 'lost', why: 'nobody has this id any more' };
  const id = await options.people.idOf(person);
  if (id.type !== 'ok') return deliveryOf(id);
  if (id.value === null) return { type: 'lost', why: `Slack has nobody with the address of ${person.name}` };
  const shown = pageBlocks(await pictureOf(paged, headline, 1, options), wordsFor(person.language), summaryOf(message));
  const purpose = `page:${person.id}:${pageNumber}`;
  return postOnce(id.value, { caseId: paged.id, purpose, shown, key: `${paged.id}:${purpose}` }, options);
}

/** Posts unless a message with this key is there already: the answer to an earlier try may have been lost. */
async function postOnce(
  userId: string,
  message: { readonly caseId: string; readonly purpose: string; readonly shown: Shown; readonly key: string },
  { client, cases }: ConversationOptions,
): Promise<Delivery> {
  const channel = await client().openDirect(userId);
  if (channel.type !== 'ok') return deliveryOf(channel);
  const { caseId, purpose, shown, key } = message;
  const place = await findOrPost(client(), channel.value, { key, shown });
  if (place.type !== 'ok') return deliveryOf(place);
  await rememberMessage(cases.state, { caseId, purpose, place: place.value, shown: hashOf(shown) }, cases.nowMs());
  return { type: 'delivered' };
}

async function findOrPost(
  client: SlackClient,
  channel: string,
  { key, shown, threadTs }: { readonly key: string; readonly shown: Shown; readonly threadTs?: string },
): Promise<SlackResult<SlackPlace>> {
  const found = await client.find(channel, key, threadTs);
  if (found.type === 'ok' && found.value !== null) return { type: 'ok', value: found.value };
  const thread = threadTs === undefined ? {} : { threadTs };
  // Not being able to look is no reason not to call for help: twice is better than never.
  return client.post({ channel, key, ...shown, ...thread });
}

async function follow(
  change: Pick<CaseChanged, 'caseId' | 'key' | 'kinds' | 'attempt'>,
  options: ConversationOptions,
): Promise<Delivery> {
  const { cases, client, securityChannel } = options;
  const found = await cases.state.transaction(async (trx) => {
    const current = await cases.unit(trx).loadCase(change.caseId);
    const findings = await cases.unit(trx).findingsOfCase(change.caseId);
    return { current, findings, proof: await options.proofs.latest(trx, change.caseId) };
  });
  const { current, findings, proof } = found;
  const headline = findings.find(({ id }) => id === current?.headlineId) ?? findings[0];
  if (current === null || headline === undefined) return { type: 'delivered' };
  const picture = await pictureOf(current, headline, changesIn(findings), options);
  let failure: Delivery | null = null;
  for (const row of await shownMessages(cases.state, current.id)) {
    const shown = await redraw(row, { picture, proof }, options);
    if (shown === null || hashOf(shown) === row.shown) continue;
    const updated = await client().update({ channel: row.channel, ts: row.ts }, shown);
    if (updated.type === 'ok' || (updated.type === 'refused' && GONE.includes(updated.error))) {
      await rememberMessage(
        cases.state,
        { caseId: current.id, purpose: row.purpose, place: row, shown: hashOf(shown) },
        cases.nowMs(),
      );
    } else failure ??= deliveryOf(updated);
  }
  if (securityChannel !== null) failure ??= failed(await tellThread(picture, securityChannel, options));
  return failure ?? { type: 'delivered' };
}

function failed(delivery: Delivery): Delivery | null {
  return delivery.type === 'failed' ? delivery : null;
}

async function redraw(
  { purpose }: ShownMessage,
  { picture, proof }: { readonly picture: Picture; readonly proof: Parameters<typeof questionBlocks>[2] },
  options: ConversationOptions,
): Promise<Shown | null> {
  const [kind, personId = ''] = purpose.split(':');
  const summary = summaryOf({ case: picture.current, headline: picture.headline });
  if (kind === THREAD) return threadBlocks(picture, wordsFor('en'), summary);
  const person = await options.personById(personId);
  const words = wordsFor(person?.language ?? 'en');
  return kind === 'question' ? questionBlocks(picture, words, proof) : pageBlocks(picture, words, summary);
}

/** The case's thread: its first message is the case as it is, its replies are the journal. */
async function tellThread(picture: Picture, channel: string, options: ConversationOptions): Promise<Delivery> {
  const { cases, client } = options;
  const { current, headline } = picture;
  let row = await shownMessage(cases.state, current.id, THREAD);
  if (row === null) {
    const shown = threadBlocks(picture, wordsFor('en'), summaryOf({ case: current, headline }));
    const place = await findOrPost(client(), channel, { key: `${current.id}:${THREAD}`, shown });
    if (place.type !== 'ok') return deliveryOf(place);
    await rememberMessage(
      cases.state,
      { caseId: current.id, purpose: THREAD, place: place.value, shown: hashOf(shown) },
      cases.nowMs(),
    );
    row = await shownMessage(cases.state, current.id, THREAD);
  }
  if (row === null) return { type: 'failed', failure: 'the thread could not be remembered', afterMs: null };
  for (const entry of await journalOfCase(cases.state, current.id, MOST_LINES)) {
    if (entry.sequence <= row.last_sequence) continue;
    const key = `${current.id}:${entry.sequence}`;
    const told = await findOrPost(client(), row.channel, { key, shown: threadLine(entry), threadTs: row.ts });
    if (told.type !== 'ok') return deliveryOf(told);
    await rememberTold(cases.state, current.id, THREAD, entry.sequence);
  }
  return { type: 'delivered' };
}

async function pictureOf(
  current: Case,
  headline: Finding,
  changes: number,
  { caseUrl, cases }: ConversationOptions,
): Promise<Picture> {
  const reverts = await revertsOfCase(cases.state.db, current.id);
  return { current, headline, changes, url: caseUrl(current.id), reverts };
}

/** What Slack refuses is tried again too, slowly: somebody may invite us to the channel. */
const REFUSED_AGAIN_MS = 60_000;

function deliveryOf(result: SlackResult<unknown>): Delivery {
  if (result.type === 'ok') return { type: 'delivered' };
  return result.type === 'refused'
    ? { type: 'failed', failure: `Slack: ${result.error}`, afterMs: REFUSED_AGAIN_MS }
    : { type: 'failed', failure: result.reason, afterMs: result.afterMs };
}

function hashOf({ text, blocks }: Shown): string {
  return createHash('sha256')
    .update(JSON.stringify([text, blocks]))
    .digest('hex');
}
