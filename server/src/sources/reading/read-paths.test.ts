/** Reading every recorded file there is, and damaged ones. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { dataPath, describeWithData } from '../../../../test/data.ts';
import { SOURCES } from '../catalogue.ts';
import { batchesOf } from '../inbox-batches.ts';
import type { Reading } from '../source.ts';
import { createDeduplicator } from './deduplicator.ts';
import { eachReading, readFileRecords, readPaths, type ReadProgress } from './read-paths.ts';

const folder = mkdtempSync(join(tmpdir(), 'countersign-reading-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function readAll(...paths: string[]): Promise<Reading[]> {
  const all: Reading[] = [];
  for await (const batch of readPaths(paths, { sources: SOURCES })) all.push(...batch);
  return all;
}

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const record = (id: string) => ({
  eventID: id,
  eventName: 'StopLogging',
  eventSource: 'cloudtrail.amazonaws.com',
  eventTime: '2026-01-05T14:00:00Z',
});
const ids = (readings: readonly Reading[]) =>
  readings.map((reading) => (reading.type === 'record' ? reading.id : reading.reason));

const lines = ['a', 'b'].map((id) => `${JSON.stringify(record(id))}\n`) as [string, string];

/** Two records as JSON lines, as `zstd -19` packs them. */
const ZSTD_LINES =
  'KLUv/QRoHQQAcocZGXB5A5AT0ozWVO4zyYVYrVL0SD0yrwBADgsS0HUcUOYeX/bvT7fu3Osx6y0LHHW/7ncUENJD0UNitCGhWSFxaU7r5tMJSrq9E1YpyI8f' +
  'Wqw+kcoYK1PV+/Djn94I7PxYWS797JkLCQAdoATMcJSah4UIzWOKEW4LU4ToSewYZh1M2wGy';

/** A zstd frame without packing: a window of 1 MiB, one last raw block a piece of 100 bytes. */
function storedFrame(text: string): Buffer {
  const parts = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x50])];
  const bytes = Buffer.from(text);
  for (let from = 0; from < bytes.length; from += 100) {
    const block = bytes.subarray(from, from + 100);
    const isLast = from + 100 >= bytes.length ? 1 : 0;
    const header = Buffer.alloc(3);
    header.writeUIntLE((block.length << 3) | isLast, 0, 3);
    parts.push(header, block);
  }
  return Buffer.concat(parts);
}

function skippableFrame(): Buffer {
  return Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
}

describe('formats are told by their content', () => {
  const inner = JSON.stringify({ Records: [record('a'), record('b')] });
  test.each([
    ['CloudTrail’s own file', inner],
    ['the same, gzipped', gzipSync(inner)],
    [
      'two gzip members',
      Buffer.concat([gzipSync(JSON.stringify(record('a'))), gzipSync(`\n${JSON.stringify(record('b'))}\n`)]),
    ],
    ['JSON lines', `${JSON.stringify(record('a'))}\n\n${JSON.stringify(record('b'))}\n`],
    ['a list', JSON.stringify([record('a'), record('b')], null, 2)],
    ['a byte order mark', `\uFEFF${inner}`],
    [
      'EventBridge envelopes',
      ['a', 'b']
        .map((id) =>
          JSON.stringify({
            'detail-type': 'AWS API Call via CloudTrail',
            source: 'aws.cloudtrail',
            detail: record(id),
          }),
        )
        .join('\n'),
    ],
    [
      'lookup-events output',
      JSON.stringify({
        Events: ['a', 'b'].map((id) => ({ EventId: id, CloudTrailEvent: JSON.stringify(record(id)) })),
      }),
    ],
    ['an SQS body', JSON.stringify({ body: JSON.stringify({ Message: inner }) })],
    [
      'SQS messages of SNS notifications',
      JSON.stringify({
        Messages: ['a', 'b'].map((id) => ({
          MessageId: id,
          Body: JSON.stringify({ Type: 'Notification', Message: JSON.stringify({ Records: [record(id)] }) }),
        })),
      }),
    ],
    [
      'a batch of CloudWatch Logs',
      JSON.stringify({
        messageType: 'DATA_MESSAGE',
        logEvents: ['a', 'b'].map((id) => ({ id: '1', timestamp: 1, message: JSON.stringify(record(id)) })),
      }),
    ],
    [
      'container log lines',
      ['a', 'b'].map((id) => JSON.stringify({ log: `${JSON.stringify(record(id))}\n` })).join('\n'),
    ],
    ['UTF-16, as some shells write', Buffer.from(`\uFEFF${inner}`, 'utf16le')],
    ['zstd, packed', Buffer.from(ZSTD_LINES, 'base64')],
    [
      'zstd, stored blocks in two frames',
      Buffer.concat([storedFrame(lines[0]), skippableFrame(), storedFrame(lines[1])]),
    ],
  ])('%s', async (name, content) => {
    expect(ids(await readAll(file(`${name.replace(/\W/g, '-')}.data`, content)))).toEqual(['a', 'b']);
  });
});

describe('damage is reported with its place and stops nothing', () => {
  test('a broken line between good ones', async () => {
    const path = file(
      'broken.jsonl',
      `${JSON.stringify(record('a'))}\n{"eventName": "half\n${JSON.stringify(record('b'))}\n`,
    );
    const readings = await readAll(path);
    expect(readings.map(({ type }) => type)).toEqual(['record', 'malformed', 'record']);
    expect(readings[1]).toMatchObject({ origin: { file: path, index: 1 }, raw: '{"eventName": "half' });
  });

  test('a record without a name, one without a time, and one of no source', async () => {
    const path = file(
      'bad.json',
      JSON.stringify({
        Records: [{ ...record('a'), eventName: 7 }, { ...record('b'), eventTime: 'soon' }, { x: 1 }, record('c')],
      }),
    );
    const readings = await readAll(path);
    expect(ids(readings).at(-1)).toBe('c');
    expect(readings.filter(({ type }) => type === 'malformed')).toHaveLength(3);
    expect(ids(readings)[1]).toContain('eventTime is not a time');
  });

  test('a truncated archive gives what is before the damage and one complaint about the file', async () => {
    const lines = Array.from({ length: 5_000 }, (_, index) =>
      JSON.stringify(record(`id-${index}-${Math.sin(index)}`)),
    ).join('\n');
    const packed = gzipSync(lines);
    const readings = await readAll(file('cut.gz', packed.subarray(0, packed.length - 200)));
    expect(readings.filter(({ type }) => type === 'record').length).toBeGreaterThan(3_000);
    const malformed = readings.filter(({ type }) => type === 'malformed');
    expect(malformed).toHaveLength(1);
    expect(readings.at(-1)).toBe(malformed[0]);
    expect(malformed[0]).toMatchObject({ reason: expect.stringContaining('the gzip data is damaged') });
  });

  test('zstd that is cut or asks for too much memory', async () => {
    const whole = Buffer.concat(lines.map(storedFrame));
    expect(ids(await readAll(file('cut.zst', whole.subarray(0, -20))))).toEqual(['a', 'the zstd data ends too early']);
    const greedy = Buffer.from(whole);
    greedy[5] = 0xff;
    expect(ids(await readAll(file('greedy.zst', greedy)))[0]).toMatch(/wants a window of \d+ bytes/);
    const broken = Buffer.from(ZSTD_LINES, 'base64');
    for (let place = 6; place < broken.length; place += 5) {
      const bytes = Buffer.from(broken);
      bytes[place] = (bytes[place] ?? 0) ^ 0x55;
      expect(Array.isArray(await readAll(file('broken.zst', bytes)))).toBe(true);
    }
  });

  test('an envelope of something else, a text that is none, a named source that knows what is missing', async () => {
    const other = { 'detail-type': 'GuardDuty Finding', source: 'aws.guardduty', detail: { id: 1 } };
    const readings = await readAll(
      file(
        'strangers.jsonl',
        [other, { Message: '{"eventName":' }, [1], null].map((one) => JSON.stringify(one)).join('\n'),
      ),
    );
    expect(ids(readings)).toEqual([
      'an EventBridge event that carries no record of a known source: GuardDuty Finding',
      expect.stringContaining('the text in Message is not JSON'),
      'not a JSON object but number',
      'not a JSON object but null',
    ]);
    const named: Reading[] = [];
    for await (const batch of readPaths([file('named.json', '{"eventTime":"2026-01-05T14:00:00Z"}')], {
      sources: SOURCES,
      source: 'aws_cloudtrail',
    })) {
      named.push(...batch);
    }
    expect(ids(named)).toEqual(['eventName is missing or not a text']);
  });

  test('a file that is not there, an empty one, and garbage', async () => {
    const nowhere = join(folder, 'nowhere.json');
    const reason = 'cannot be read: ENOENT: no such file or directory';
    expect(await readAll(nowhere)).toMatchObject([{ type: 'malformed', reason, origin: { file: nowhere, index: -1 } }]);
    const message = `${nowhere} ${reason}`;
    await expect(readFileRecords(nowhere, { sources: SOURCES }).next()).rejects.toMatchObject({ message });
    expect(await readAll(file('empty.json', ''))).toEqual([]);
    expect(await readAll(file('garbage.bin', Buffer.from([0xff, 0x00, 0x80, 0x0a, 0x07])))).not.toHaveLength(0);
  });

  test('a record of ten megabytes is passed over, its neighbours are read', async () => {
    const large = JSON.stringify({ ...record('large'), requestParameters: { text: 'x'.repeat(10_000_000) } });
    const readings = await readAll(
      file('large.jsonl', `${JSON.stringify(record('a'))}\n${large}\n${JSON.stringify(record('b'))}`),
    );
    expect(readings.map(({ type }) => type)).toEqual(['record', 'malformed', 'record']);
  });
});

test('a record that nests without end is put aside on its way into the inbox', async () => {
  const deep = `{"eventID":"deep","eventName":"a","eventSource":"b","eventTime":"2026-01-05T14:00:00Z","requestParameters":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
  const readings = await readAll(file('deep.json', `[${JSON.stringify(record('a'))},${deep}]`));
  expect(readings).toHaveLength(2);
  for await (const batch of batchesOf(readings, { origin: 'deep.json', source: null })) {
    expect(batch.records.map(({ id }) => id)).toEqual(['a']);
    expect(batch.malformed).toMatchObject([{ reason: 'the record deep nests too deep to be stored' }]);
  }
});

test('standard input, folders, patterns, and each file once', async () => {
  const inputs = mkdtempSync(join(folder, 'inputs-'));
  for (const name of ['b.json', 'a.json', 'x[1].json']) writeFileSync(join(inputs, name), JSON.stringify(record(name)));
  const digests = join(inputs, 'CloudTrail-Digest');
  mkdirSync(digests);
  writeFileSync(join(digests, 'd.json'), '{}');
  expect(ids(await readAll(inputs, join(inputs, 'a.json'), join(inputs, '*.json')))).toEqual([
    'a.json',
    'b.json',
    'x[1].json',
  ]);
  expect(ids(await readAll(join(inputs, 'x[1].json')))).toEqual(['x[1].json']);
  const found: Reading[] = [];
  const progress: ReadProgress[] = [];
  const standardInput = Readable.from([lines[0].slice(0, 9), lines[0].slice(9), lines[1]]);
  const options = { sources: SOURCES, standardInput, onProgress: (one: ReadProgress) => progress.push(one) };
  for await (const reading of eachReading(readPaths(['-'], options))) found.push(reading);
  expect(ids(found)).toEqual(['a', 'b']);
  expect(progress).toEqual([{ file: '-', filesDone: 0, filesTotal: 1, readings: 2 }]);
});

describeWithData('recorded files', () => {
  const count = async (...path: string[]) => {
    const readings = await readAll(dataPath(...path));
    const malformed = readings.filter(({ type }) => type === 'malformed');
    return {
      records: readings.length - malformed.length,
      malformed: malformed.map((reading) =>
        reading.type === 'malformed' ? `${reading.origin.file}#${reading.origin.index} ${reading.reason}` : '',
      ),
    };
  };
  const labels = JSON.parse(readFileSync(dataPath('cloudtrail', 'labels.json'), 'utf8')) as readonly {
    file: string;
    records?: number;
  }[];
  test.each(
    labels
      .filter((label) => typeof label.records === 'number' && existsSync(dataPath(label.file)))
      .map((label) => [label.file, label.records] as const),
  )('%s has %i records', async (path, records) => {
    expect(await count(path)).toEqual({ records, malformed: [] });
  });

  test('the days of one laboratory hold each event once', async () => {
    const deduplicator = createDeduplicator();
    let unique = 0;
    const seen = new Set<string>();
    for await (const reading of eachReading(
      readPaths([dataPath('cloudtrail', 'background', 'sans504-s3-lab')], { sources: SOURCES }),
    )) {
      if (reading.type !== 'record') continue;
      if (deduplicator.isNew(reading.id)) unique += 1;
      seen.add(String(reading.record['eventID']));
    }
    expect(unique).toBe(seen.size);
    expect(unique).toBeGreaterThan(5_000);
  });

  interface Line {
    readonly event?: unknown;
    readonly events?: readonly unknown[];
    readonly envelope?: unknown;
    readonly raw?: unknown;
  }
  /** What stands in the lines of a set, as a file of its own, line by line. */
  const variety = async (...path: string[]) => {
    const lines = gunzipSync(readFileSync(dataPath(...path)))
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    const values = lines.flatMap((line) => line.raw ?? line.event ?? line.events ?? line.envelope);
    const name = `${path.at(-1)}.jsonl`;
    const readings = await readAll(file(name, values.map((value) => JSON.stringify(value)).join('\n')));
    return { lines: lines.length, readings };
  };

  test.each([
    ['cloudtrail', 'rule-tests', 'panther-cloudtrail.jsonl.gz'],
    ['cloudtrail', 'rule-tests', 'streamalert.jsonl.gz'],
    ['cloudtrail', 'eventbridge', 'cloud-custodian.jsonl.gz'],
    ['cloudtrail', 'format-variety', 'aws-docs.jsonl.gz'],
    ['cloudtrail', 'format-variety', 'parser-tests.jsonl.gz'],
    ['k8s-audit', 'rule-tests', 'panther-eks.jsonl.gz'],
  ])('%s/%s/%s: every line is a record, or the reason says what is missing', async (...path) => {
    const { lines, readings } = await variety(...path);
    expect(readings.length).toBeGreaterThanOrEqual(lines);
    const known =
      /^eventTime is (missing|not a time: "(\.\.\.|redacted)")|carries no record of a known source|of this shape|says of no request|none of stageTimestamp/;
    const reasons = readings.flatMap((reading) => (reading.type === 'malformed' ? [reading.reason] : []));
    expect(reasons.filter((reason) => !known.test(reason))).toEqual([]);
    if (path[1] === 'format-variety') expect(reasons.length).toBeLessThan(lines / 10);
  });

  test('Kubernetes audit logs', async () => {
    expect(await count('k8s-audit', 'background', 'helm-install-cluster.jsonl.gz')).toMatchObject({
      records: 9_937,
      malformed: [],
    });
    expect(await count('k8s-audit', 'background', 'audit2rbac-demo.log')).toMatchObject({ records: 37, malformed: [] });
    const traces = await count('k8s-audit', 'falco-traces', 'events');
    expect(traces.records).toBeGreaterThanOrEqual(
      readdirSync(dataPath('k8s-audit', 'falco-traces', 'events')).length - 1,
    );
    expect(traces.malformed.every((line) => line.includes('fal_01_003.json'))).toBe(true);
  });
});
