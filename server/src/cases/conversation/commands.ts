/**
 * `/countersign`: what people type in Slack beside the buttons. Answers are seen by the person alone, in their language.
 *
 * The surprise: everything that may be done here asks for the role that the console asks for, and leads to the same functions.
 */
import type { HeartbeatHealth } from '@countersign/contract';
import { messageOf } from '../../ground/failure.ts';
import { parseDurationMs } from '../../ground/duration.ts';
import type { KnownPerson, Language } from '../../people/person.ts';
import { mayAct } from '../../people/sign-in/guard.ts';
import type { MaintenanceWindow } from '../page/maintenance.ts';
import { utc } from '../words.ts';
import { escapeText } from './blocks.ts';
import type { Target } from '../page/targets.ts';

export interface OnDuty {
  readonly schedule: string;
  readonly name: string | null;
  /** When it ends; null when nobody is on call. */
  readonly untilMs: number | null;
}

/** A window as it was typed: `account=…`, `source=…`, `rule=…` and the reason. */
export interface TypedWindow {
  readonly parts: Readonly<Partial<Record<'account' | 'source' | 'rule', string>>>;
  readonly reason: string;
  readonly lengthMs: number;
}

export interface CommandOptions {
  /** Cases that wait for this person. */
  readonly mine: (
    personId: string,
  ) => Promise<readonly { readonly id: string; readonly action: string; readonly deadlineMs: number }[]>;
  readonly whoIsOnCall: () => Promise<readonly OnDuty[]>;
  /** Pages whoever is on call with these words, or exactly this target. */
  readonly page: (person: KnownPerson, text: string, target: Target | null) => Promise<void>;
  readonly targets: () => Promise<readonly Target[]>;
  readonly personOf: (slackId: string) => Promise<KnownPerson | null>;
  /** The page that answers a question: a link for this person alone. */
  readonly answerUrl: (caseId: string) => Promise<string | null>;
  /** The person stands in from now on. False when there is no such schedule. */
  readonly cover: (person: KnownPerson, schedule: string, lengthMs: number) => Promise<boolean>;
  /** Ends where the person stands in now. Returns how many. */
  readonly uncover: (person: KnownPerson, schedule: string) => Promise<number>;
  readonly windows: () => Promise<readonly MaintenanceWindow[]>;
  /** @throws Failure that says what is wrong with it. */
  readonly plan: (person: KnownPerson, window: TypedWindow) => Promise<MaintenanceWindow>;
  readonly endWindow: (person: KnownPerson, id: string) => Promise<boolean>;
  readonly heartbeats: () => Promise<readonly HeartbeatHealth[]>;
}

export type Command = (person: KnownPerson, text: string) => Promise<string>;

interface Words {
  readonly help: string;
  readonly nothing: string;
  readonly noSchedule: string;
  readonly nobody: string;
  readonly until: (time: string) => string;
  readonly paging: string;
  readonly pagingOnly: (name: string) => string;
  readonly noTarget: (name: string) => string;
  readonly covered: (schedule: string, time: string) => string;
  readonly uncovered: (schedule: string) => string;
  readonly notCovering: string;
  readonly unknownSchedule: (names: string) => string;
  readonly length: string;
  readonly noWindows: string;
  readonly window: (id: string, what: string, from: string, to: string, reason: string) => string;
  readonly windowEnded: string;
  readonly unknownWindow: string;
  readonly refused: (why: string) => string;
  readonly notAllowed: string;
  readonly noHeartbeats: string;
  readonly late: (since: string) => string;
  readonly heard: (time: string) => string;
  readonly never: string;
}

const WORDS: Readonly<Record<Language, Words>> = {
  en: {
    help: [
      '`/countersign` my open questions',
      '`/countersign who` who is on call',
      '`/countersign page WORDS` pages them; `page @SOMEBODY WORDS` a person, a team, a schedule or a ladder by its name',
      '`/countersign cover SCHEDULE 4h` I stand in from now, `uncover SCHEDULE` ends it',
      '`/countersign maintenance` planned work; `maintenance 2h account=shop-* REASON` plans it, `maintenance end ID` ends it',
      '`/countersign heartbeats` which jobs are silent',
    ].join('\n'),
    nothing: 'Nothing waits for your answer.',
    noSchedule: 'There is no schedule.',
    nobody: 'nobody',
    until: (time) => `until ${time}`,
    paging: 'Whoever is on call is being paged.',
    pagingOnly: (name) => `${name} is being paged.`,
    noTarget: (name) => `Nobody is called ${name} here: name a person by address, or a team, schedule or ladder.`,
    covered: (schedule, time) => `You are on call in ${schedule} until ${time}.`,
    uncovered: (schedule) => `You no longer stand in for ${schedule}.`,
    notCovering: 'You do not stand in there.',
    unknownSchedule: (names) => `There is no such schedule. There are: ${names}`,
    length: 'For how long? Write it like `2h` or `90m`, up to 7 days.',
    noWindows: 'Nothing is planned.',
    window: (id, what, from, to, reason) => `• \`${id}\` ${what}: ${from} – ${to}, ${reason}`,
    windowEnded: 'It is over; pages that it held back go out now.',
    unknownWindow: 'There is no such planned work.',
    refused: (why) => `That is not possible: ${why}`,
    notAllowed: 'Only people who answer pages may do this.',
    noHeartbeats: 'No job is monitored.',
    late: (since) => `*silent* since ${since}`,
    heard: (time) => `heard ${time}`,
    never: 'not heard yet',
  },
  ja: {
    help: [
      '`/countersign` 自分宛ての確認',
      '`/countersign who` 当番の確認',
      '`/countersign page 内容` 当番を呼び出す。`page @相手 内容` で人、チーム、当番表、呼び出し順を指定',
      '`/countersign cover 当番表 4h` 今から代わりに当番に入る（`uncover 当番表` で終了）',
      '`/countersign maintenance` 作業予定の一覧。`maintenance 2h account=shop-* 理由` で登録、`maintenance end ID` で終了',
      '`/countersign heartbeats` 応答のないジョブ',
    ].join('\n'),
    nothing: '確認待ちはありません。',
    noSchedule: '当番表がありません。',
    nobody: '当番なし',
    until: (time) => `${time} まで`,
    paging: '当番を呼び出しました。',
    pagingOnly: (name) => `${name} を呼び出しました。`,
    noTarget: (name) =>
      `${name} は見つかりません。メールアドレス、チーム、当番表、呼び出し順の名前で指定してください。`,
    covered: (schedule, time) => `${time} まで ${schedule} の当番に入りました。`,
    uncovered: (schedule) => `${schedule} の代理を終了しました。`,
    notCovering: '代理に入っていません。',
    unknownSchedule: (names) => `その当番表はありません。登録済み：${names}`,
    length: '期間を `2h` や `90m` のように指定してください（最長7日）。',
    noWindows: '作業予定はありません。',
    window: (id, what, from, to, reason) => `• \`${id}\` ${what}：${from} 〜 ${to}、${reason}`,
    windowEnded: '終了しました。保留していた呼び出しを行います。',
    unknownWindow: 'その作業予定はありません。',
    refused: (why) => `実行できません：${why}`,
    notAllowed: 'この操作は、呼び出しに対応する人だけが行えます。',
    noHeartbeats: '監視しているジョブはありません。',
    late: (since) => `${since} から *応答なし*`,
    heard: (time) => `最終応答 ${time}`,
    never: '応答はまだありません',
  },
};

const LONGEST_PAGE = 500;
const LONGEST_MS = 7 * 86_400_000;
const PART = /^(account|source|rule)=(\S{1,300})$/;

export function createCommand(options: CommandOptions): Command {
  return async (person, text) => {
    const [word = '', ...rest] = text.split(/\s+/).filter((part) => part !== '');
    const words = WORDS[person.language];
    switch (word.toLowerCase()) {
      case '':
      case 'mine':
        return mine(person, words, options);
      case 'who':
        return who(words, options);
      case 'page':
        return page(person, rest, words, options);
      case 'cover':
        return cover(person, rest, words, options);
      case 'uncover': {
        const schedule = rest.join(' ');
        return (await options.uncover(person, schedule)) > 0
          ? words.uncovered(escapeText(schedule))
          : words.notCovering;
      }
      case 'maintenance':
        return maintenance(person, rest, words, options);
      case 'heartbeats':
        return heartbeats(words, options);
      default:
        return words.help;
    }
  };
}

/** `page @somebody words`: exactly them; without an `@` whoever is on call. */
async function page(person: KnownPerson, rest: readonly string[], words: Words, options: CommandOptions) {
  const [first = ''] = rest;
  const slackId = /^<@([A-Z0-9]{1,30})(?:\|[^>]*)?>$/.exec(first)?.[1];
  const named = slackId !== undefined || first.startsWith('@');
  const text = rest
    .slice(named ? 1 : 0)
    .join(' ')
    .slice(0, LONGEST_PAGE);
  if (text === '') return words.help;
  if (!named) {
    await options.page(person, text, null);
    return words.paging;
  }
  const target = await targetOf(slackId === undefined ? { name: first.slice(1) } : { slackId }, options);
  if (target === null) return words.noTarget(escapeText(first));
  await options.page(person, text, target);
  return words.pagingOnly(escapeText(target.name));
}

async function targetOf(
  wanted: { readonly name: string } | { readonly slackId: string },
  { targets, personOf }: CommandOptions,
): Promise<Target | null> {
  const all = await targets();
  if ('slackId' in wanted) {
    const found = await personOf(wanted.slackId);
    return found === null ? null : (all.find(({ address }) => address === found.email) ?? null);
  }
  const name = wanted.name.toLowerCase();
  const fits = all.filter(({ called, address }) => address === name || called.toLowerCase() === name);
  return fits.length === 1 ? (fits[0] ?? null) : null;
}

async function mine(person: KnownPerson, words: Words, { mine: find, answerUrl }: CommandOptions): Promise<string> {
  const waiting = await find(person.id);
  if (waiting.length === 0) return words.nothing;
  const lines = waiting.map(async ({ id, action, deadlineMs }) => {
    const url = await answerUrl(id);
    return `• ${escapeText(action)} — ${utc(deadlineMs)}${url === null ? '' : ` — ${url}`}`;
  });
  return (await Promise.all(lines)).join('\n');
}

async function who(words: Words, { whoIsOnCall }: CommandOptions): Promise<string> {
  const all = await whoIsOnCall();
  if (all.length === 0) return words.noSchedule;
  return all
    .map(({ schedule, name, untilMs }) => {
      const until = untilMs === null ? '' : ` (${words.until(utc(untilMs))})`;
      return `• ${escapeText(schedule)}: ${escapeText(name ?? words.nobody)}${until}`;
    })
    .join('\n');
}

async function cover(
  person: KnownPerson,
  rest: readonly string[],
  words: Words,
  options: CommandOptions,
): Promise<string> {
  const lengthMs = lengthOf(rest.at(-1));
  if (lengthMs === null) return words.length;
  const schedule = rest.slice(0, -1).join(' ');
  if (!(await options.cover(person, schedule, lengthMs))) {
    const names = (await options.whoIsOnCall()).map((one) => escapeText(one.schedule));
    return names.length === 0 ? words.noSchedule : words.unknownSchedule(names.join(', '));
  }
  const found = (await options.whoIsOnCall()).find((one) => one.schedule === schedule);
  return words.covered(escapeText(schedule), utc(found?.untilMs ?? 0));
}

async function maintenance(
  person: KnownPerson,
  rest: readonly string[],
  words: Words,
  options: CommandOptions,
): Promise<string> {
  const [first] = rest;
  if (first === undefined) {
    const windows = await options.windows();
    return windows.length === 0 ? words.noWindows : windows.map((one) => lineOf(one, words)).join('\n');
  }
  if (!mayAct(person, 'responder')) return words.notAllowed;
  if (first === 'end') {
    return (await options.endWindow(person, rest[1] ?? '')) ? words.windowEnded : words.unknownWindow;
  }
  const lengthMs = lengthOf(first);
  if (lengthMs === null) return words.length;
  const typed = rest.slice(1).map((word) => ({ word, part: PART.exec(word) }));
  const parts = Object.fromEntries(typed.flatMap(({ part }) => (part === null ? [] : [[part[1], part[2]]])));
  const reason = typed.flatMap(({ word, part }) => (part === null ? [word] : [])).join(' ');
  try {
    return lineOf(await options.plan(person, { parts, reason, lengthMs }), words);
  } catch (error) {
    return words.refused(escapeText(messageOf(error)));
  }
}

function lineOf({ id, account, source, rule, fromMs, toMs, reason }: MaintenanceWindow, words: Words): string {
  const parts = Object.entries({ account, source, rule }).flatMap(([name, value]) =>
    value === null ? [] : [`${name}=${escapeText(value)}`],
  );
  return words.window(id, parts.join(' '), utc(fromMs), utc(toMs), escapeText(reason));
}

async function heartbeats(words: Words, options: CommandOptions): Promise<string> {
  const all = await options.heartbeats();
  if (all.length === 0) return words.noHeartbeats;
  return all
    .map(({ name, lastBeatAt, lateSince }) => {
      const heard = lastBeatAt === null ? words.never : words.heard(utc(Date.parse(lastBeatAt)));
      return `• ${escapeText(name)}: ${lateSince === null ? heard : words.late(utc(Date.parse(lateSince)))}`;
    })
    .join('\n');
}

function lengthOf(text: string | undefined): number | null {
  const ms = text === undefined ? null : parseDurationMs(text);
  return ms === null || ms <= 0 || ms > LONGEST_MS ? null : ms;
}
