/**
 * What responders do with a page from Slack beyond its buttons: snooze, hand over, call others in, merge, note, prioritise. They
 * are the inputs that the API makes, asked of the same people.
 *
 * The surprise: a form that comes twice is done once. What was done is remembered in the transaction that did it, by the form
 * and what was entered: after an answer that was lost, other words in the same form are another wish.
 */
import { createHash } from 'node:crypto';
import type { KnownPerson } from '../../people/person.ts';
import { mayAct } from '../../people/sign-in/guard.ts';
import type { SlackClient } from '../../vendors/slack/client.ts';
import type { SlackAction, SlackHandlers, SlackReply, SlackSubmission } from '../../vendors/slack/slack.ts';
import type { Case, CaseInput, PersonRef } from '../case.ts';
import type { Cases } from '../cases.ts';
import { summaryOf } from '../page/page.ts';
import { type CaseWords, wordsFor } from '../words.ts';
import {
  BLOCKS,
  chooseView,
  FEWEST_MINUTES,
  fillView,
  type FormTicket,
  isOpenPage,
  kindOf,
  LONGEST_TEXT,
  MOST_MINUTES,
  MOST_OPTIONS,
  namesByAddress,
  NO_PRIORITY,
  PRIORITIES,
  readTicket,
  type ResponseKind,
} from './forms.ts';
import { FORM_MS, giveBackForm, openPages, takeForm } from './store.ts';
import type { Target } from '../page/targets.ts';

export interface RespondingForms {
  readonly cases: Cases;
  readonly client: () => SlackClient;
  readonly caseUrl: (caseId: string) => string;
  readonly newId: () => string;
  /** Who did what the case is about: they do not answer for it in chat, where nothing proves who they are. */
  readonly doers: (caseId: string) => Promise<readonly string[]>;
  /** Whom a case can be handed to now. */
  readonly targets: () => Promise<readonly Target[]>;
}

type Submitted = Awaited<ReturnType<SlackHandlers['submission']>>;
type Filled = FormTicket & { readonly action: ResponseKind };

/** What a form asks for: an input, another case to merge into, or what is wrong with it. */
type Wish =
  | { readonly type: 'input'; readonly input: CaseInput }
  | { readonly type: 'merge'; readonly into: string }
  | { readonly type: 'wrong'; readonly block: string; readonly why: string };

const MINUTE_MS = 60_000;

/** Opens the form; the person alone is told when there is none. */
export async function openForm(
  { value: caseId, triggerId }: SlackAction,
  person: KnownPerson,
  options: RespondingForms,
): Promise<SlackReply | null> {
  const words = wordsFor(person.language);
  if (!mayAct(person, 'responder')) return { text: words.notYours };
  if ((await options.doers(caseId)).includes(person.id)) return { text: words.ownDoing(options.caseUrl(caseId)) };
  const shown = await loadShown(caseId, options);
  if (shown === null) return { text: words.tooLate };
  const ticket = { form: options.newId(), caseId, openedMs: options.cases.nowMs(), action: null };
  const opened = await options.client().openView(triggerId, chooseView(words, ticket, shown.summary));
  return opened.type === 'ok' ? null : { text: words.responding.noForm(options.caseUrl(caseId)) };
}

export async function submitForm(
  { privateMetadata, values }: SlackSubmission,
  person: KnownPerson | null,
  options: RespondingForms,
): Promise<Submitted> {
  const ticket = readTicket(privateMetadata);
  const words = wordsFor(person?.language ?? 'en');
  const block = ticket === null || ticket.action === null ? BLOCKS.action : BLOCKS.main;
  const refuse = (why: string): Submitted => ({ errors: { [block]: why } });
  if (person === null || !mayAct(person, 'responder')) return refuse(words.notYours);
  if (ticket === null || options.cases.nowMs() - ticket.openedMs > FORM_MS) return refuse(words.tooLate);
  const { action, caseId } = ticket;
  if ((await options.doers(caseId)).includes(person.id)) return refuse(words.ownDoing(options.caseUrl(caseId)));
  if (action === null) return choose({ ...ticket, action: kindOf(values[BLOCKS.action]) }, words, options);
  const filled = { ...ticket, action };
  const wish = await wishOf(filled, values, { by: refOf(person), words, options });
  if (wish.type === 'wrong') return { errors: { [wish.block]: wish.why } };
  const done = await fulfil(wish, { ticket: filled, values, by: refOf(person) }, options.cases);
  return done ? null : refuse(words.tooLate);
}

/** From what is to be done to what it needs; nothing happens yet. */
async function choose(ticket: FormTicket, words: CaseWords, options: RespondingForms): Promise<Submitted> {
  const { action, caseId } = ticket;
  const refuse = (why: string): Submitted => ({ errors: { [BLOCKS.action]: why } });
  if (action === null) return refuse(words.responding.what);
  const shown = await loadShown(caseId, options);
  if (shown === null) return refuse(words.tooLate);
  const targets = action === 'reassign' || action === 'add-responders' ? await options.targets() : [];
  const others = action === 'merge' ? await otherCases(caseId, options) : [];
  if (action === 'merge' && others.length === 0) return refuse(words.responding.noOther);
  return { view: fillView(words, { ...ticket, action }, { ...shown, targets, others }) };
}

interface WishContext {
  readonly by: PersonRef;
  readonly words: CaseWords;
  readonly options: RespondingForms;
}

async function wishOf({ action }: Filled, values: SlackSubmission['values'], context: WishContext): Promise<Wish> {
  const { by, words } = context;
  const main = (values[BLOCKS.main] ?? '').trim();
  switch (action) {
    case 'snooze':
      return snoozeOf(values, context);
    case 'reassign':
    case 'add-responders': {
      const target = await targetOf(values, context.options);
      if (target === null) return { type: 'wrong', block: BLOCKS.main, why: words.responding.nobody };
      const { people, escalation } = target;
      const input: CaseInput =
        action === 'reassign'
          ? { type: 'reassigned', by, to: people, escalation }
          : { type: 'responders-added', by, people };
      return { type: 'input', input };
    }
    case 'merge':
      return { type: 'merge', into: main };
    case 'note': {
      const text = main.slice(0, LONGEST_TEXT);
      if (text === '') return { type: 'wrong', block: BLOCKS.main, why: words.responding.text };
      return { type: 'input', input: { type: 'noted', by, text } };
    }
    case 'prioritise': {
      const priority = PRIORITIES.find((name) => name === main) ?? null;
      if (priority === null && main !== NO_PRIORITY)
        return { type: 'wrong', block: BLOCKS.main, why: words.responding.priority };
      return { type: 'input', input: { type: 'prioritised', by, priority } };
    }
  }
}

/** A number that was typed goes before the choice that stood there. */
function snoozeOf(values: SlackSubmission['values'], { by, words, options }: WishContext): Wish {
  const typed = (values[BLOCKS.minutes] ?? '').trim();
  const text = typed === '' ? (values[BLOCKS.main] ?? '') : typed;
  const minutes = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (minutes < FEWEST_MINUTES || minutes > MOST_MINUTES) {
    return { type: 'wrong', block: BLOCKS.minutes, why: words.responding.wrongMinutes(MOST_MINUTES) };
  }
  const untilMs = options.cases.nowMs() + minutes * MINUTE_MS;
  return { type: 'input', input: { type: 'snoozed', by, untilMs } };
}

/** As they are now: whoever is on call may have changed since the form was opened. */
async function targetOf(values: SlackSubmission['values'], options: RespondingForms): Promise<Target | null> {
  const targets = await options.targets();
  const address = (values[BLOCKS.address] ?? '').trim().toLowerCase();
  if (address !== '' && namesByAddress(targets)) return targets.find((target) => target.address === address) ?? null;
  return targets.find(({ key }) => key === values[BLOCKS.main]) ?? null;
}

/** True when it is done, now or before. */
async function fulfil(
  wish: Exclude<Wish, { type: 'wrong' }>,
  given: { readonly ticket: Filled; readonly values: SlackSubmission['values']; readonly by: PersonRef },
  cases: Cases,
): Promise<boolean> {
  const { ticket, values, by } = given;
  const entered = Object.entries(values).sort(([one], [other]) => (one < other ? -1 : 1));
  const id = createHash('sha256')
    .update(JSON.stringify([ticket.form, ticket.caseId, ticket.action, by.id, entered]))
    .digest('hex');
  return cases.state.transaction(async (trx) => {
    if (!(await takeForm(trx, id, cases.nowMs()))) return true;
    const changed =
      wish.type === 'merge'
        ? await cases.mergeIn(trx, { from: ticket.caseId, into: wish.into }, by)
        : await cases.conductIn(trx, ticket.caseId, wish.input);
    if (changed?.outcome === 'done') return true;
    await giveBackForm(trx, id);
    return false;
  });
}

/** Null for what is no open page. */
async function loadShown(
  caseId: string,
  { cases }: RespondingForms,
): Promise<{ readonly current: Case; readonly summary: string } | null> {
  return cases.state.transaction(async (trx) => {
    const unit = cases.unit(trx);
    const current = await unit.loadCase(caseId);
    if (!isOpenPage(current)) return null;
    const findings = await unit.findingsOfCase(caseId);
    const headline = findings.find(({ id }) => id === current.headlineId) ?? findings[0];
    return headline === undefined ? null : { current, summary: summaryOf({ case: current, headline }) };
  });
}

async function otherCases(caseId: string, { cases }: RespondingForms) {
  const open = await openPages(cases.state, MOST_OPTIONS + 1);
  return open
    .filter(({ current }) => current.id !== caseId)
    .map(({ current, headline }) => ({ id: current.id, summary: summaryOf({ case: current, headline }) }));
}

function refOf({ id, name }: KnownPerson): PersonRef {
  return { id, name };
}
