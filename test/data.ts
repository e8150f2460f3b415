/**
 * Where the optional test data lies, and how a test says that it was skipped for want of it.
 *
 * With `CI=true` a missing component is a failure, so that a green run cannot hide that nothing was tested.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { describe, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The data directory: `COUNTERSIGN_TEST_DATA`, or `../shared/data` beside the clone. May not exist. */
export const DATA_DIRECTORY = process.env['COUNTERSIGN_TEST_DATA'] ?? join(ROOT, '..', 'shared', 'data');

export function dataPath(...parts: string[]): string {
  return join(DATA_DIRECTORY, ...parts);
}

/**
 * A `describe` that needs a component. Absent: skipped with the reason in its title, or one failing test under `CI=true`.
 */
export function describeWith(component: { readonly name: string; readonly present: boolean }) {
  return (title: string, body: () => void): void => {
    if (component.present) {
      describe(title, body);
    } else if (process.env['CI'] === 'true') {
      describe(title, () => {
        test(`needs ${component.name}`, () => {
          throw new Error(`${component.name} is absent; with CI=true that is a failure`);
        });
      });
    } else {
      describe.skip(`${title} (skipped: ${component.name} is absent)`, body);
    }
  };
}

export const describeWithData = describeWith({
  name: `test data at ${DATA_DIRECTORY}`,
  present: existsSync(DATA_DIRECTORY),
});
