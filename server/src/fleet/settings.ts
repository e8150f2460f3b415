/** What the server wants of every agent: the rules that judge at the edge, what belongs together, and how long a window is. Known by the digest of its content. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type Static, Type } from 'typebox';
import type { CustomGroup } from '../inventory/application.ts';

const LARGEST_FILE_CHARACTERS = 4_000_000;

export const SettingsContent = Type.Object({
  /** Rule files in load order. */
  rules: Type.Array(
    Type.Object({ name: Type.String({ maxLength: 200 }), text: Type.String({ maxLength: LARGEST_FILE_CHARACTERS }) }),
    { maxItems: 200 },
  ),
  /** Applications by names of one's own. */
  groups: Type.Array(
    Type.Object({
      name: Type.String({ maxLength: 200 }),
      globs: Type.Array(Type.String({ maxLength: 1_000 }), { maxItems: 100 }),
    }),
    { maxItems: 1_000, default: [] },
  ),
  windowMs: Type.Integer({ minimum: 1_000, maximum: 600_000 }),
});
export type SettingsContent = Static<typeof SettingsContent>;

export interface AgentSettings {
  readonly etag: string;
  readonly content: SettingsContent;
}

export const WINDOW_MS = 10_000;

export function agentSettings(ruleFiles: readonly string[], groups: readonly CustomGroup[]): AgentSettings {
  const content = {
    groups: groups.map(({ name, globs }) => ({ name, globs: [...globs] })),
    rules: ruleFiles.map((file) => ({ name: basename(file), text: readFileSync(file, 'utf8') })),
    windowMs: WINDOW_MS,
  };
  const digest = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  return { etag: `"${digest.slice(0, 32)}"`, content };
}
