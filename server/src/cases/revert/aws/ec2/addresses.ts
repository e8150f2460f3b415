/** Ranges of addresses as EC2 keeps them: what lies behind the prefix is zero, and IPv6 is written in its shortest form. */

/** `100.68.0.18/18` → `100.68.0.0/18`; what is no range stands as it is. */
export function canonicalRange(range: string): string {
  const [address = '', prefix = ''] = range.split('/');
  const length = Number(prefix);
  const words = address.includes(':') ? groupsOf(address) : octetsOf(address);
  if (words === null || prefix === '' || !Number.isInteger(length)) return range;
  const isIpv6 = address.includes(':');
  const size = isIpv6 ? 16 : 8;
  const kept = words.map((word, index) => {
    const bits = Math.min(Math.max(length - index * size, 0), size);
    return word & (((1 << bits) - 1) << (size - bits));
  });
  return `${isIpv6 ? shortest(kept) : kept.join('.')}/${length}`;
}

function octetsOf(address: string): readonly number[] | null {
  const octets = address.split('.').map(Number);
  return octets.length === 4 && octets.every((octet) => Number.isInteger(octet) && octet >= 0 && octet <= 255)
    ? octets
    : null;
}

function groupsOf(address: string): readonly number[] | null {
  const [head = '', tail, ...more] = address.split('::');
  const words = (text: string) => (text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16)));
  const [first, last] = [words(head), words(tail ?? '')];
  const between = tail === undefined ? 0 : 8 - first.length - last.length;
  if (between < 0 || more.length > 0) return null;
  const all = [...first, ...Array.from({ length: between }, () => 0), ...last];
  return all.length === 8 && all.every((word) => word >= 0 && word <= 0xffff) ? all : null;
}

/** As addresses in links are written, which is the shortest form. */
function shortest(groups: readonly number[]): string {
  return new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]`).hostname.slice(1, -1);
}
