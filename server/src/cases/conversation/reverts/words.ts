/** What chat says of reverts, in English and Japanese. */
import type { Language } from '../../../people/person.ts';
import type { Refusal } from '../../revert/deciding.ts';
import type { RevertState } from '../../revert/tables.ts';

export interface RevertWords {
  readonly states: Readonly<Record<RevertState, string>>;
  /** Only shown, nobody may approve it here. */
  readonly onlyPlanned: string;
  readonly approve: string;
  readonly undo: string;
  readonly approveTitle: string;
  readonly undoTitle: string;
  readonly order: string;
  readonly calls: string;
  readonly code: string;
  readonly none: string;
  readonly more: (count: number) => string;
  readonly under: string;
  readonly refusals: Readonly<Record<Refusal, string>>;
}

const en: RevertWords = {
  states: {
    planned: 'Waits for a second person',
    approved: 'Approved, being put back',
    running: 'Being put back',
    reverted: 'Put back, and read back',
    'already-done': 'Was put back already',
    conflict: 'Not put back',
    failed: 'Could not be put back',
    held: 'Held: too many at once',
    undoing: 'Being undone',
    undone: 'Undone',
  },
  onlyPlanned: 'Would be put back',
  approve: 'Put back…',
  undo: 'Undo…',
  approveTitle: 'Put it back?',
  undoTitle: 'Undo the revert?',
  order: 'as trusted → as changed → put back to',
  calls: 'Exactly these calls:',
  code: 'Code of your authenticator',
  none: 'none',
  more: (count) => `${count} more on the page of the case`,
  under: 'It is under way. The page of the case follows.',
  refusals: {
    'not-found': 'This is no longer there.',
    'second-person': 'Whoever made the change or was asked about it cannot decide about its revert.',
    'wrong-code': 'The code is wrong or was used.',
    'plan-differs': 'The plan is no longer the one that was shown. Look at it again.',
    'not-reverted': 'This was not put back, or somebody is at it.',
    'not-waiting': 'Nothing waits here any more.',
  },
};

const ja: RevertWords = {
  states: {
    planned: '二人目の承認待ち',
    approved: '承認済み、元に戻しています',
    running: '元に戻しています',
    reverted: '元に戻し、確認済み',
    'already-done': 'すでに元に戻っています',
    conflict: '元に戻していません',
    failed: '元に戻せませんでした',
    held: '保留中（短時間に多すぎます）',
    undoing: '取り消しています',
    undone: '取り消しました',
  },
  onlyPlanned: '元に戻す案（実行しません）',
  approve: '元に戻す…',
  undo: '取り消す…',
  approveTitle: '元に戻しますか？',
  undoTitle: '取り消しますか？',
  order: '信頼した値 → 変更後 → 戻す値',
  calls: '実行する操作：',
  code: '認証アプリの確認コード',
  none: 'なし',
  more: (count) => `ほか ${count} 件はケースのページで確認してください`,
  under: '実行を始めました。結果はケースに表示されます。',
  refusals: {
    'not-found': '対象が見つかりません。',
    'second-person': '変更した本人や確認を受けた人は、承認も取り消しもできません。',
    'wrong-code': '確認コードが正しくないか、使用済みです。',
    'plan-differs': '表示した内容から変わっています。もう一度確認してください。',
    'not-reverted': '元に戻されていないか、ほかの人が操作中です。',
    'not-waiting': '対応が必要なものはありません。',
  },
};

export function revertWordsFor(language: Language): RevertWords {
  return language === 'ja' ? ja : en;
}
