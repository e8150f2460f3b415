/**
 * Fields have the values that libsinsp gave for the same events of recorded captures, old and new: 257 fields of every event in
 * the samples beside them. What differs is named here, with its reason, and in docs/captures.md.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { dataPath, describeWithData } from '../../../test/data.ts';
import { CaptureReader } from '../format/capture-reader.ts';
import { Machine } from '../state/machine.ts';
import { printableText } from '../state/printable-text.ts';
import { SYSCALL_FIELDS } from './fields.ts';

const FEWEST_FIELDS = 250;
const MOST_TOLD = 20;
const GZIP = 0x1f8b;

type Told = Readonly<Record<string, unknown>>;

/** Whether the difference is one of those that are meant to be. */
const KNOWN: Readonly<Record<string, (got: string, wanted: string) => boolean>> = {
  // Falco shows what its memory held before, where the writer's list was shorter.
  'proc.exe_ino.ctime_duration_proc_start': (got) => got === 'null',
  'proc.exe_ino.ctime_duration_pidns_start': (got) => got === 'null',
  // Of an empty buffer Falco prints the text before it, cut to another length.
  'evt.buffer': (got, wanted) => got === '' && 'NULL'.startsWith(wanted.slice(0, 4)),
  // A set: Falco's order is that of its table.
  'fd.types': (got, wanted) => isSameSet(got, wanted),
  'fs.path.name': isMoreOfPath,
  'fs.path.source': isMoreOfPath,
  'fs.path.target': isMoreOfPath,
};

/** libsinsp does not look up the directory of some calls that name one. */
function isMoreOfPath(got: string, wanted: string): boolean {
  if (!wanted.startsWith('<UNKNOWN>')) return false;
  const rest = wanted.slice('<UNKNOWN>'.length).replace(/^(?:\.\.\/)+/, '');
  return got === rest || (got.endsWith(rest) && got.startsWith('/'));
}

function isSameSet(got: string, wanted: string): boolean {
  const sorted = (text: string): string => JSON.stringify((JSON.parse(text) as string[]).sort());
  return sorted(got) === sorted(wanted);
}

function captures(): readonly string[] {
  const old = readdirSync(dataPath('captures', 'old')).filter((file) => file.endsWith('.scap'));
  return ['attack2', 'containers', ...old.map((file) => `old/${file.slice(0, -'.scap'.length)}`)];
}

/** Numbers of 64 bits as texts, so that no digit is lost. */
function toldOf(capture: string): ReadonlyMap<number, Told> {
  const lines = gunzipSync(readFileSync(dataPath('captures', `${capture}.fields.jsonl.gz`)))
    .toString()
    .split('\n');
  const told = new Map<number, Told>();
  for (const line of lines) {
    if (line === '') continue;
    const one = JSON.parse(line.replace(/([:[,])(-?\d{16,})(?=[,\]}])/g, '$1"$2"')) as Told;
    told.set(Number(one['evt.num']), one);
  }
  return told;
}

function bytesOf(capture: string): Buffer {
  const plain = dataPath('captures', `${capture}.scap`);
  const bytes = readFileSync(existsSync(plain) ? plain : `${plain}.gz`);
  return bytes.readUInt16BE(0) === GZIP ? gunzipSync(bytes) : bytes;
}

function printed(machine: Machine, key: string): string {
  const [, name = key, argument] = /^([^[]*)\[(.*)\]$/.exec(key) ?? [];
  const field = SYSCALL_FIELDS.get(name);
  return textOf((field?.print ?? field?.read)?.(machine, argument ?? null) ?? null);
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return JSON.stringify(value.map(textOf));
  return printableText(String(value));
}

describeWithData('fields of recorded captures', () => {
  test.each(captures())('%s', { timeout: 120_000 }, (capture) => {
    const told = toldOf(capture);
    const differing: unknown[] = [];
    let compared = 0;
    const machine = new Machine({
      engines: new Set(['podman'] as const),
      onEvent: (at) => {
        const one = told.get(at.current.number);
        if (one === undefined) return;
        expect(Object.keys(one).length).toBeGreaterThan(FEWEST_FIELDS);
        for (const [key, value] of Object.entries(one)) {
          compared += 1;
          const [got, wanted] = [printed(at, key), textOf(value)];
          if (got === wanted || KNOWN[key]?.(got, wanted) === true) continue;
          differing.push({ event: at.current.number, type: at.current.info.name, key, got, wanted });
        }
      },
    });
    new CaptureReader(machine).write(bytesOf(capture));
    expect(differing.slice(0, MOST_TOLD)).toEqual([]);
    expect(compared).toBeGreaterThanOrEqual(FEWEST_FIELDS * told.size);
  });
});
