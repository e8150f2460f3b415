/**
 * Prints the last line that continuous integration reads: `N passed, N failed, N skipped`.
 *
 * A file that cannot even be loaded counts as one failure, and so does a hook that fails and skips what depends on it: neither
 * is ever a green run.
 */
import type { Reporter, TestModule, SerializedError } from 'vitest/node';

export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    let skipped = 0;
    for (const module of modules) {
      let seen = 0;
      for (const test of module.children.allTests()) {
        seen += 1;
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        else if (state === 'failed') failed += 1;
        else skipped += 1;
      }
      for (const suite of module.children.allSuites()) failed += suite.errors().length;
      if (module.errors().length > 0 || (seen === 0 && module.state() === 'failed')) failed += 1;
    }
    process.on('exit', () => process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`));
  }
}
