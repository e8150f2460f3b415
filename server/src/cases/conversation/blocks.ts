/**
 * What Slack shows of a case: the question, the page, the thread's first message.
 *
 * The surprise: names, resources and reasons come from logs and people. All of them are escaped, so that none can mention a
 * channel, draw a link or end a code span.
 */
import type { SlackBlock, SlackView } from '../../vendors/slack/slack.ts';
import type { Finding } from '../../findings/finding.ts';
import type { Case, CaseEntry } from '../case.ts';
import { SHORTEST_REASON } from '../challenge/challenge.ts';
import type { ProofRow } from '../challenge/proofs.ts';
import type { Revert } from '../revert/store.ts';
import { asking, because, type CaseWords, factLines, historyLine, standing, utc } from '../words.ts';
import { revertBlocks } from './reverts/blocks.ts';
import { revertWordsFor } from './reverts/words.ts';

export const ACTIONS = {
  yes: 'challenge_yes',
  no: 'challenge_no',
  show: 'challenge_show',
  acknowledge: 'case_acknowledge',
  unacknowledge: 'case_unacknowledge',
  escalate: 'case_escalate',
  resolve: 'case_resolve',
  reopen: 'case_reopen',
  more: 'case_more',
  open: 'case_open',
} as const;
export const REASON_VIEW = 'challenge_reason';

export interface Shown {
  readonly text: string;
  readonly blocks: readonly SlackBlock[];
}

export interface Picture {
  readonly current: Case;
  readonly headline: Finding;
  readonly changes: number;
  readonly url: string;
  /** The oldest first. */
  readonly reverts: readonly Revert[];
}

const LONGEST_FIELD = 300;
const LONGEST_CHANGE = 2_500;
const LONGEST_TITLE = 24;
const MOST_FIELDS = 10;
const LONGEST_LINE = 2_500;

/** Slack's three; nothing else means anything outside a code span. */
export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Cut to so many characters, never within one. */
export function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** By the reader's own clock, which Slack knows, and in UTC. */
function clockTime(ms: number): string {
  const known = utc(ms);
  return `<!date^${Math.floor(ms / 1_000)}^{date_short_pretty} {time}|${known}> (${known})`;
}

/** A machine's value: in a code span that it cannot end. */
export function code(text: string): string {
  const cut = text.length > LONGEST_FIELD ? `${text.slice(0, LONGEST_FIELD)}…` : text;
  return `\`${escapeText(cut.replaceAll('`', 'ʼ').replace(/\s+/g, ' '))}\``;
}

export function questionBlocks(picture: Picture, words: CaseWords, proof: ProofRow | null): Shown {
  const { current, headline, changes } = picture;
  const drill = current.drill ? `${words.drill}: ` : '';
  const { question, yes, no } = asking(current, words);
  const text = `${drill}${question} ${headline.facts.action}`;
  const why = because(current, headline, words);
  const blocks: SlackBlock[] = [
    section(`*${drill}${question}*${changes > 1 ? ` (${words.more(changes - 1)})` : ''}`),
    fieldsOf(headline, words),
    ...(why === null ? [] : [context(escapeText(why))]),
  ];
  const ended = standing(current, words);
  if (ended !== null || current.state !== 'asked') return { text, blocks: [...blocks, section(`*${ended ?? ''}*`)] };
  blocks.push(context(`${words.answerBy}: *${clockTime(current.deadlineMs)}*. ${words.silencePages}`));
  const waits = proof !== null && proof.ended_ms === null && proof.digest === current.digest;
  if (waits && proof.factor === 'duo-push') blocks.push(section(`*${words.approvePush}*`));
  else if (proof !== null && proof.state === 'failed' && proof.why !== 'replaced') {
    blocks.push(section(failureOf(proof.why, words)));
  }
  const value = JSON.stringify({ caseId: current.id, digest: current.digest });
  blocks.push({
    type: 'actions',
    elements: [
      button(ACTIONS.yes, yes, value, 'primary'),
      button(ACTIONS.no, no, value, 'danger'),
      button(ACTIONS.show, words.showChange, value),
    ],
  });
  return { text, blocks };
}

export function pageBlocks(picture: Picture, words: CaseWords, summary: string): Shown {
  const { current, headline, url, reverts } = picture;
  const ended = current.state === 'paged' ? null : standing(current, words);
  const text = `${current.drill ? `${words.drill}: ` : ''}${summary}`;
  const blocks: SlackBlock[] = [
    section(`*${escapeText(text)}*`),
    fieldsOf(headline, words),
    context([`${words.risk} *${current.risk}*`, current.priority, causeOf(current)].filter(isShown).join(' · ')),
  ];
  if (ended !== null) blocks.push(section(`*${escapeText(ended)}*`));
  blocks.push(...revertBlocks(reverts, revertWordsFor(words.language)));
  return { text, blocks: [...blocks, { type: 'actions', elements: buttonsFor(current, url, words) }] };
}

/** What makes sense now, the most wanted first. */
function buttonsFor({ id, state }: Case, url: string, words: CaseWords) {
  const open = { ...button(ACTIONS.open, words.open, id), url };
  const escalate = button(ACTIONS.escalate, words.escalate, id);
  const rest = [button(ACTIONS.resolve, words.resolve, id), button(ACTIONS.more, words.responding.more, id), open];
  switch (state) {
    case 'paged':
      return [button(ACTIONS.acknowledge, words.acknowledge, id, 'primary'), escalate, ...rest];
    case 'acknowledged':
      return [button(ACTIONS.unacknowledge, words.unacknowledge, id), escalate, ...rest];
    case 'resolved':
      return [button(ACTIONS.reopen, words.reopen, id), open];
    case 'asked':
    case 'confirmed':
      return [open];
  }
}

function causeOf(current: Case): string | null {
  return 'cause' in current ? current.cause : null;
}

function isShown(part: string | null): part is string {
  return part !== null;
}

/** The first message of a case's thread in the security channel. */
export function threadBlocks(picture: Picture, words: CaseWords, summary: string): Shown {
  const { current } = picture;
  const asked =
    current.state === 'asked'
      ? `asked ${current.person.name}, until ${utc(current.deadlineMs)}`
      : standing(current, words);
  const shown = pageBlocks(picture, words, summary);
  return {
    text: shown.text,
    blocks: [
      ...shown.blocks.slice(0, 2),
      context([`*${current.state}*`, current.priority, escapeText(asked ?? '')].filter(isShown).join(' · ')),
      ...revertBlocks(picture.reverts, revertWordsFor(words.language)),
      ...shown.blocks.slice(-1),
    ],
  };
}

/** One journal entry as a line of the thread. */
export function threadLine(entry: CaseEntry): Shown {
  const text = escapeText(historyLine(entry)).slice(0, LONGEST_LINE);
  return { text, blocks: [context(text)] };
}

/** What exactly was changed, for the person asked alone. */
export function changeBlocks(findings: readonly Finding[], words: CaseWords): Shown {
  const changes = findings.map(({ facts }) => ({
    call: facts.action,
    at: new Date(facts.timeMs).toISOString(),
    before: facts.change.before,
    after: facts.change.after,
    request: facts.change.request,
  }));
  const json = JSON.stringify(changes, null, 2).replaceAll('```', 'ʼʼʼ');
  const cut = json.length > LONGEST_CHANGE ? `${json.slice(0, LONGEST_CHANGE)}\n…` : json;
  const text = `\`\`\`${escapeText(cut).slice(0, LONGEST_CHANGE + 400)}\`\`\``;
  return { text: words.change, blocks: [section(text)] };
}

function failureOf(why: string | null, { proofFailed }: CaseWords): string {
  const known: Readonly<Record<string, string>> = proofFailed;
  return known[why ?? ''] ?? proofFailed.unavailable;
}

/** Asks for the reason; the second factor comes after it. */
export function reasonView(
  words: CaseWords,
  metadata: { readonly caseId: string; readonly digest: string },
): SlackView {
  return {
    type: 'modal',
    callback_id: REASON_VIEW,
    private_metadata: JSON.stringify(metadata),
    title: plain(words.whyTitle.slice(0, LONGEST_TITLE)),
    submit: plain(words.confirm),
    close: plain(words.cancel),
    blocks: [
      {
        type: 'input',
        block_id: 'reason',
        label: plain(words.why),
        element: {
          type: 'plain_text_input',
          action_id: 'input',
          multiline: true,
          min_length: SHORTEST_REASON,
          max_length: 2_000,
        },
      },
    ],
  };
}

/** What to do next, in place of the form. */
export function nextView(words: CaseWords, text: string): SlackView {
  return {
    type: 'modal',
    callback_id: 'challenge_next',
    title: plain(words.whyTitle.slice(0, LONGEST_TITLE)),
    close: plain(words.cancel),
    blocks: [section(text)],
  };
}

function fieldsOf(headline: Finding, words: CaseWords): SlackBlock {
  const fields = factLines(headline, words)
    .slice(0, MOST_FIELDS)
    .map(([name, value]) => ({ type: 'mrkdwn' as const, text: `*${name}*\n${code(value)}` }));
  return fields.length === 0 ? section(code(headline.output || headline.rule)) : { type: 'section', fields };
}

export function section(text: string): SlackBlock {
  return { type: 'section', text: { type: 'mrkdwn', text: text === '' ? ' ' : text } };
}

export function context(text: string): SlackBlock {
  return { type: 'context', elements: [{ type: 'mrkdwn', text: text === '' ? ' ' : text }] };
}

export function plain(text: string) {
  return { type: 'plain_text' as const, text };
}

export function button(actionId: string, text: string, value: string, style?: 'primary' | 'danger') {
  return {
    type: 'button' as const,
    action_id: actionId,
    text: plain(text),
    value,
    ...(style === undefined ? {} : { style }),
  };
}
