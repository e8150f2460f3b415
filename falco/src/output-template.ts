/**
 * Output text → parts. `%field`, `%field[argument]` and `%transformer(field)` are placeholders; everything else is text.
 *
 * A field name ends before a trailing dot, so that `%proc.name.` at the end of a sentence means `proc.name`.
 */
import type { OutputTemplate, TemplatePart } from './ruleset.ts';

export interface OutputProblem {
  readonly message: string;
  readonly offset: number;
}

const PLACEHOLDER = /%((?:[a-z0-9]+\()*)([a-zA-Z][a-zA-Z0-9_]*(?:\.[a-zA-Z0-9_]+)*)(?:\[([^\]]*)\])?(\)*)/g;
const TRANSFORMER = /([a-z0-9]+)\(/g;

/** `isField` knows the fields of the rule's source; text after `%` that is none of them is a problem. */
export function parseOutput(
  text: string,
  isField: (name: string) => boolean,
): { readonly template: OutputTemplate; readonly problems: readonly OutputProblem[] } {
  const lenient = text.startsWith('*');
  const body = lenient ? text.slice(1) : text;
  const parts: TemplatePart[] = [];
  const problems: OutputProblem[] = [];
  let end = 0;
  for (const match of body.matchAll(PLACEHOLDER)) {
    const [whole, calls = '', name = '', argument, closing = ''] = match;
    const transforms = [...calls.matchAll(TRANSFORMER)].map((call) => call[1] ?? '');
    if (closing.length < transforms.length || !isField(name)) {
      problems.push({ message: `invalid formatting token ${name}`, offset: match.index + (lenient ? 1 : 0) });
      continue;
    }
    const used = whole.slice(0, whole.length - (closing.length - transforms.length));
    if (match.index > end) parts.push({ type: 'text', text: body.slice(end, match.index) });
    parts.push({ type: 'field', field: name, argument: argument ?? null, transforms, key: used.slice(1) });
    end = match.index + used.length;
  }
  if (end < body.length) parts.push({ type: 'text', text: body.slice(end) });
  return { template: { text, parts, lenient }, problems };
}
