/** Tokens come in the fragment, which no server sees; it is read once and removed from the address bar and the history. */

const taken = new Map<string, string>();

/** The token of this page's link, or null. Reading it again on the same page gives it again. */
export function takeToken(path: string): string | null {
  const fragment = window.location.hash.slice(1);
  if (fragment !== '') {
    taken.set(path, fragment);
    window.history.replaceState(null, '', window.location.pathname);
  }
  return taken.get(path) ?? null;
}
