/**
 * A second person decides about a revert from Slack: the plan exactly as it is, a fresh code, and the same refusals as in the console.
 *
 * The surprise: the form closes before anything is put back. Slack waits three seconds, AWS takes as long as it takes; the message
 * follows.
 */
import type { KnownPerson } from '../../../people/person.ts';
import { mayAct } from '../../../people/sign-in/guard.ts';
import type { SlackAction, SlackHandlers, SlackReply, SlackSubmission } from '../../../vendors/slack/slack.ts';
import type { Deciding } from '../../revert/deciding.ts';
import { findRevert } from '../../revert/store.ts';
import { wordsFor } from '../../words.ts';
import { nextView } from '../blocks.ts';
import type { RespondingForms } from '../responding.ts';
import { CODE_BLOCK, readRevertTicket, revertView, verbOf } from './blocks.ts';
import { revertWordsFor } from './words.ts';

export interface RevertForms extends RespondingForms {
  /** Null: reverts are not configured. */
  readonly deciding: Deciding | null;
}

export async function openRevertForm(
  { value, triggerId }: SlackAction,
  person: KnownPerson,
  options: RevertForms,
): Promise<SlackReply | null> {
  const words = wordsFor(person.language);
  const ours = revertWordsFor(person.language);
  const ticket = readRevertTicket(value);
  const { deciding } = options;
  if (ticket === null || deciding === null) return { text: words.tooLate };
  if (!mayAct(person, 'responder')) return { text: words.notYours };
  const revert = await findRevert(options.cases.state.db, ticket.revertId);
  if (revert === null || verbOf(revert) !== ticket.verb) return { text: words.tooLate };
  if (revert.digest !== ticket.digest) return { text: ours.refusals['plan-differs'] };
  const refusal = await deciding.refusal(revert, person.id);
  if (refusal !== null) return { text: ours.refusals[refusal] };
  const view = revertView(revert, ticket, ours, { confirm: words.confirm, cancel: words.cancel });
  const opened = await options.client().openView(triggerId, view);
  return opened.type === 'ok' ? null : { text: words.responding.noForm(options.caseUrl(revert.caseId ?? '')) };
}

export async function submitRevertForm(
  { privateMetadata, values }: SlackSubmission,
  person: KnownPerson | null,
  options: RevertForms,
): Promise<Awaited<ReturnType<SlackHandlers['submission']>>> {
  const words = wordsFor(person?.language ?? 'en');
  const ours = revertWordsFor(person?.language ?? 'en');
  const refuse = (why: string) => ({ errors: { [CODE_BLOCK]: why } });
  const ticket = readRevertTicket(privateMetadata);
  const { deciding } = options;
  if (person === null || !mayAct(person, 'responder')) return refuse(words.notYours);
  if (ticket === null || deciding === null) return refuse(words.tooLate);
  const code = (values[CODE_BLOCK] ?? '').trim();
  const decision = { person, digest: ticket.digest, code, waits: false };
  const result = await deciding[ticket.verb](ticket.revertId, decision);
  return result.type === 'done' ? { view: nextView(words, ours.under) } : refuse(ours.refusals[result.why]);
}
