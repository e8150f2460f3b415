/** Paths of calls are those that libsinsp gave for the same events of recorded captures. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { dataPath, describeWithData } from '../../../test/data.ts';
import { CaptureReader } from '../format/capture-reader.ts';
import { Machine } from '../state/machine.ts';
import { PATH_FIELDS } from './path-fields.ts';

/** libsinsp does not look up the directory of the calls that name one: there we say more (docs/captures.md). */
function agrees(got: unknown, wanted: unknown): boolean {
  if (got === wanted || typeof wanted !== 'string' || !wanted.startsWith('<UNKNOWN>')) return got === wanted;
  const rest = wanted.slice('<UNKNOWN>'.length).replace(/^(?:\.\.\/)+/, '');
  return typeof got === 'string' && got.endsWith(rest) && (got.startsWith('/') || got === '');
}

describeWithData('paths of recorded calls', () => {
  test.each(['attack2', 'containers'])('%s', (capture) => {
    const wanted = new Map<number, Readonly<Record<string, unknown>>>();
    for (const line of gunzipSync(readFileSync(dataPath('captures', `${capture}.fields.jsonl.gz`)))
      .toString()
      .split('\n')) {
      if (line === '') continue;
      const told = JSON.parse(line) as Readonly<Record<string, unknown>>;
      wanted.set(Number(told['evt.num']), told);
    }
    const differing: unknown[] = [];
    let seen = 0;
    const machine = new Machine({
      engines: 'podman',
      onEvent: (at) => {
        const told = wanted.get(at.current.number);
        if (told === undefined) return;
        for (const [name, read] of Object.entries(PATH_FIELDS)) {
          const got = read(at, null);
          if (got !== null) seen += 1;
          if (!agrees(got, told[name]))
            differing.push({ number: at.current.number, type: told['evt.type'], name, got, wanted: told[name] });
        }
      },
    });
    new CaptureReader(machine).write(gunzipSync(readFileSync(dataPath('captures', `${capture}.scap.gz`))));
    expect(differing).toEqual([]);
    expect(seen).toBeGreaterThan(1_000);
  });
});
