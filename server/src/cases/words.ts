/** What is said to people outside the console: questions and pages by chat, mail and phone, in each person's language. */
import type { Finding } from '../findings/finding.ts';
import type { Language } from '../people/person.ts';
import type { Case, CaseEntry } from './case.ts';
import type { NoProof } from './challenge/factor.ts';

export interface CaseWords {
  readonly language: Language;
  readonly question: string;
  readonly yes: string;
  readonly no: string;
  /** For whoever answers for the account and did not do it. */
  readonly owner: {
    readonly question: string;
    readonly yes: string;
    readonly no: string;
    readonly because: (account: string) => string;
  };
  readonly showChange: string;
  readonly acknowledge: string;
  readonly unacknowledge: string;
  readonly resolve: string;
  readonly reopen: string;
  readonly escalate: string;
  readonly open: string;
  readonly call: string;
  readonly by: string;
  readonly account: string;
  readonly region: string;
  readonly resource: string;
  readonly sourceIp: string;
  readonly time: string;
  readonly answerBy: string;
  readonly risk: string;
  readonly more: (count: number) => string;
  readonly answerHere: string;
  readonly silencePages: string;
  readonly neverAsked: string;
  readonly whyTitle: string;
  readonly why: string;
  readonly confirm: string;
  readonly cancel: string;
  readonly approvePush: string;
  readonly proveHere: (url: string) => string;
  readonly proofFailed: Readonly<Record<NoProof | 'fraud', string>>;
  readonly change: string;
  readonly states: {
    readonly confirmed: string;
    readonly denied: string;
    readonly deniedByOwner: string;
    readonly expired: string;
    readonly paged: string;
    readonly acknowledged: (name: string) => string;
    readonly resolved: (name: string) => string;
  };
  readonly responding: RespondingWords;
  readonly drill: string;
  readonly pageSubject: (summary: string) => string;
  readonly notYours: string;
  readonly ownDoing: (url: string) => string;
  readonly tooLate: string;
  readonly changed: string;
  readonly done: string;
  readonly phone: (summary: string) => string;
  readonly phoneDone: string;
  readonly phoneNothing: string;
}

/** What responders do with a page beyond the buttons on it. */
export interface RespondingWords {
  readonly more: string;
  readonly title: string;
  readonly what: string;
  readonly actions: {
    readonly snooze: string;
    readonly reassign: string;
    readonly 'add-responders': string;
    readonly merge: string;
    readonly note: string;
    readonly prioritise: string;
  };
  readonly howLong: string;
  readonly snoozeFor: {
    readonly '15': string;
    readonly '60': string;
    readonly '240': string;
    readonly '1440': string;
  };
  readonly minutes: string;
  readonly wrongMinutes: (most: number) => string;
  readonly toWhom: string;
  readonly whom: string;
  readonly groups: {
    readonly people: string;
    readonly teams: string;
    readonly schedules: string;
    readonly escalations: string;
  };
  readonly address: string;
  readonly nobody: string;
  readonly into: string;
  readonly noOther: string;
  readonly text: string;
  readonly priority: string;
  readonly noPriority: string;
  readonly noForm: (url: string) => string;
}

const en: CaseWords = {
  language: 'en',
  question: 'Was this you?',
  yes: 'Yes, I did this',
  no: 'Not me',
  owner: {
    question: 'Do you know of this?',
    yes: 'Yes, it was planned',
    no: 'No, I do not know of it',
    because: (account) => `You are asked because you answer for ${account}.`,
  },
  showChange: 'Show the change',
  acknowledge: 'Acknowledge',
  unacknowledge: 'Take it back',
  resolve: 'Resolve',
  reopen: 'Reopen',
  escalate: 'Escalate',
  open: 'Open the case',
  call: 'Call',
  by: 'By',
  account: 'Account',
  region: 'Region',
  resource: 'Resource',
  sourceIp: 'From',
  time: 'Time',
  answerBy: 'Answer by',
  risk: 'Risk',
  more: (count) => (count === 1 ? 'and 1 more change' : `and ${count} more changes`),
  answerHere: 'Answer here:',
  silencePages: 'Without an answer by then, security is paged.',
  neverAsked: 'We never ask for a password, and never for a code in a mail or in chat.',
  whyTitle: 'Was this you?',
  why: 'Why was it done?',
  confirm: 'Go on',
  cancel: 'Cancel',
  approvePush: 'Now approve the push on your phone. It shows this change.',
  proveHere: (url) => `Now prove that it is you: ${url}`,
  proofFailed: {
    'timed-out': 'Nobody approved the push in time. Answer again.',
    refused: 'The push was refused. Answer again.',
    'locked-out': 'Your second factor is locked: ask your administrators, or answer with another one.',
    bypassed: 'Your second factor let you in without asking you, which is no proof. Answer with another one.',
    unavailable: 'Your second factor cannot be used now, so that this is no proof. Answer with another one.',
    unreachable: 'Duo cannot be reached, so that this is no proof. Answer again, or with another factor.',
    'changes-differ': 'More changes were made meanwhile. Look at them, then answer again.',
    fraud: 'You reported the push as fraud.',
  },
  change: 'The change',
  states: {
    confirmed: 'Confirmed. Thank you.',
    denied: 'Not you: security has been paged.',
    deniedByOwner: 'Not known to you: security has been paged.',
    expired: 'No answer in time: security has been paged.',
    paged: 'Security has been paged.',
    acknowledged: (name) => `Acknowledged by ${name}`,
    resolved: (name) => `Resolved by ${name}`,
  },
  responding: {
    more: 'More…',
    title: 'More for this case',
    what: 'What is to be done?',
    actions: {
      snooze: 'Snooze',
      reassign: 'Hand over',
      'add-responders': 'Call in',
      merge: 'Merge',
      note: 'Add a note',
      prioritise: 'Set the priority',
    },
    howLong: 'For how long?',
    snoozeFor: { '15': '15 minutes', '60': '1 hour', '240': '4 hours', '1440': '1 day' },
    minutes: 'Or a number of minutes',
    wrongMinutes: (most) => `A whole number of minutes, from 1 to ${most}.`,
    toWhom: 'To whom?',
    whom: 'Whom?',
    groups: { people: 'People', teams: 'Teams', schedules: 'On call now', escalations: 'Ladders' },
    address: 'Or an e-mail address',
    nobody: 'Nobody is to be reached there. Choose somebody else.',
    into: 'Into which case?',
    noOther: 'There is no other open case.',
    text: 'What should others know?',
    priority: 'Which priority?',
    noPriority: 'None',
    noForm: (url) => `Slack could not show the form. It can be done here: ${url}`,
  },
  drill: 'EXERCISE',
  pageSubject: (summary) => `[page] ${summary}`,
  notYours: 'This question is for somebody else. Nobody may answer for another.',
  ownDoing: (url) => `This is about what you did yourself, and chat proves nothing. It can be done here: ${url}`,
  tooLate: 'This has been decided already.',
  changed: 'More changes have been made since. Look at them, then answer again.',
  done: 'Done.',
  phone: (summary) => `Countersign page. ${summary}. Press 4 to acknowledge, 6 to escalate.`,
  phoneDone: 'Thank you. Goodbye.',
  phoneNothing: 'Nothing was changed. Goodbye.',
};

const ja: CaseWords = {
  language: 'ja',
  question: 'この操作はご本人ですか？',
  yes: 'はい、私です',
  no: '私ではありません',
  owner: {
    question: 'この操作をご存じですか？',
    yes: 'はい、予定された操作です',
    no: 'いいえ、知りません',
    because: (account) => `${account} の責任者としてお尋ねしています。`,
  },
  showChange: '変更内容を見る',
  acknowledge: '対応を始める',
  unacknowledge: '対応を取り消す',
  resolve: '解決済みにする',
  reopen: '再開する',
  escalate: '次の担当者を呼ぶ',
  open: 'ケースを開く',
  call: '操作',
  by: '操作者',
  account: 'アカウント',
  region: 'リージョン',
  resource: 'リソース',
  sourceIp: '接続元',
  time: '日時',
  answerBy: '回答期限',
  risk: 'リスク',
  more: (count) => `ほか ${count} 件の変更`,
  answerHere: 'こちらから回答してください：',
  silencePages: '期限までに回答がない場合は、セキュリティ担当者を呼び出します。',
  neverAsked: 'パスワードや確認コードをメールやチャットでお尋ねすることはありません。',
  whyTitle: 'この操作はご本人ですか？',
  why: '理由を教えてください',
  confirm: '次へ',
  cancel: 'キャンセル',
  approvePush: 'スマートフォンの通知を承認してください。この変更が表示されます。',
  proveHere: (url) => `続けて本人確認をしてください：${url}`,
  proofFailed: {
    'timed-out': '時間内に承認されませんでした。もう一度回答してください。',
    refused: '通知が拒否されました。もう一度回答してください。',
    'locked-out': '第二要素がロックされています。管理者に連絡するか、別の方法で回答してください。',
    bypassed: '第二要素が確認なしで通過したため、本人確認になりません。別の方法で回答してください。',
    unavailable: '第二要素が今は使えないため、本人確認ができません。別の方法で回答してください。',
    unreachable: 'Duo に接続できないため、本人確認ができません。もう一度、または別の方法で回答してください。',
    'changes-differ': 'その間に別の変更がありました。内容を確認してから、もう一度回答してください。',
    fraud: '不正な通知として報告されました。',
  },
  change: '変更内容',
  states: {
    confirmed: '確認できました。ありがとうございます。',
    deniedByOwner: '把握されていない操作のため、セキュリティ担当者を呼び出しました。',
    denied: 'ご本人ではないため、セキュリティ担当者を呼び出しました。',
    expired: '期限までに回答がなかったため、セキュリティ担当者を呼び出しました。',
    paged: 'セキュリティ担当者を呼び出しました。',
    acknowledged: (name) => `${name} さんが対応中です`,
    resolved: (name) => `${name} さんが解決しました`,
  },
  responding: {
    more: 'その他…',
    title: 'このケースへの対応',
    what: '何をしますか？',
    actions: {
      snooze: '後回しにする',
      reassign: '引き継ぐ',
      'add-responders': '応援を呼ぶ',
      merge: '別のケースにまとめる',
      note: 'メモを残す',
      prioritise: '優先度を決める',
    },
    howLong: 'いつまで後回しにしますか？',
    snoozeFor: { '15': '15分', '60': '1時間', '240': '4時間', '1440': '1日' },
    minutes: 'または分数で指定',
    wrongMinutes: (most) => `1 から ${most} までの整数（分）で入力してください。`,
    toWhom: '誰に引き継ぎますか？',
    whom: '誰を呼びますか？',
    groups: { people: 'メンバー', teams: 'チーム', schedules: '現在の当番', escalations: '呼び出し順' },
    address: 'またはメールアドレス',
    nobody: '連絡できる相手がいません。別の相手を選んでください。',
    into: 'まとめる先のケース',
    noOther: 'ほかに対応中のケースはありません。',
    text: '共有したい内容',
    priority: '優先度',
    noPriority: 'なし',
    noForm: (url) => `フォームを表示できませんでした。こちらから操作できます：${url}`,
  },
  drill: '訓練',
  pageSubject: (summary) => `[呼び出し] ${summary}`,
  notYours: 'この確認は別の方宛てです。代わりに回答することはできません。',
  ownDoing: (url) =>
    `ご自身の操作についての呼び出しです。チャットでは本人確認ができないため、こちらから操作してください：${url}`,
  tooLate: 'すでに処理が済んでいます。',
  changed: 'その後、別の変更がありました。内容を確認してから回答してください。',
  done: '完了しました。',
  phone: (summary) =>
    `カウンターサインからの呼び出しです。${summary}。対応を始める場合は4を、次の担当者を呼ぶ場合は6を押してください。`,
  phoneDone: 'ありがとうございました。失礼します。',
  phoneNothing: '変更はありませんでした。失礼します。',
};

export function wordsFor(language: Language): CaseWords {
  return language === 'ja' ? ja : en;
}

const LONGEST_FACT = 500;

/** The facts that a question shows, as name and value: each one line, never endless. */
export function factLines(headline: Finding, words: CaseWords): readonly (readonly [string, string])[] {
  const { facts, account } = headline;
  const lines: readonly (readonly [string, string | null])[] = [
    [words.call, facts.action],
    [words.by, actorOf(facts.actor)],
    [
      words.resource,
      facts.resources
        .map(({ id }) => id)
        .slice(0, 3)
        .join(', ') || null,
    ],
    [words.account, account === null ? facts.account : `${account.name} (${account.label})`],
    [words.region, facts.region],
    [words.sourceIp, facts.sourceIp],
    [words.time, utc(facts.timeMs)],
  ];
  return lines.flatMap(([name, value]) => (value === null ? [] : [[name, plainLine(value)] as const]));
}

/** Names come from logs: one that breaks its line, or turns its direction, could pretend to be a line of ours. */
function plainLine(value: string): string {
  const line = value.replace(/[\s\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu, ' ');
  return line.length > LONGEST_FACT ? `${line.slice(0, LONGEST_FACT)}…` : line;
}

/** An id, with the session where there is one: several people may use one role. */
function actorOf({ id, session }: Finding['facts']['actor']): string {
  return session === null ? id : `${id}/${session}`;
}

/** How the question is put: to whoever did it, or to whoever answers for the account. */
export function asking(current: Pick<Case, 'asOwner'>, words: CaseWords): Pick<CaseWords, 'question' | 'yes' | 'no'> {
  return current.asOwner === true ? words.owner : words;
}

/** Why somebody is asked who did not do it; null for whoever did. */
export function because({ asOwner }: Pick<Case, 'asOwner'>, headline: Finding, words: CaseWords): string | null {
  const { account, facts } = headline;
  return asOwner === true ? words.owner.because(account?.name ?? facts.account ?? '?') : null;
}

/** `2026-03-02 10:00:00 UTC`: chat and mail do not know the reader's zone. */
export function utc(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** How a case stands, in one line; null while it waits. */
export function standing(current: Case, words: CaseWords): string | null {
  switch (current.state) {
    case 'asked':
      return null;
    case 'confirmed':
      return words.states.confirmed;
    case 'acknowledged':
      return words.states.acknowledged(current.acknowledgedBy.name);
    case 'resolved':
      return words.states.resolved(current.resolvedBy.name);
    case 'paged':
      if (current.answer?.answer === 'no')
        return current.asOwner === true ? words.states.deniedByOwner : words.states.denied;
      return current.cause === 'expired' ? words.states.expired : words.states.paged;
  }
}

const TOLD: readonly string[] = [
  ...['reason', 'note', 'text', 'cause', 'why', 'factor', 'until'],
  ...['resource', 'changes', 'failure'],
  ...['into', 'from', 'people', 'names', 'channel', 'to', 'escalation', 'priority'],
];

/** One line of a case's history for chat, in English: it is the language of the journal. */
export function historyLine({ kind, actor, parameters }: CaseEntry): string {
  const name = typeof parameters['name'] === 'string' ? parameters['name'] : (actor ?? '');
  const told = Object.entries(parameters)
    .filter(([key]) => TOLD.includes(key))
    .flatMap(([key, value]) => (value === null || value === '' ? [] : [`${key}: ${tell(key, value)}`]));
  return [kind.replaceAll('-', ' '), name === '' ? '' : `by ${name}`, told.join(', ')]
    .filter((part) => part !== '')
    .join(' — ');
}

function tell(key: string, value: unknown): string {
  if (key === 'until' && typeof value === 'number') return utc(value);
  return Array.isArray(value) ? value.join(', ') : String(value);
}
