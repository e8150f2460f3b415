/**
 * How many CloudTrail records a second does one core take through reading and all our AWS rules, and how does that compare with
 * JSON.parse alone on the same bytes?
 *
 * The limit is JSON.parse: nobody can judge a record without reading it. The aim is at most 1.3 times its time. Judged records
 * are recorded ones where the optional test data is there, else made up ones of the same size.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type CompiledRules, compileRules } from '@countersign/falco';
import { loadPack, rulesIn } from '../server/src/rules/pack.ts';
import { createRunner, type Runner } from '../server/src/rules/runner.ts';
import type { SourceRecord } from '../server/src/sources/source.ts';
import { cloudtrailSource } from '../server/src/sources/cloudtrail/cloudtrail.ts';
import { SOURCES } from '../server/src/sources/catalogue.ts';
import { createDeduplicator } from '../server/src/sources/reading/deduplicator.ts';
import { readUnpacked } from '../server/src/sources/reading/read-paths.ts';
import { RecordSplitter } from '../server/src/sources/reading/record-splitter.ts';
import { type Machine, thisMachine } from './machine.ts';
import { measureInTurns } from './measure.ts';

const DATA = process.env['COUNTERSIGN_TEST_DATA'] ?? join(process.cwd(), '..', 'shared', 'data');
const RULESETS = join(process.cwd(), 'rulesets');
const FILES = ['background/sans504-s3-lab/2021-07-31.json.gz', 'attack/invictus/2023-07-10.shared-techniques.json.gz'];
const MADE_UP_RECORDS = 8_000;
const ROUNDS = 15;
const WARM_UP_ROUNDS = 5;
const CHUNK_BYTES = 256 * 1024;

interface Input {
  readonly name: string;
  readonly bytes: Buffer;
  readonly records: number;
}

export async function run(): Promise<{ bench: string; machine: Machine; figures: unknown }> {
  const { rules } = loadPack(rulesIn(RULESETS)).ruleset;
  const compiled = compileRules(rules, cloudtrailSource.catalogue, { match: 'all' });
  const runner = createRunner({ rules, match: 'all' });
  return {
    bench: 'cloudtrail',
    machine: thisMachine(),
    figures: {
      rules: runner.ruleCount('aws_cloudtrail'),
      inputs: inputs().map((input) => judge(input, compiled, runner)),
    },
  };
}

function judge(input: Input, compiled: CompiledRules<SourceRecord>, runner: Runner) {
  const { bytes, records } = input;
  let matches = 0;
  const times = measureInTurns(
    {
      jsonParse: () => JSON.parse(bytes.toString('utf8')),
      read: () => readAll(bytes),
      readAndRules: () => {
        matches = judgeAll(bytes, (record) => compiled.match(record).length);
        return matches;
      },
      readAndFindings: () => judgeAll(bytes, (record) => runner.run(cloudtrailSource, record).length),
      streaming: () => streamAll(bytes),
    },
    { rounds: ROUNDS, warmUpRounds: WARM_UP_ROUNDS },
  );
  const ratio = (ms: number) => Math.round((ms / times.jsonParse.medianMs) * 100) / 100;
  return {
    name: input.name,
    records,
    megabytes: Math.round(bytes.length / 1e4) / 100,
    matches,
    recordsPerSecond: Math.round((records / times.readAndRules.medianMs) * 1000),
    /** Reading, counting equal ids once and every rule, beside JSON.parse alone. The aim is 1.3. */
    ratioToJsonParse: ratio(times.readAndRules.medianMs),
    ratioOfReading: ratio(times.read.medianMs),
    /** With facts and output of every match put together. */
    ratioWithFindings: ratio(times.readAndFindings.medianMs),
    ratioOfStreaming: ratio(times.streaming.medianMs),
    times,
  };
}

function readAll(bytes: Buffer): number {
  let count = 0;
  for (const batch of readUnpacked(bytes, 'bench', { sources: SOURCES })) count += batch.length;
  return count;
}

function judgeAll(bytes: Buffer, judgeOne: (record: SourceRecord) => number): number {
  let matches = 0;
  const deduplicator = createDeduplicator();
  for (const batch of readUnpacked(bytes, 'bench', { sources: SOURCES })) {
    for (const reading of batch) {
      if (reading.type === 'record' && deduplicator.isNew(reading.id)) matches += judgeOne(reading.record);
    }
  }
  return matches;
}

/** The way of large files, which are never in memory as a whole. */
function streamAll(bytes: Buffer): number {
  const splitter = new RecordSplitter();
  let count = 0;
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
    count += splitter.push(bytes.subarray(from, from + CHUNK_BYTES)).length;
  }
  return count + splitter.end().length;
}

function inputs(): readonly Input[] {
  const recorded = FILES.map((name) => join(DATA, 'cloudtrail', name)).filter((path) => existsSync(path));
  if (recorded.length === 0) return [toInput('made up', Buffer.from(JSON.stringify({ Records: madeUp() })))];
  return recorded.map((path) => toInput(path.slice(DATA.length + 1), gunzipSync(readFileSync(path))));
}

function toInput(name: string, bytes: Buffer): Input {
  const { Records } = JSON.parse(bytes.toString('utf8')) as { Records: readonly unknown[] };
  return { name, bytes, records: Records.length };
}

const CALLS = [
  'GetBucketAcl',
  'DescribeInstances',
  'AssumeRole',
  'PutObject',
  'ListUsers',
  'StopLogging',
  'RunInstances',
];

function madeUp(): readonly unknown[] {
  return Array.from({ length: MADE_UP_RECORDS }, (_, index) => ({
    eventVersion: '1.09',
    userIdentity: {
      type: 'AssumedRole',
      principalId: `AROAEXAMPLE:session-${index % 50}`,
      arn: `arn:aws:sts::111122223333:assumed-role/Role${index % 20}/session-${index % 50}`,
      accountId: '111122223333',
      accessKeyId: 'ASIAEXAMPLE',
      sessionContext: {
        sessionIssuer: { type: 'Role', userName: `Role${index % 20}` },
        attributes: { mfaAuthenticated: 'false' },
      },
    },
    eventTime: `2026-01-05T${String(index % 24).padStart(2, '0')}:00:00Z`,
    eventSource: 's3.amazonaws.com',
    eventName: CALLS[index % CALLS.length],
    awsRegion: 'eu-west-1',
    sourceIPAddress: '203.0.113.7',
    userAgent: 'aws-sdk-go/1.44 (go1.19; linux; amd64)',
    requestParameters: { bucketName: `bucket-${index % 100}`, key: 'k'.repeat(200), Host: 'bucket.s3.example' },
    responseElements: null,
    requestID: `request-${index}`,
    eventID: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    readOnly: index % 2 === 0,
    eventType: 'AwsApiCall',
    managementEvent: true,
    recipientAccountId: '111122223333',
  }));
}
