/** Addresses that people give and the server calls: they must not lead it to what only the server can reach. */

/** https, by a public name: no bare addresses, no inner names. */
export function isOutside(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  // A dot at the end names the same host.
  const name = hostname.replace(/\.+$/, '');
  const isAddress = /^[\d.]+$/.test(name) || name.startsWith('[');
  const isInner = !name.includes('.') || /\.(?:local|internal|localhost|home\.arpa)$/i.test(name);
  return protocol === 'https:' && !isAddress && !isInner;
}
