/**
 * What an exemption covers. Pure.
 *
 * The surprise: all four parts must be said and must fit. An exemption that is any wider would be a hole that somebody finds: a
 * session's name, which its holder may choose, counts only together with its role, and what we say of ourselves is never exempt.
 */
import type { ExemptionParts } from '@countersign/contract';
import { matchesGlob } from '../../ground/glob.ts';
import { isOwnAlert } from '../../sources/alerts/alert.ts';
import type { Actor } from '../../sources/source.ts';
import type { Finding } from '../finding.ts';

export interface Exemption extends ExemptionParts {
  readonly id: string;
  readonly expiresMs: number;
}

export const LONGEST_EXEMPTION_MS = 90 * 86_400_000;
const SHORTEST_STEM = 3;

/** Why the parts are too wide; null when they are narrow enough. */
export function tooWide({ rule, actor, resource, account }: ExemptionParts): string | null {
  for (const [name, text] of Object.entries({ rule, account })) {
    if (/[*?]/.test(text)) return `${name}: no wildcards here, name exactly one`;
  }
  for (const [name, text] of Object.entries({ actor, resource })) {
    const inside = text.replace(/^\*/, '').replace(/\*$/, '');
    if (/[*?]/.test(inside)) return `${name}: a wildcard may stand at the beginning or the end, not inside`;
    if (inside.length < SHORTEST_STEM) return `${name}: '${text}' fits nearly everything: narrow it`;
  }
  if (actor.includes('*') && resource.includes('*')) {
    return 'actor and resource: at most one of them may have a wildcard';
  }
  return null;
}

/** The one that covers a finding; null for almost all. */
export function exemptionFor(
  finding: Pick<Finding, 'rule' | 'facts'>,
  exemptions: readonly Exemption[],
  nowMs: number,
): Exemption | null {
  return exemptions.find((exemption) => exemption.expiresMs > nowMs && covers(exemption, finding)) ?? null;
}

export function covers(parts: ExemptionParts, { rule, facts }: Pick<Finding, 'rule' | 'facts'>): boolean {
  const { actor, resources, account } = facts;
  if (parts.rule !== rule || parts.account !== account || isOwnAlert(facts)) return false;
  const isActor = namesOf(actor).some((name) => matchesGlob(parts.actor, name));
  // Every resource must be covered: one that is not is something else being changed along with it.
  return isActor && resources.length > 0 && resources.every(({ id }) => matchesGlob(parts.resource, id));
}

/** An IAM user or a Kubernetes user by name, everything by its id, a session by `ROLE/SESSION`. */
function namesOf({ kind, id, name, session }: Actor): readonly string[] {
  if (session !== null) return [id, `${id}/${session}`];
  return kind === 'person' ? [id, name] : [id];
}
