/** `--config FILE` of any command: read, checked, and told in full where it is wrong. */
import { readFile } from 'node:fs/promises';
import { type Configuration, defaultConfiguration, readConfiguration } from '../configuration.ts';
import { formatConfigDiagnostic } from '../ground/config.ts';
import { messageOf } from '../ground/failure.ts';
import { InputError } from './command-line.ts';

/**
 * @param file without it, what the server has without one
 * @throws InputError with every complaint about the file
 */
export async function readConfigurationFile(file: string | undefined): Promise<Configuration> {
  if (file === undefined) return defaultConfiguration();
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new InputError(`${file} cannot be read: ${messageOf(error)}`);
  });
  const { configuration, diagnostics } = readConfiguration(text, file);
  if (configuration === null) throw new InputError(diagnostics.map(formatConfigDiagnostic).join('\n'));
  return configuration;
}
