/** The codes and the numbers of parameters that the C has are those of the format's table. Looks at the sources: it needs no rights. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { EVENT_FLAG, EVENT_TABLE } from '@countersign/scap';

const SENSOR = fileURLToPath(new URL('../../../sensor/', import.meta.url));
const header = readFileSync(`${SENSOR}sensor.h`, 'utf8');
const programs = readdirSync(`${SENSOR}kernel`)
  .map((file) => readFileSync(`${SENSOR}kernel/${file}`, 'utf8'))
  .join('\n');
const codes = new Map([...header.matchAll(/\bEV_(\w+) = (\d+),/g)].map(([, name = '', code]) => [name, Number(code)]));

describe('the events of the sensor', () => {
  test('have the names that their codes have in the table, in its current version', () => {
    expect(codes.size).toBeGreaterThan(60);
    const named = { ASYNC: 'asyncevent', PROCEXIT: 'procexit' } as Readonly<Record<string, string>>;
    for (const [name, code] of codes) {
      const info = EVENT_TABLE[code];
      expect(info?.name, name).toBe(named[name] ?? name.toLowerCase());
      expect((info?.flags ?? 0) & (EVENT_FLAG.old | EVENT_FLAG.unused), name).toBe(0);
    }
  });

  test('have as many parameters as in the table', () => {
    const written = [...programs.matchAll(/event_begin\(CLASS_\w+, EV_(\w+), (\d+)\)/g)];
    expect(written.length).toBeGreaterThan(25);
    for (const [, name = '', count] of written) {
      expect(EVENT_TABLE[codes.get(name) ?? 0]?.parameters.length, name).toBe(Number(count));
    }
  });
});
