/** Reading every recorded file there is, and damaged ones. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { dataPath, describeWithData } from '../../../../test/data.ts';
import { SOURCES } from '../catalogue.ts';
import type { Reading } from '../source.ts';
import { readPaths } from './read-paths.ts';

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

  test('a file that is not there, an empty one, and garbage', async () => {
    expect(await readAll(join(folder, 'nowhere.json'))).toMatchObject([{ type: 'malformed', origin: { index: -1 } }]);
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
