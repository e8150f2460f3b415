/** Ranges, as EC2 keeps them. */
import { expect, test } from 'vitest';
import { canonicalRange } from './addresses.ts';

test.each([
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['100.68.0.18/18', '100.68.0.0/18'],
  ['208.236.235.254/0', '0.0.0.0/0'],
  ['192.0.2.7/32', '192.0.2.7/32'],
  ['::/0', '::/0'],
  ['2001:DB8:0:0:0:0:0:1/32', '2001:db8::/32'],
  ['2001:db8:a::7/64', '2001:db8:a::/64'],
  ['2001:db8:abcd:ffff::/50', '2001:db8:abcd:c000::/50'],
  ['no range', 'no range'],
  ['10.0.0.1', '10.0.0.1'],
  ['10.0.0/8', '10.0.0/8'],
  ['1::2::3/64', '1::2::3/64'],
])('%s is kept as %s', (given, kept) => {
  expect(canonicalRange(given)).toBe(kept);
});
