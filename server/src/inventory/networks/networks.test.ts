/** Whose an address is: lists as clouds publish them, ranges of one's own, who announces what; and what is wrong with a file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { readConfiguration } from '../../configuration.ts';
import { type Ends, readCidr } from './cidr.ts';
import { loadNetworks } from './networks.ts';
import { RangeList, RangeTable } from './range-table.ts';

const folder = mkdtempSync(join(tmpdir(), 'countersign-networks-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const AWS = {
  syncToken: '1',
  prefixes: [
    { ip_prefix: '52.92.0.0/15', region: 'eu-west-1', service: 'AMAZON', network_border_group: 'eu-west-1' },
    { ip_prefix: '52.92.0.0/17', region: 'eu-west-1', service: 'AMAZON', network_border_group: 'eu-west-1' },
    { ip_prefix: '52.92.0.0/17', region: 'eu-west-1', service: 'S3', network_border_group: 'eu-west-1' },
    { ip_prefix: '52.92.0.0/17', region: 'eu-west-1', service: 'EC2', network_border_group: 'eu-west-1' },
    { ip_prefix: '120.52.22.96/27', region: 'GLOBAL', service: 'CLOUDFRONT', network_border_group: 'GLOBAL' },
  ],
  ipv6_prefixes: [{ ipv6_prefix: '2600:1ff8::/40', region: 'us-west-2', service: 'AMAZON' }],
};
const GOOGLE = {
  syncToken: '1',
  prefixes: [
    { ipv4Prefix: '34.1.208.0/20', service: 'Google Cloud', scope: 'africa-south1' },
    { ipv6Prefix: '2600:1900:8000::/44', service: 'Google Cloud', scope: 'global' },
  ],
};
const AZURE = {
  changeNumber: 1,
  cloud: 'Public',
  values: [
    tag('AzureCloud', '', ['20.33.0.0/16', '2603:1000::/24']),
    tag('AzureCloud.westeurope', 'westeurope', ['20.33.0.0/16']),
    tag('Storage', '', ['20.33.7.0/24']),
    tag('Storage.WestEurope', 'westeurope', ['20.33.7.0/24']),
  ],
};

function tag(name: string, region: string, addressPrefixes: readonly string[]) {
  return { name, id: name, properties: { region, platform: 'Azure', systemService: '', addressPrefixes } };
}

const ASN = [
  '1.0.0.0\t1.0.0.255\t13335\tUS\tCLOUDFLARENET',
  '8.8.8.0\t8.8.8.255\t15169\tUS\tGOOGLE\r',
  '52.0.0.0\t52.95.255.255\t16509\tUS\tAMAZON-02',
  '192.0.2.0\t192.0.2.255\t0\tNone\tNot routed',
  '2001:db8::\t2001:db8:ffff:ffff:ffff:ffff:ffff:ffff\t64500\tZZ\tEXAMPLE',
  '',
].join('\n');

const NONE = { published: [], own: [], announced: [] };

test('the narrowest range wins, what says more before what says less, clouds before who announces it', async () => {
  const networks = await loadNetworks({
    published: [
      file('aws.json', JSON.stringify(AWS)),
      file('google.json', JSON.stringify(GOOGLE, null, 2)),
      file('azure.json', `\uFEFF${JSON.stringify(AZURE)}`),
    ],
    own: [{ ...endsOf('52.92.1.0/24'), name: 'our bucket' }],
    announced: [file('asn.tsv.gz', gzipSync(ASN))],
  });
  const named = (ip: string) => [ip, networks.nameOf(ip)];
  const expected = [
    ['52.92.0.7', 'AWS eu-west-1 (S3)'],
    ['52.92.1.7', 'our bucket'],
    ['52.92.2.0', 'AWS eu-west-1 (S3)'],
    ['52.93.255.255', 'AWS eu-west-1'],
    ['52.94.0.0', 'AS16509 AMAZON-02'],
    ['120.52.22.100', 'AWS (CLOUDFRONT)'],
    ['2600:1ff8::1', 'AWS us-west-2'],
    ['34.1.208.1', 'Google Cloud africa-south1'],
    ['2600:1900:8000::1', 'Google Cloud'],
    ['20.33.1.1', 'Azure westeurope'],
    ['20.33.7.1', 'Azure westeurope (Storage)'],
    ['2603:1000::7', 'Azure'],
    ['8.8.8.8', 'AS15169 GOOGLE'],
    ['1.0.0.255', 'AS13335 CLOUDFLARENET'],
    ['1.0.1.0', ''],
    ['192.0.2.7', ''],
    ['2001:db8:1::9', 'AS64500 EXAMPLE'],
    ['2001:db9::', ''],
    ['no address', ''],
  ];
  expect(expected.map(([ip = '']) => named(ip))).toEqual(expected);
});

test.each([
  ['cut.json', '{\n"prefixes": [\n{"ip_prefix": "1.2', /cut\.json:\d: error: this is no JSON\nhint: .*ip-ranges\.json/],
  ['other.json', '{"a": 1}', /other\.json:1: error: this list of ranges is not known\nhint: expected here/],
  ['list.json', '[]', /list\.json:1: error: this list of ranges is not known/],
  ['wrong.json', '{"prefixes":[\n{"ip_prefix":"1.2.3.4/33"}]}', /wrong\.json:2: error: "1\.2\.3\.4\/33" is no range/],
  ['values.json', '{"values":[7]}', /values\.json:1: error: an entry is no range/],
])('a list that cannot be read is told with its place: %s', async (name, content, complaint) => {
  await expect(loadNetworks({ ...NONE, published: [file(name, content)] })).rejects.toThrow(complaint);
});

test('every file that is wrong is told at once', async () => {
  const rows = file('rows.tsv', '1.0.0.0\t1.0.0.255\t7\tUS\tX\n1.0.1.9\t1.0.1.0\t7\tUS\tX\n');
  const number = file('number.tsv', '1.0.0.0\t1.0.0.255\tAS7\tUS\tX\n');
  const loading = loadNetworks({ ...NONE, published: [join(folder, 'none.json')], announced: [rows, number] });
  await expect(loading).rejects.toThrow(
    /none\.json: error: it cannot be read.*\nhint: .*\n.*rows\.tsv:2: error: this begins with no range.*\nhint: .*\n.*number\.tsv:1: error: the third column/,
  );
});

test('ranges of one’s own stand in the configuration, and a wrong one is told with its line', () => {
  const yaml = 'networks:\n  ranges:\n    - aws.json\n    - { cidr: 10.0.0.0/8, name: office }\n  asn: asn.tsv.gz\n';
  const { configuration } = readConfiguration(yaml, 'countersign.yaml');
  expect(configuration?.networks).toMatchObject({
    published: ['aws.json'],
    announced: ['asn.tsv.gz'],
    own: [{ name: 'office' }],
  });
  const wrong = readConfiguration(yaml.replace('10.0.0.0/8', '10.0.0.0/99'), 'countersign.yaml');
  expect(wrong.configuration).toBeNull();
  expect(wrong.diagnostics).toMatchObject([{ line: 4, message: 'this is no range of addresses' }]);
});

function endsOf(cidr: string) {
  const ends = readCidr(cidr);
  if (ends === null) throw new Error(`${cidr} is no range`);
  return ends;
}

function tableOf(ranges: readonly (Ends & { readonly name: string; readonly weight: number })[]): RangeTable {
  const all = new RangeList();
  for (const { name, weight, ...ends } of ranges) all.add(ends, name, weight);
  return new RangeTable(all);
}

describe('a table of ranges', () => {
  const byte = (value: number) => Uint8Array.of(10, 0, 0, value);
  const someRanges = fc.array(
    fc.record({ one: fc.nat(40), other: fc.nat(40), name: fc.constantFrom('a', 'b', 'c'), weight: fc.nat(2) }),
    { maxLength: 12 },
  );

  test('answers as whoever looks at each range would, however ranges lie in each other', () => {
    fc.assert(
      fc.property(someRanges, (drawn) => {
        const nested = drawn.map(({ one, other, name, weight }) => ({
          low: Math.min(one, other),
          high: Math.max(one, other),
          name,
          weight,
        }));
        // Ranges as networks are: one in the other, or apart.
        const kept = nested.filter((range, index) =>
          nested.slice(0, index).every((before) => !crosses(before, range) && !crosses(range, before)),
        );
        const table = tableOf(
          kept.map(({ low, high, name, weight }) => ({ first: byte(low), last: byte(high), name, weight })),
        );
        for (let value = 0; value <= 41; value += 1) {
          const [best] = kept
            .map((range, index) => ({ ...range, index }))
            .filter(({ low, high }) => low <= value && value <= high)
            .toSorted(
              (one, other) =>
                one.high - one.low - (other.high - other.low) || other.weight - one.weight || one.index - other.index,
            );
          expect(table.nameOf(`10.0.0.${value}`)).toBe(best?.name ?? '');
        }
      }),
    );
  });

  test('ranges that cross each other lose nothing of what only one of them has', () => {
    const table = tableOf([
      { first: byte(1), last: byte(10), name: 'a', weight: 0 },
      { first: byte(5), last: byte(15), name: 'b', weight: 0 },
    ]);
    expect([0, 1, 4, 5, 10, 15, 16].map((value) => table.nameOf(`10.0.0.${value}`))).toEqual([
      '',
      'a',
      'a',
      'b',
      'b',
      'b',
      '',
    ]);
  });

  test('the ends of everything are in it', () => {
    const table = tableOf([
      { ...endsOf('0.0.0.0/0'), name: 'all', weight: 0 },
      { ...endsOf('::/0'), name: 'all six', weight: 0 },
    ]);
    expect(
      ['0.0.0.0', '255.255.255.255', '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'].map((ip) => table.nameOf(ip)),
    ).toEqual(['all', 'all', 'all six', 'all six']);
  });

  test('half a million rows are a few megabytes', () => {
    const rows = new RangeList();
    for (let index = 0; index < 500_000; index += 1) {
      const first = Uint8Array.of(1 + (index >> 16), (index >> 8) & 255, index & 255, 0);
      rows.add({ first, last: first.with(3, 255) }, `AS${index % 70_000} EXAMPLE`, 0);
    }
    const table = new RangeTable(rows);
    expect(table.size).toBe(500_001);
    expect(table.sizeBytes).toBeLessThan(5 * 1024 * 1024);
    expect(table.nameOf('1.0.1.77')).toBe('AS1 EXAMPLE');
    expect(table.nameOf('8.161.31.77')).toBe(`AS${499_999 % 70_000} EXAMPLE`);
  });
});

interface Span {
  readonly low: number;
  readonly high: number;
}

function crosses(one: Span, other: Span): boolean {
  return one.low < other.low && other.low <= one.high && one.high < other.high;
}
