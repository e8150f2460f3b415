/**
 * Who announces which addresses, as iptoasn.com publishes it: `start TAB end TAB number TAB country TAB name`, IPv4 and IPv6 alike. Number 0
 * is what nobody announces.
 */
import { addressBytes } from '../connections/addresses.ts';
import type { Complaint } from './published.ts';
import type { RangeList } from './range-table.ts';

const LONGEST_NAME = 200;
const FORM = 'a line is: first address, last address, AS number, country, name, with tabs between them (iptoasn.com)';

/** Adds the ranges of a table; or says what is wrong with it. */
export function readAnnounced(text: string, into: RangeList): Complaint | null {
  let line = 0;
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf('\n', start);
    const end = found === -1 ? text.length : found;
    const row = text.slice(start, end).replace(/\r$/, '');
    start = end + 1;
    line += 1;
    if (row === '') continue;
    const [from = '', to = '', number = '', , name = ''] = row.split('\t');
    const first = addressBytes(from);
    const last = addressBytes(to);
    if (first === null || last === null || first.length !== last.length || Buffer.compare(first, last) > 0)
      return { line, message: 'this begins with no range of addresses', hint: FORM };
    if (!/^\d{1,10}$/.test(number)) return { line, message: 'the third column is no AS number', hint: FORM };
    if (Number(number) === 0) continue;
    into.add({ first, last }, `AS${number} ${name}`.trim().slice(0, LONGEST_NAME), 0);
  }
  return null;
}
