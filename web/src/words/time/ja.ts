/** The words about the time that a page shows, in Japanese. */
import type { timeWords as english } from './en.ts';

export const timeWords: typeof english = {
  bar: '期間',
  span: '期間',
  spans: { '15': '15分', '60': '1時間', '1440': '1日', '10080': '7日' },
  live: '最新を表示中',
  pause: '一時停止',
  pauseText: '表示中の期間を固定します。日時の指定もできます',
  goOn: '最新に戻る',
  widen: '期間を広げる',
  from: '開始',
  to: '終了',
  show: '表示',
  wrong: '開始は終了より前にしてください。',
};
