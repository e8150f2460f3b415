/** Facts of findings as sentences, the same wherever they are told. */
import type { FindingView, RiskReason } from '@countersign/contract';
import { fill } from '../words/speech.tsx';
import type { Words } from '../words/en.ts';

/** "alice called StopLogging on trail-1 in shop-prod". */
export function sentenceOf(finding: FindingView, words: Words): string {
  const { actor, action, resources, account, region } = finding;
  if (finding.source === 'syscall') return hostSentence(finding, words);
  // Whoever raised an alert said what it is about.
  if (finding.source === 'alert' && finding.output !== '') return cut(finding.output);
  const who = actor.session ?? actor.name;
  const where = account?.name ?? region ?? words.common.unknown;
  const [first] = resources;
  const parameters = { who, action, where, what: first === undefined ? '' : shortName(first.id) };
  return fill(first === undefined ? words.case.sentencePlain : words.case.sentence, parameters);
}

/** "Shell on a network connection: sh -i on web-1". */
function hostSentence({ rule, resources, account }: FindingView, words: Words): string {
  const what = resources.find(({ type }) => type !== 'container')?.id;
  const where = account?.name ?? words.common.unknown;
  if (what === undefined) return fill(words.hosts.sentencePlain, { rule, where });
  return fill(words.hosts.sentence, { rule, where, what: cut(what) });
}

const LONGEST = 120;

export function cut(text: string, longest = LONGEST): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

/** The name at the end of an ARN; other identifiers are short already. */
export function shortName(id: string): string {
  return id.startsWith('arn:') ? (id.split(/[/:]/).at(-1) ?? id) : id;
}

export function reasonText({ code, parameters }: RiskReason, words: Words): string {
  return fill(words.reasons[code], parameters);
}

/** Those that weigh most, heaviest first. */
export function heaviest(reasons: readonly RiskReason[], count: number): readonly RiskReason[] {
  return reasons.toSorted((one, other) => Math.abs(other.points) - Math.abs(one.points)).slice(0, count);
}

/** Hours, minutes and seconds until then: `1:04:09`, `4:09`. Null when it has passed. */
export function countdown(iso: string, nowMs: number): string | null {
  const left = Math.ceil((Date.parse(iso) - nowMs) / 1_000);
  if (left <= 0) return null;
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(left / 3_600);
  const minutes = Math.floor(left / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(left % 60)}` : `${minutes}:${two(left % 60)}`;
}
