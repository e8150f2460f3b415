/**
 * The forms behind "More…": first what is to be done, then what it needs. Every text and list is cut to what Slack takes, since
 * one that is longer makes it refuse the whole form.
 */
import type { Priority } from '@countersign/contract';
import type { SlackView } from '../../vendors/slack/slack.ts';
import type { AcknowledgedCase, Case, PagedCase } from '../case.ts';
import { shortCode } from '../page/phone.ts';
import { LONGEST_SNOOZE_MS, SHORTEST_SNOOZE_MS } from '../paging.ts';
import type { CaseWords } from '../words.ts';
import { cut, escapeText, plain, section } from './blocks.ts';
import type { Target } from '../page/targets.ts';

const CHOOSE_FORM = 'case_more';
const FILL_FORM = 'case_respond';
/** Blocks that errors stand beside. */
export const BLOCKS = { action: 'action', main: 'main', minutes: 'minutes', address: 'address' } as const;
export const RESPONSES = ['snooze', 'reassign', 'add-responders', 'merge', 'note', 'prioritise'] as const;
export type ResponseKind = (typeof RESPONSES)[number];
export const PRIORITIES: readonly Priority[] = ['P1', 'P2', 'P3', 'P4', 'P5'];
export const NO_PRIORITY = 'none';
const MINUTE_MS = 60_000;
export const FEWEST_MINUTES = SHORTEST_SNOOZE_MS / MINUTE_MS;
export const MOST_MINUTES = LONGEST_SNOOZE_MS / MINUTE_MS;
/** Slack's own. */
export const LONGEST_TEXT = 3_000;
export const MOST_OPTIONS = 100;
const LONGEST_OPTION = 75;
const LONGEST_TITLE = 24;
const LONGEST_SUMMARY = 300;
const USUAL_MINUTES = '60';

/** What a form is about; travels with it, and Slack signs it on the way back. */
export interface FormTicket {
  /** New for every form that was opened. */
  readonly form: string;
  readonly caseId: string;
  readonly openedMs: number;
  /** Null while it is being chosen. */
  readonly action: ResponseKind | null;
}

export interface FormParts {
  readonly current: Case;
  readonly summary: string;
  readonly targets: readonly Target[];
  /** The other open cases, each in one line. */
  readonly others: readonly { readonly id: string; readonly summary: string }[];
}

type Block = SlackView['blocks'][number];

export function isForm(callbackId: string): boolean {
  return callbackId === CHOOSE_FORM || callbackId === FILL_FORM;
}

/** What is to be done. */
export function chooseView(words: CaseWords, ticket: FormTicket, summary: string): SlackView {
  const { responding } = words;
  const options = RESPONSES.map((kind) => option(kind, responding.actions[kind]));
  const element = { type: 'radio_buttons', action_id: 'input', options } as const;
  const blocks: Block[] = [
    about(summary),
    { type: 'input', block_id: BLOCKS.action, label: plain(responding.what), element },
  ];
  return viewOf(words, { callbackId: CHOOSE_FORM, title: responding.title, ticket, blocks });
}

/** What it needs. */
export function fillView(words: CaseWords, ticket: FormTicket & { action: ResponseKind }, parts: FormParts): SlackView {
  const title = words.responding.actions[ticket.action];
  const blocks = [about(parts.summary), ...inputsOf(ticket.action, words, parts)];
  return viewOf(words, { callbackId: FILL_FORM, title, ticket, blocks });
}

/** More people than one list takes: the rest are named by their address. */
export function namesByAddress(targets: readonly Target[]): boolean {
  return targets.filter(({ group }) => group === 'people').length > MOST_OPTIONS;
}

export function readTicket(text: string): FormTicket | null {
  try {
    const { form, caseId, openedMs, action } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const kind = kindOf(action);
    if (typeof form !== 'string' || typeof caseId !== 'string' || typeof openedMs !== 'number') return null;
    return action === null || kind !== null ? { form, caseId, openedMs, action: kind } : null;
  } catch {
    return null;
  }
}

export function kindOf(value: unknown): ResponseKind | null {
  return RESPONSES.find((kind) => kind === value) ?? null;
}

/** A question is answered, not responded to; what has ended stays so. */
export function isOpenPage(current: Case | null): current is PagedCase | AcknowledgedCase {
  return current?.state === 'paged' || current?.state === 'acknowledged';
}

function inputsOf(kind: ResponseKind, words: CaseWords, parts: FormParts): readonly Block[] {
  const { responding } = words;
  switch (kind) {
    case 'snooze':
      return snoozeInputs(words);
    case 'reassign':
      return targetInputs(responding.toWhom, words, parts.targets);
    case 'add-responders':
      return targetInputs(
        responding.whom,
        words,
        parts.targets.filter(({ people }) => people.length > 0),
      );
    case 'merge': {
      const options = parts.others.slice(0, MOST_OPTIONS).map(({ id, summary }) => {
        const code = ` · ${shortCode(id)}`;
        return option(id, `${cut(summary, LONGEST_OPTION - code.length)}${code}`);
      });
      return [select(responding.into, { options })];
    }
    case 'note': {
      const element = { type: 'plain_text_input', action_id: 'input', multiline: true } as const;
      const limits = { min_length: 1, max_length: LONGEST_TEXT };
      return [
        { type: 'input', block_id: BLOCKS.main, label: plain(responding.text), element: { ...element, ...limits } },
      ];
    }
    case 'prioritise': {
      const none = option(NO_PRIORITY, responding.noPriority);
      const options = [...PRIORITIES.map((name) => option(name, name)), none];
      const chosen = options.find(({ value }) => value === parts.current.priority) ?? none;
      return [select(responding.priority, { options, initial_option: chosen })];
    }
  }
}

function snoozeInputs({ responding }: CaseWords): readonly Block[] {
  const options = Object.entries(responding.snoozeFor).map(([minutes, name]) => option(minutes, name));
  const usual = options.find(({ value }) => value === USUAL_MINUTES);
  const minutes = {
    type: 'number_input',
    action_id: 'input',
    is_decimal_allowed: false,
    min_value: String(FEWEST_MINUTES),
    max_value: String(MOST_MINUTES),
  } as const;
  return [
    select(responding.howLong, { options, ...(usual === undefined ? {} : { initial_option: usual }) }),
    {
      type: 'input',
      block_id: BLOCKS.minutes,
      optional: true,
      label: plain(responding.minutes),
      element: minutes,
    },
  ];
}

function targetInputs(label: string, { responding }: CaseWords, targets: readonly Target[]): readonly Block[] {
  const groups = (['schedules', 'teams', 'escalations', 'people'] as const).flatMap((group) => {
    const options = targets
      .filter((target) => target.group === group)
      .slice(0, MOST_OPTIONS)
      .map(({ key, name }) => option(key, name));
    return options.length === 0 ? [] : [{ label: plain(cut(responding.groups[group], LONGEST_OPTION)), options }];
  });
  if (!namesByAddress(targets)) return [select(label, { option_groups: groups })];
  const address = { type: 'plain_text_input', action_id: 'input', max_length: 254 } as const;
  return [
    { ...select(label, { option_groups: groups }), optional: true },
    { type: 'input', block_id: BLOCKS.address, optional: true, label: plain(responding.address), element: address },
  ];
}

type Options =
  | {
      readonly options: ReturnType<typeof option>[];
      readonly initial_option?: ReturnType<typeof option>;
    }
  | { readonly option_groups: { label: ReturnType<typeof plain>; options: ReturnType<typeof option>[] }[] };

function select(label: string, options: Options) {
  const element = { type: 'static_select' as const, action_id: 'input', ...options };
  return { type: 'input' as const, block_id: BLOCKS.main, label: plain(label), element };
}

function option(value: string, text: string) {
  return { value, text: plain(cut(text === '' ? value : text, LONGEST_OPTION)) };
}

function about(summary: string): Block {
  return section(`*${escapeText(cut(summary, LONGEST_SUMMARY))}*`);
}

function viewOf(
  words: CaseWords,
  form: {
    readonly callbackId: string;
    readonly title: string;
    readonly ticket: FormTicket;
    readonly blocks: readonly Block[];
  },
): SlackView {
  return {
    type: 'modal',
    callback_id: form.callbackId,
    private_metadata: JSON.stringify(form.ticket),
    title: plain(cut(form.title, LONGEST_TITLE)),
    submit: plain(words.confirm),
    close: plain(words.cancel),
    blocks: [...form.blocks],
  };
}
