/**
 * What the tags of a rule say, beyond being tags: ATT&CK techniques, tactics, and the risk that the rule adds.
 *
 * Rule files use only keys that Falco knows, so these facts live in tags: `risk=55`, `T1562.008`, `mitre_persistence`. A rule of
 * somebody else's without a risk gets one from its priority. A technique that is tagged with its older and its current id is
 * one technique.
 */
import type { Priority } from '@countersign/falco';
import { currentTechnique } from './attack-techniques.ts';

export interface RuleMetadata {
  /** Upper case, in the order of the tags, by their current ids: `T1685.002`. */
  readonly techniques: readonly string[];
  /** `persistence`, `defense_evasion` … */
  readonly tactics: readonly string[];
  /** 0–100; null when no tag says. */
  readonly risk: number | null;
}

/** What a rule without a stated risk adds, by its priority. */
export const PRIORITY_RISK: Readonly<Record<Priority, number>> = {
  Emergency: 80,
  Alert: 70,
  Critical: 60,
  Error: 50,
  Warning: 40,
  Notice: 25,
  Informational: 15,
  Debug: 5,
};

const TECHNIQUE = /^(?:mitre_|attack\.)?(t\d{4}(?:\.\d{3})?)$/i;
const TACTIC = /^mitre_([a-z_]+)$/;
const RISK = /^risk=(\d{1,3})$/;
const HIGHEST_RISK = 100;

export function metadataOf(tags: readonly string[]): RuleMetadata {
  const risk = tags.map((tag) => RISK.exec(tag)?.[1]).find((text) => text !== undefined);
  return {
    techniques: [...new Set(tags.flatMap(techniqueOf))],
    tactics: [...new Set(tags.flatMap((tag) => TACTIC.exec(tag)?.[1] ?? []))],
    risk: risk === undefined ? null : Math.min(HIGHEST_RISK, Number(risk)),
  };
}

function techniqueOf(tag: string): readonly string[] {
  const id = TECHNIQUE.exec(tag)?.[1];
  return id === undefined ? [] : [currentTechnique(id.toUpperCase())];
}
