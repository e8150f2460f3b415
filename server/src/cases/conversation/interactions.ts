/**
 * What people do in Slack, as inputs of cases. Whoever clicks must be the person asked; whoever answers a page must be somebody
 * who may. Slack never proves anything by itself: a yes leads to the second factor.
 */
import type { KnownPerson } from '../../people/person.ts';
import type { SlackAction, SlackHandlers, SlackReply, SlackSubmission } from '../../vendors/slack/slack.ts';
import type { Case, CaseInput } from '../case.ts';
import { SHORTEST_REASON } from '../challenge/challenge.ts';
import type { Factors } from '../challenge/factor.ts';
import type { LinkSigner } from '../challenge/link.ts';
import type { Proofs } from '../challenge/proofs.ts';
import { wordsFor } from '../words.ts';
import { openRevertForm, type RevertForms, submitRevertForm } from './reverts/deciding.ts';
import { openForm, submitForm } from './responding.ts';
import { DECIDE_REVERT, REVERT_VIEW } from './reverts/blocks.ts';
import { ACTIONS, changeBlocks, nextView, REASON_VIEW, reasonView } from './blocks.ts';
import { isForm } from './forms.ts';
import type { SlackPeople } from './store.ts';

export interface InteractionOptions extends RevertForms {
  readonly proofs: Proofs;
  readonly factors: Factors;
  readonly links: LinkSigner;
  readonly people: SlackPeople;
  readonly publicUrl: () => string;
  readonly command: (person: KnownPerson, text: string) => Promise<string>;
}

const LONGEST_REASON = 2_000;

export function createInteractions(options: InteractionOptions): SlackHandlers {
  return {
    action: (input) => act(input, options),
    submission: (input) => submit(input, options),
    command: async ({ user, text }) => {
      const person = await options.people.personOf(user.id);
      if (person === null) return { text: 'Countersign does not know you: ask an admin to add your address.' };
      return { text: await options.command(person, text.trim()) };
    },
  };
}

async function act(input: SlackAction, options: InteractionOptions): Promise<SlackReply | null> {
  const person = await options.people.personOf(input.user.id);
  if (person === null) return { text: wordsFor('en').notYours };
  if (input.actionId.startsWith(DECIDE_REVERT)) return openRevertForm(input, person, options);
  switch (input.actionId) {
    case ACTIONS.yes:
    case ACTIONS.no:
    case ACTIONS.show:
      return answer(input, person, options);
    case ACTIONS.acknowledge:
      return respond(input, person, { type: 'acknowledged', by: refOf(person) }, options);
    case ACTIONS.unacknowledge:
      return respond(input, person, { type: 'unacknowledged', by: refOf(person) }, options);
    case ACTIONS.reopen:
      return respond(input, person, { type: 'reopened', by: refOf(person), why: 'from Slack' }, options);
    case ACTIONS.escalate:
      return respond(input, person, { type: 'escalated', by: refOf(person) }, options);
    case ACTIONS.resolve:
      return respond(input, person, { type: 'resolved', by: refOf(person), note: 'from Slack' }, options);
    case ACTIONS.more:
      return openForm(input, person, options);
    default:
      return null;
  }
}

async function answer(
  input: SlackAction,
  person: KnownPerson,
  options: InteractionOptions,
): Promise<SlackReply | null> {
  const { cases, client } = options;
  const words = wordsFor(person.language);
  const asked = readValue(input.value);
  if (asked === null) return { text: words.tooLate };
  const { current, findings } = await cases.state.transaction(async (trx) => ({
    current: await cases.unit(trx).loadCase(asked.caseId),
    findings: await cases.unit(trx).findingsOfCase(asked.caseId),
  }));
  if (current?.person?.id !== person.id) {
    // Somebody else's click is worth an entry in the journal, and nothing more.
    if (current !== null && input.actionId !== ACTIONS.show) await refuse(current, person, options);
    return { text: words.notYours };
  }
  if (input.actionId === ACTIONS.show) return changeBlocks(findings, words);
  if (input.actionId === ACTIONS.no) {
    const result = await cases.conduct(current.id, { type: 'answered-no', by: refOf(person), reason: '' });
    return result?.outcome === 'done' ? null : { text: words.tooLate };
  }
  if (current.state !== 'asked') return { text: words.tooLate };
  if (current.digest !== asked.digest) return { text: words.changed };
  const opened = await client().openView(input.triggerId, reasonView(words, asked));
  return opened.type === 'ok' ? null : { text: words.proveHere(await linkOf(current, '', options)) };
}

async function refuse(current: Case, person: KnownPerson, { cases }: InteractionOptions): Promise<void> {
  await cases.conduct(current.id, { type: 'answered-no', by: refOf(person), reason: 'clicked by somebody else' });
}

async function respond(
  input: SlackAction,
  person: KnownPerson,
  given: CaseInput,
  { cases, doers, caseUrl }: InteractionOptions,
): Promise<SlackReply | null> {
  const words = wordsFor(person.language);
  if (person.role === 'member') return { text: words.notYours };
  if ((await doers(input.value)).includes(person.id)) return { text: words.ownDoing(caseUrl(input.value)) };
  const result = await cases.conduct(input.value, given);
  return result?.outcome === 'done' ? null : { text: words.tooLate };
}

async function submit(input: SlackSubmission, options: InteractionOptions): ReturnType<SlackHandlers['submission']> {
  const { cases } = options;
  if (![REASON_VIEW, REVERT_VIEW].includes(input.callbackId) && !isForm(input.callbackId)) return null;
  const person = await options.people.personOf(input.user.id);
  if (input.callbackId === REVERT_VIEW) return submitRevertForm(input, person, options);
  if (isForm(input.callbackId)) return submitForm(input, person, options);
  const asked = readValue(input.privateMetadata);
  const words = wordsFor(person?.language ?? 'en');
  const reason = (input.values['reason'] ?? '').trim().slice(0, LONGEST_REASON);
  if (person === null || asked === null) return { errors: { reason: words.notYours } };
  if (reason.length < SHORTEST_REASON) return { errors: { reason: words.why } };
  const result = await cases.state.transaction(async (trx) => {
    const current = await cases.unit(trx).loadCase(asked.caseId);
    if (current?.person?.id !== person.id) return { error: words.notYours };
    if (current.state !== 'asked') return { error: words.tooLate };
    if (current.digest !== asked.digest) return { error: words.changed };
    if (options.factors.push === null) return { current };
    await options.proofs.start(trx, { asked: current, digest: asked.digest, reason, factor: 'duo-push' });
    return { current: null };
  });
  if (result.error !== undefined) return { errors: { reason: result.error } };
  const text =
    result.current === null ? words.approvePush : words.proveHere(await linkOf(result.current, reason, options));
  return { view: nextView(words, text) };
}

/** The page that proves it; what was typed here need not be typed again there. */
async function linkOf(current: Case, reason: string, { cases, links, publicUrl }: InteractionOptions): Promise<string> {
  const ticket = { caseId: current.id, personId: current.person?.id ?? '', expiresMs: deadlineOf(current) };
  const token = await cases.state.transaction((trx) => links.mint(trx, ticket, cases.nowMs()));
  const typed = reason === '' ? '' : `~${Buffer.from(reason).toString('base64url')}`;
  return `${publicUrl()}/challenge#${token}${typed}`;
}

function deadlineOf(current: Case): number {
  return current.state === 'asked' ? current.deadlineMs : current.updatedMs;
}

function readValue(text: string): { readonly caseId: string; readonly digest: string } | null {
  try {
    const value = JSON.parse(text) as { readonly caseId?: unknown; readonly digest?: unknown };
    if (typeof value.caseId !== 'string' || typeof value.digest !== 'string') return null;
    return { caseId: value.caseId, digest: value.digest };
  } catch {
    return null;
  }
}

function refOf({ id, name }: KnownPerson): { id: string; name: string } {
  return { id, name };
}
