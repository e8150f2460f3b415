/** The words of the fleet in Japanese. */
import type { fleetWords as english } from './en.ts';

export const fleetWords: typeof english = {
  title: 'エージェント',
  text: 'エージェントはホストを監視し、このサーバーに知らせます。参加時に一度だけトークンが必要です。',
  none: 'まだエージェントは参加していません。',
  heard: '最終受信 {when}',
  never: '未受信',
  dropped: '送れないデータで領域がいっぱいになり、{count} 件のまとまりを破棄しました',
  invite: 'エージェントを招待',
  made: '1日以内に一度だけ使えます。表示は今だけです。ホスト上でファイルに保存し、次を実行してください: countersign agent --server {server} --token-file FILE',
  retire: '登録を解除',
};
