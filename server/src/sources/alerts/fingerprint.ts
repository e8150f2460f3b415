/** Tells alerts apart whose sender does not: what stays the same while numbers in the text change. */
import { createHash } from 'node:crypto';

const LENGTH = 40;

/** "disk 93 % full" and "disk 94 % full" are one kind of alert. */
export function withoutNumbers(text: string): string {
  return text
    .replace(/\d+(?:[.,:]\d+)*/g, '#')
    .replace(/\s+/g, ' ')
    .trim();
}

/** A key for an alert that came without one: `exact` parts tell things apart by every digit, `told` is prose. */
export function fingerprintOf(exact: readonly (string | null)[], told: string | null = null): string {
  const parts = JSON.stringify([exact, told === null ? null : withoutNumbers(told)]);
  return `fp-${createHash('sha256').update(parts).digest('hex').slice(0, LENGTH)}`;
}
