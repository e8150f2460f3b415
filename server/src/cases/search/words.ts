/**
 * The words by which a case is found: whole identifiers, and what they consist of. Pure.
 *
 * The surprise: PostgreSQL's own parser is not asked. It takes ARNs for paths, image names for hosts and drops what it does not know; a
 * name is cut here, and the database only compares.
 */
import type { Finding } from '../../findings/finding.ts';
import { storable } from '../../ground/storable.ts';
import type { PersonRef } from '../case.ts';

export const LONGEST_QUERY = 200;
const LONGEST_WORD = 200;
const MOST_WORDS = 400;
const MOST_QUERY_WORDS = 8;
const MOST_RESOURCES = 20;
/** Between the parts of an ARN, a path, an image, a list. */
const PARTS = /[\s/:,;"'()=@|]+/u;
const PIECES = /[^\p{L}\p{N}]+/u;
const HUMP = /(?<=\p{Ll})(?=\p{Lu})/u;

/** Text as it stands in the index when it is one word: for asking after exactly this actor or resource. */
export function wholeWord(text: string): string {
  return storable(text.normalize('NFKC').toLowerCase().trim()).slice(0, LONGEST_WORD);
}

/** `arn:aws:s3:::shop-data` → itself, `shop-data`, `shop`, `data` …; `StopLogging` → itself, `stop`, `logging`. */
export function wordsOf(texts: readonly string[]): readonly string[] {
  const words = new Set<string>();
  for (const text of texts) {
    const cut = [text, ...text.split(PARTS).flatMap((part) => [part, ...part.split(PIECES).flatMap(humps)])];
    for (const word of cut.map(wholeWord)) if (word !== '' && words.size < MOST_WORDS) words.add(word);
  }
  return [...words];
}

function humps(piece: string): readonly string[] {
  return [piece, ...piece.split(HUMP)];
}

/** What somebody may remember of a case. */
export function wordsOfCase(
  { id, person }: { readonly id: string; readonly person: PersonRef | null },
  findings: readonly Finding[],
): readonly string[] {
  const named = findings.flatMap((finding) => namesIn(finding));
  return wordsOf([id, ...(person === null ? [] : [person.name]), ...named]);
}

function namesIn({ rule, facts, account, techniques }: Finding): readonly string[] {
  const { actor, resources, action, service, sourceIp, region } = facts;
  const names = [rule, action, service, actor.id, actor.name, actor.session, sourceIp, region, facts.account];
  const ids = resources.slice(0, MOST_RESOURCES).map(({ id }) => id);
  return [...names, account?.name, ...ids, ...techniques].filter((name) => typeof name === 'string');
}

/** What was typed, word by word. */
export function wordsAsked(text: string): readonly string[] {
  const words = text.slice(0, LONGEST_QUERY).split(/\s+/u).map(wholeWord);
  return [...new Set(words.filter((word) => word !== ''))].slice(0, MOST_QUERY_WORDS);
}

/** A `tsquery`: every word begins one of the case's. */
export function beginningWith(words: readonly string[]): string {
  return words.map((word) => `${quoted(word)}:*`).join(' & ');
}

/** A `tsquery`: one of the words is one of the case's, whole. */
export function oneOf(words: readonly string[]): string {
  return words.map(quoted).join(' | ');
}

function quoted(word: string): string {
  return `'${word.replace(/['\\]/g, (mark) => mark + mark)}'`;
}

/** Whether every word that was asked begins one of the texts' words. */
export function answers(asked: readonly string[], texts: readonly string[]): boolean {
  const words = wordsOf(texts);
  return asked.length > 0 && asked.every((begin) => words.some((word) => word.startsWith(begin)));
}
