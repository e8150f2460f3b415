/**
 * The source `syscall`: system calls of hosts and containers. A record is made where the calls are judged
 * (`sources/sensor`); files of captures are read by `sources/captures`, not as records.
 */
import { createHash } from 'node:crypto';
import type { Admission, EventFacts, Source, SourceRecord } from '../source.ts';
import { isObject } from '../json-value.ts';
import { factsOf } from './facts.ts';
import { fieldsOfTest, recordCatalogue, syscallRecordOf } from './record.ts';

const TEST_HOST = 'test';

export const syscallSource: Source = {
  name: 'syscall',
  catalogue: recordCatalogue,
  // Nothing in a file is believed to be what a sensor saw.
  claims: () => false,
  admit,
  describe: (record): EventFacts => factsOf(syscallRecordOf(record)),
};

/** Fields by name, as tests of rules give them. */
function admit(value: unknown): Admission {
  if (!isObject(value)) return { type: 'malformed', reason: 'not an object of fields' };
  const fields = fieldsOfTest(value);
  if (typeof fields === 'string') return { type: 'malformed', reason: fields };
  const id = createHash('sha256').update(JSON.stringify(fields)).digest('hex');
  const record = { host: TEST_HOST, id, timeMs: 0, fields, matches: [], repeats: 0 };
  return { type: 'record', record: record as unknown as SourceRecord, id, timeMs: 0 };
}
