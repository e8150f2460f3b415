/**
 * Shell-like patterns for policies: `*` is any run of characters, `?` is any one; everything else is itself.
 *
 * Written by hand and not with a regular expression, so that no pattern and no event can make it slow: the work is at
 * most pattern length times text length.
 */

/** Case-insensitive: people write `stoplogging` and mean StopLogging. */
export function matchesGlob(pattern: string, text: string): boolean {
  const glob = pattern.toLowerCase();
  const word = text.toLowerCase();
  let at = 0;
  let star = -1;
  let resume = 0;
  let index = 0;
  while (index < word.length) {
    if (glob[at] === '*') {
      star = at;
      resume = index;
      at += 1;
    } else if (at < glob.length && (glob[at] === '?' || glob[at] === word[index])) {
      at += 1;
      index += 1;
    } else if (star !== -1) {
      at = star + 1;
      resume += 1;
      index = resume;
    } else {
      return false;
    }
  }
  while (glob[at] === '*') {
    at += 1;
  }
  return at === glob.length;
}

export function matchesAnyGlob(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => matchesGlob(pattern, text));
}
