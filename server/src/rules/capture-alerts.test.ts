/**
 * Recorded system calls get the alerts that Falco gave them: same rule, same time, same fields. The captures lie beside the
 * project; without them the test is skipped, in continuous integration it fails.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { dataPath, describeWithData } from '../../../test/data.ts';
import { readCaptureFile } from '../sources/captures/capture-file.ts';
import { createCaptureAlerts } from './capture-alerts.ts';
import { loadPack } from './pack.ts';

const RULES = {
  stable: ['falco_rules.yaml'],
  all3: ['falco_rules.yaml', 'falco-incubating_rules.yaml', 'falco-sandbox_rules.yaml'],
} as const;
const VERDICTS = [
  ['attack2', 'stable', 'first', 14],
  ['attack2', 'all3', 'first', 56],
  ['attack2', 'all3on', 'all', 125],
  ['containers', 'stable', 'first', 19],
  ['containers', 'all3', 'first', 138],
  ['containers', 'all3on', 'all', 611],
  ['build', 'stable', 'first', 0],
  ['build', 'all3', 'first', 0],
  ['build', 'all3on', 'all', 1],
  ['network', 'stable', 'first', 0],
  ['network', 'all3', 'first', 4_253],
] as const;

describeWithData('recorded system calls', () => {
  test.each(VERDICTS)('%s with the rules %s', { timeout: 60_000 }, async (capture, set, match, count) => {
    const wanted = linesOf(dataPath('captures', `${capture}.${set}.alerts.jsonl.gz`))
      .map(essenceOf)
      .sort();
    expect(wanted).toHaveLength(count);
    const got: string[] = [];
    const files = RULES[set === 'stable' ? 'stable' : 'all3'].map((file) => dataPath('falco-rules', file));
    const { ruleset } = loadPack(files);
    const machine = createCaptureAlerts({
      rules: set === 'all3on' ? ruleset.rules.map((rule) => ({ ...rule, enabled: true })) : ruleset.rules,
      match,
      hostname: 'vm',
      onAlert: ({ json }) => got.push(essenceOf(json)),
    });
    const { damage } = await readCaptureFile(dataPath('captures', `${capture}.scap.gz`), machine, () =>
      Promise.resolve(),
    );
    expect(damage).toBeNull();
    expect(got.sort()).toEqual(wanted);
  });
});

function linesOf(file: string): readonly string[] {
  return gunzipSync(readFileSync(file))
    .toString()
    .split('\n')
    .filter((line) => line !== '');
}

/** What must be equal, with numbers of 64 bits as texts so that no digit is lost. */
function essenceOf(line: string): string {
  const alert = JSON.parse(line.replace(/([:[,])(-?\d{16,})(?=[,\]}])/g, '$1"$2"')) as Readonly<
    Record<string, unknown>
  >;
  const fields = Object.entries(alert['output_fields'] as object).sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([alert['time'], alert['rule'], fields]);
}
