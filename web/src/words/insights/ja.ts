/** The words of the insights in Japanese. */
import type { insightsWords as english } from './en.ts';

export const insightsWords: typeof english = {
  title: '指標',
  csv: 'CSV をダウンロード',
  span: '期間',
  by: '集計の単位',
  days: '{count} 日間',
  groupings: { all: '全体', team: 'チーム', account: 'アカウント', rule: 'ルール', week: '週' },
  measures: {
    detect: '検知まで',
    verify: '本人確認まで',
    acknowledge: '対応開始まで',
    contain: '封じ込めまで',
    resolve: '解決まで',
  },
  betweenFailures: '障害の間隔（MTBF）',
  p90: 'p90',
  medianP90: '中央値、p90',
  answers: '確認の結果',
  answerKinds: {
    confirmed: '本人が確認',
    denied: '本人が否定',
    expired: '期限内に回答なし',
    pagedAtOnce: 'すぐに呼び出し',
  },
  pages: '呼び出し',
  paged: '呼び出した件数',
  never: '対応されなかった件数',
  cases: '件数',
  empty: 'この期間の案件はありません。',
  emptyMore: '最初の案件が発生すると表示されます。訓練は含みません。',
  cut: 'この期間の案件が多すぎます。短い期間を選んでください。',
  formulas: '計算方法',
  formulaLines: [
    ['検知まで', '発生から受信まで（T1 − T0）'],
    ['本人確認まで', '質問から回答まで（T3 − T2）'],
    ['対応開始まで', '呼び出しから対応開始まで（T5 − T4）。対応されなかったものは待機中として数えます'],
    ['封じ込めまで', '発生から封じ込めまで（T6 − T0）'],
    ['解決まで', '発生から解決まで（T7 − T0）'],
    ['障害の間隔', '呼び出しのない時間 ÷ 呼び出しの回数'],
  ],
};
