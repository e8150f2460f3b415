/** What Slack shows of the reverts of a case: each field as trusted → as changed → put back to, and the form of a second person. */
import type { SlackBlock, SlackView } from '../../../vendors/slack/slack.ts';
import type { Json } from '../../revert/state.ts';
import type { Revert } from '../../revert/store.ts';
import { button, code, context, cut, escapeText, plain, section } from '../blocks.ts';
import type { RevertWords } from './words.ts';

/** One for each revert of a message: Slack wants them different. */
export const DECIDE_REVERT = 'revert_decide_';
export const REVERT_VIEW = 'revert_decide';
export const CODE_BLOCK = 'code';

export type Verb = 'approve' | 'undo';

/** What a button and a form carry: which revert, exactly which plan, and what is to be done with it. */
export interface RevertTicket {
  readonly revertId: string;
  readonly digest: string;
  readonly verb: Verb;
}

const MOST_SHOWN = 3;
const MOST_LINES = 5;
const MOST_LINES_IN_FORM = 15;
const LONGEST_VALUE = 120;
const LONGEST_CALLS = 1_500;
const LONGEST_FAILURE = 300;
const LONGEST_TITLE = 24;
const MARKS: Readonly<Record<Revert['state'], string>> = {
  planned: '◇',
  approved: '…',
  running: '…',
  reverted: '✓',
  'already-done': '✓',
  conflict: '▲',
  failed: '▲',
  held: '▲',
  undoing: '…',
  undone: '↺',
};

/** The newest first, with the button that makes sense now. */
export function revertBlocks(reverts: readonly Revert[], words: RevertWords): readonly SlackBlock[] {
  const newest = reverts.toReversed();
  const blocks = newest.slice(0, MOST_SHOWN).flatMap((revert, index): SlackBlock[] => {
    const verb = verbOf(revert);
    const shown: SlackBlock[] = [section([headOf(revert, words), ...linesOf(revert, words, MOST_LINES)].join('\n'))];
    if (verb === null) return shown;
    const ticket: RevertTicket = { revertId: revert.id, digest: revert.digest, verb };
    const style = verb === 'approve' ? 'primary' : undefined;
    const value = JSON.stringify(ticket);
    return [...shown, { type: 'actions', elements: [button(`${DECIDE_REVERT}${index}`, words[verb], value, style)] }];
  });
  const left = newest.length - MOST_SHOWN;
  return left > 0 ? [...blocks, context(words.more(left))] : blocks;
}

/** What a second person may do about it now. */
export function verbOf({ state, mode }: Pick<Revert, 'state' | 'mode'>): Verb | null {
  if (state === 'reverted') return 'undo';
  return state === 'planned' && mode === 'approve' ? 'approve' : null;
}

function headOf({ state, mode, resourceKey, failure }: Revert, words: RevertWords): string {
  const resource = resourceKey.split('|').slice(3).join('|');
  const only = state === 'planned' && mode !== 'approve' && mode !== 'auto';
  const why = failure === null ? '' : `\n${escapeText(cut(failure, LONGEST_FAILURE))}`;
  return `${MARKS[state]} *${only ? words.onlyPlanned : words.states[state]}* ${code(resource)}${why}`;
}

function linesOf({ plan }: Revert, words: RevertWords, most: number): readonly string[] {
  const lines = plan?.lines ?? [];
  const shown = lines.slice(0, most).map(({ field, before, after, reverted }) => {
    const [trusted, changed, back] = [before, after, reverted].map((value) =>
      code(cut(valueOf(value, words), LONGEST_VALUE)),
    );
    return `${escapeText(field)}:  ${trusted} → ${changed} → ${back}`;
  });
  return lines.length > most ? [...shown, words.more(lines.length - most)] : shown;
}

function valueOf(value: Json, words: RevertWords): string {
  if (value === null || value === '') return words.none;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Exactly the plan, and a code for it. */
export function revertView(
  revert: Revert,
  ticket: RevertTicket,
  words: RevertWords,
  buttons: { confirm: string; cancel: string },
): SlackView {
  const isApproval = ticket.verb === 'approve';
  const calls = (revert.plan?.calls ?? [])
    .map(({ operation, input }) => `${operation} ${JSON.stringify(input)}`)
    .join('\n');
  const element = { type: 'plain_text_input', action_id: 'input', min_length: 6, max_length: 8 } as const;
  return {
    type: 'modal',
    callback_id: REVERT_VIEW,
    private_metadata: JSON.stringify(ticket),
    title: plain(cut(isApproval ? words.approveTitle : words.undoTitle, LONGEST_TITLE)),
    submit: plain(buttons.confirm),
    close: plain(buttons.cancel),
    blocks: [
      section([headOf(revert, words), ...linesOf(revert, words, MOST_LINES_IN_FORM)].join('\n').slice(0, 2_900)),
      context(words.order),
      ...(isApproval && calls !== ''
        ? [section(`${words.calls}\n\`\`\`${escapeText(cut(calls.replaceAll('```', 'ʼʼʼ'), LONGEST_CALLS))}\`\`\``)]
        : []),
      { type: 'input', block_id: CODE_BLOCK, label: plain(words.code), element },
    ],
  };
}

export function readRevertTicket(text: string): RevertTicket | null {
  try {
    const { revertId, digest, verb } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (typeof revertId !== 'string' || typeof digest !== 'string' || (verb !== 'approve' && verb !== 'undo'))
      return null;
    return { revertId, digest, verb };
  } catch {
    return null;
  }
}
