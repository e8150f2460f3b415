/**
 * Records of real attacks, from the data directory, with the names of what they touched changed to those of a test. Others made them: the
 * shape is theirs.
 */
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { plainName } from '../../../server/src/cases/revert/catalogue.ts';
import { dataPath } from '../../data.ts';
import type { Json } from './attack.ts';

export interface Recorded {
  /** A technique of stratus-red-team: `aws.defense-evasion.cloudtrail-stop`. */
  readonly of: string;
  /** What the record names → what the test named. Parts of texts are changed too. */
  readonly names: Readonly<Record<string, string>>;
}

/** The first record of that event; null where the data is absent. @throws Error when the file has no such event. */
export function recordOf({ of, names }: Recorded, event: string): Json | null {
  const file = dataPath('cloudtrail', 'attack', 'stratus-red-team', `${of}.json.gz`);
  if (!existsSync(file)) return null;
  const { Records } = JSON.parse(gunzipSync(readFileSync(file)).toString('utf8')) as {
    readonly Records: readonly Json[];
  };
  const [service = '', name = ''] = event.split(':');
  const record = Records.find(
    ({ eventName, eventSource, errorCode }) =>
      plainName(String(eventName)) === plainName(name) &&
      eventSource === `${service}.amazonaws.com` &&
      errorCode === undefined,
  );
  if (record === undefined) throw new Error(`${of} has no ${event}`);
  let text = JSON.stringify(record);
  for (const [from, to] of Object.entries(names)) text = text.replaceAll(from, to);
  return JSON.parse(text) as Json;
}
