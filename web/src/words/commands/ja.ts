/** コマンド、検索、キー操作の文言。 The command palette, search and keys in Japanese. */
import type { commandsWords as english } from './en.ts';

export const commandsWords: typeof english = {
  palette: 'コマンドと検索',
  placeholder: '操作を選ぶ、またはケース・人・ルール・リソースを探す',
  search: 'ケース・人・ルール・リソースを検索',
  find: '検索',
  nothing: '該当するものはありません。操作者、リソース、ルール、アカウント、アドレスの先頭部分を入力してください。',
  hint: '↑ ↓ で選択、Enter で実行、Esc で閉じる',
  help: 'キー操作',
  here: 'このページの操作',
  everywhere: '全ページ共通',
  pages: 'ページ',
  people: '人',
  rules: 'ルール',
  resources: 'リソース',
  never: '入力中はどのキーも動作しません。e はボタンへ、r はその前の入力欄へ移動するだけです。',
  next: '次のケース',
  previous: '前のケース',
  open: '選択したケースを開く',
  about: '「{text}」に関するケース',
  all: 'すべてのケースを表示',
};
