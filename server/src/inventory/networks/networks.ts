/**
 * Whose an address outside is, when no name server told its name: ranges of clouds and of one's own first, else whoever announces it. Read once
 * at the start.
 */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { Failure, messageOf } from '../../ground/failure.ts';
import { readAnnounced } from './announced.ts';
import type { Ends } from './cidr.ts';
import { type Complaint, readPublished } from './published.ts';
import { RangeList, RangeTable } from './range-table.ts';

export interface NetworkFiles {
  /** Lists of clouds, by path. */
  readonly published: readonly string[];
  /** Ranges of one's own. */
  readonly own: readonly (Ends & { readonly name: string })[];
  /** Who announces what, by path. */
  readonly announced: readonly string[];
}

export interface Networks {
  /** `AWS eu-west-1 (S3)`, `AS64500 Example`; empty when nobody knows. */
  nameOf(ip: string): string;
}

export const NO_NETWORKS: Networks = { nameOf: () => '' };

const LARGEST_FILE_BYTES = 256 * 1024 * 1024;
/** One's own names win where ends are the same. */
const OWN_WEIGHT = 100;
const MOST_RANGES = 4_000_000;

/** @throws Failure `networks-unreadable` with every complaint: file, line, how to mend it. */
export async function loadNetworks({ published, own, announced }: NetworkFiles): Promise<Networks> {
  const complaints: string[] = [];
  const read = async (file: string, reader: (text: string) => Complaint | null) => {
    try {
      const complaint = reader(await textOf(file));
      if (complaint === null) return;
      complaints.push(`${file}:${complaint.line}: error: ${complaint.message}\nhint: ${complaint.hint}`);
    } catch (error) {
      const hint = "hint: 'networks' names it; see docs/configuration.md";
      complaints.push(`${file}: error: it cannot be read: ${messageOf(error)}\n${hint}`);
    }
  };
  const ranges = new RangeList();
  for (const { name, ...ends } of own) ranges.add(ends, name, OWN_WEIGHT);
  for (const file of published) await read(file, (text) => readPublished(text, ranges));
  const rows = new RangeList();
  for (const file of announced) await read(file, (text) => readAnnounced(text, rows));
  if (ranges.size + rows.size > MOST_RANGES)
    complaints.push(`networks: error: these are more than ${MOST_RANGES} ranges\nhint: leave a file out`);
  if (complaints.length > 0)
    throw new Failure(complaints.join('\n'), { code: 'networks-unreadable', httpStatus: 500, retryable: false });
  const [named, announcedBy] = [new RangeTable(ranges), new RangeTable(rows)];
  return { nameOf: (ip) => named.nameOf(ip) || announcedBy.nameOf(ip) };
}

/** Packed or not. */
async function textOf(file: string): Promise<string> {
  const bytes = await readFile(file);
  const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const plain = isPacked ? gunzipSync(bytes, { maxOutputLength: LARGEST_FILE_BYTES }) : bytes;
  if (plain.length > LARGEST_FILE_BYTES) throw new Error(`larger than ${LARGEST_FILE_BYTES} bytes`);
  return plain.toString('utf8').replace(/^\uFEFF/, '');
}
