/** Files of rules → a checked rule set for the sources there are; by default the rulesets that come with the product. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LoadResult, loadRules } from '@countersign/falco';
import { Failure } from '../ground/failure.ts';
import { sourceCatalogues } from '../sources/catalogue.ts';

/** The versions of Falco's plugins whose fields we have: what `required_plugin_versions` is held against. */
export const PLUGIN_VERSIONS: ReadonlyMap<string, string> = new Map([
  ['cloudtrail', '0.14.0'],
  ['k8saudit', '0.18.0'],
  ['json', '0.7.4'],
  ['container', '0.7.1'],
]);

const BUNDLED = fileURLToPath(new URL('../../../rulesets/', import.meta.url));
const RULE_FILE = /\.ya?ml$/;
const TEST_FILE = /\.test\.ya?ml$/;

/** The rule files that come with the product, by name. */
export function bundledRulesets(): readonly string[] {
  return rulesIn(BUNDLED);
}

/** The rule files directly in a folder, tests left out. */
export function rulesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => RULE_FILE.test(name) && !TEST_FILE.test(name))
    .sort()
    .map((name) => join(folder, name));
}

/**
 * Reads and checks files in order.
 *
 * @throws Failure `rules-unreadable` when a file cannot be read; what is wrong inside is a diagnostic.
 */
export function loadPack(files: readonly string[]): LoadResult {
  const read = files.map((name) => ({ name, text: readText(name) }));
  return loadRules(read, { catalogues: sourceCatalogues(), plugins: PLUGIN_VERSIONS });
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure(`the rule file ${file} cannot be read: ${reason}`, {
      code: 'rules-unreadable',
      httpStatus: 500,
      retryable: false,
      cause: error,
    });
  }
}
