/** What the server wants of every agent: the rules that judge at the edge, and how long a window is. Known by the digest of its content. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type Static, Type } from 'typebox';

const LARGEST_FILE_CHARACTERS = 4_000_000;

export const SettingsContent = Type.Object({
  /** Rule files in load order. */
  rules: Type.Array(
    Type.Object({ name: Type.String({ maxLength: 200 }), text: Type.String({ maxLength: LARGEST_FILE_CHARACTERS }) }),
    { maxItems: 200 },
  ),
  windowMs: Type.Integer({ minimum: 1_000, maximum: 600_000 }),
});
export type SettingsContent = Static<typeof SettingsContent>;

export interface AgentSettings {
  readonly etag: string;
  readonly content: SettingsContent;
}

export const WINDOW_MS = 10_000;

export function agentSettings(ruleFiles: readonly string[]): AgentSettings {
  const content = {
    rules: ruleFiles.map((file) => ({ name: basename(file), text: readFileSync(file, 'utf8') })),
    windowMs: WINDOW_MS,
  };
  const digest = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  return { etag: `"${digest.slice(0, 32)}"`, content };
}
