/**
 * `fnmatch` without flags: `*` and `?` match everything, also `/`; `[…]` and `[!…]` are classes; `\` escapes.
 *
 * The surprise: nearly all globs of rules have nothing but `*`, and those are compared piece by piece without a pattern engine, which costs a
 * hundred times as much. Of the others the text before the first special character and behind the last one decides first.
 */
import { RE2JS } from 're2js';

const SPECIAL = /[*?[\]\\]/;

export function globTest(glob: string): (text: string) => boolean {
  const first = glob.search(SPECIAL);
  if (first === -1) return (text) => text === glob;
  if (!/[?[\]\\]/.test(glob)) return starTest(glob.split('*'));
  const head = glob.slice(0, first);
  const tail = literalTail(glob);
  const compiled = RE2JS.compile(globToPattern(glob), RE2JS.DOTALL);
  const atLeast = head.length + tail.length;
  return (text) => text.length >= atLeast && text.startsWith(head) && text.endsWith(tail) && compiled.matches(text);
}

/** Each piece at its first place behind the one before it: if any way fits, this one does. */
function starTest(pieces: readonly string[]): (text: string) => boolean {
  const first = pieces[0] ?? '';
  const last = pieces.at(-1) ?? '';
  const between = pieces.slice(1, -1).filter((piece) => piece !== '');
  const atLeast = first.length + last.length;
  return (text) => {
    if (text.length < atLeast || !text.startsWith(first) || !text.endsWith(last)) return false;
    let at = first.length;
    for (const piece of between) {
      const found = text.indexOf(piece, at);
      if (found === -1) return false;
      at = found + piece.length;
    }
    return at <= text.length - last.length;
  };
}

/** What follows the last `*` without a special character, unless that star is escaped. In a class it is not: what ends one is special, too. */
function literalTail(glob: string): string {
  const star = glob.lastIndexOf('*');
  const tail = glob.slice(star + 1);
  return glob[star - 1] === '\\' || SPECIAL.test(tail) ? '' : tail;
}

/** As a regular expression that has to match the whole text. */
export function globToPattern(glob: string): string {
  let pattern = '';
  for (let index = 0; index < glob.length; index += 1) {
    const character = glob[index] ?? '';
    if (character === '*') pattern += '.*';
    else if (character === '?') pattern += '.';
    else if (character === '\\' && index + 1 < glob.length) {
      index += 1;
      pattern += RE2JS.quote(glob[index] ?? '');
    } else if (character === '[') {
      const end = glob.indexOf(']', index + 2);
      if (end === -1) pattern += '\\[';
      else {
        const body = glob
          .slice(index + 1, end)
          .replace(/^!/, '^')
          .replace(/[\\[]/g, '\\$&');
        pattern += `[${body}]`;
        index = end;
      }
    } else pattern += RE2JS.quote(character);
  }
  return pattern;
}
