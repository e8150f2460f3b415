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

/** What was typed in chat before, which the link brings along so that nobody types it twice. */
export function splitReason(fragment: string): { readonly token: string; readonly reason: string } {
  const [token = '', typed = ''] = fragment.split('~', 2);
  try {
    const bytes = Uint8Array.from(atob(typed.replaceAll('-', '+').replaceAll('_', '/')), (letter) =>
      letter.charCodeAt(0),
    );
    return { token, reason: new TextDecoder().decode(bytes) };
  } catch {
    return { token, reason: '' };
  }
}
