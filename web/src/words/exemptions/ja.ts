/** The words of exemptions in Japanese. */
import type { exemptionsWords as english } from './en.ts';

export const exemptionsWords: typeof english = {
  title: '除外',
  text: '把握済みで問題のない検知を、期限を決めて案件から外します。記録には残ります。',
  empty: '除外はありません。',
  active: '有効',
  over: '終了',
  until: '期限',
  hidden: '{count} 件を除外',
  end: '今すぐ終了',
  make: '除外を作成',
  parts: {
    rule: 'ルール（正確な名前）',
    actor: '操作者（ID、ユーザー名、ロール/セッション。先頭か末尾に * を使えます）',
    resource: 'リソース（ID。先頭か末尾に * を使えます）',
    account: 'アカウントまたはクラスター',
  },
  preview: '除外される検知を確認',
  wouldHide: '過去30日間の検知 {count} 件が除外され、そのうち {denied} 件は本人が否定したものです。',
  wouldHideMore: '呼び出し {paged} 件、回答なし {expired} 件を含みます。',
  cut: 'この期間の検知が多いため、一部のみ確認しました。',
  reason: '除外する理由',
  life: '期間',
  confirm: '作成する',
  made: '今から有効です。',
};
