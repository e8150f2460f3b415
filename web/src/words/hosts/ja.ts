/** ホスト：監視しているものと、残している記録。日本語。 */
import type { hosts as english } from './en.ts';

export const hosts: typeof english = {
  title: 'ホスト',
  sentence: '{where} での {rule}：{what}',
  sentencePlain: '{where} での {rule}',
  states: {
    starting: '開始しています',
    watching: '監視中',
    waiting: 'センサーの接続待ち',
    'not-allowed': '監視の権限がありません',
    absent: 'センサーがありません',
    failed: '監視できていません',
    stopped: '監視していません',
  },
  rate: '毎秒 {count} イベント',
  lost: '欠落 {count} 件',
  lookBack: '{count} 秒さかのぼれます',
  containers: 'コンテナー {count} 個',
  doorTitle: 'このマシンを監視する',
  doorText:
    'このマシンとコンテナーのコマンド・通信・ファイルを、起きたその場で調べます。センサーには、Countersign 自身は持たない権限が必要です。',
  doorButton: '{host} を監視する',
  doorAsked: 'センサーを開始しています…',
  allow:
    'このマシンでは許可されていません。センサーに権限を与えるか、root で起動して接続させてから、もう一度お試しください。',
  evidence: '前後の記録',
  capture: '{from} から {to}',
  captureRule: 'きっかけ：{rule}',
  captureStates: {
    recording: '記録中',
    arriving: 'ホストから転送中',
    kept: '保存済み',
    cut: '途中で終了',
    removed: '容量のため削除',
  },
  download: '.scap.gz をダウンロード（{size}）',
  gap: '見えなかったイベント {lost} 件（{what}）、{from} から {to}',
  blind: '{from} から {to} は監視していませんでした',
};
