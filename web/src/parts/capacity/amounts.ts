/** Processors and memory as people read them. */
import { bytesText } from '../../data/bytes.ts';
import type { Speech } from '../../words/speech.tsx';

export type Resource = 'cpu' | 'memory';

export function amountText(resource: Resource, amount: number | null, speech: Speech): string {
  if (amount === null) return '–';
  if (resource === 'cpu') return coresText(amount, speech.language);
  return amount < 0 ? `-${bytesText(-amount, speech.language)}` : bytesText(amount, speech.language);
}

/** `0.02`, `1.5`, `12`: as many digits as say something. */
export function coresText(cores: number, language: string): string {
  const digits = Math.abs(cores) < 10 ? 2 : Math.abs(cores) < 100 ? 1 : 0;
  return new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(cores);
}

export function shareText(share: number | null, language: string): string {
  if (share === null) return '–';
  return new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: share < 0.1 ? 1 : 0 }).format(
    share,
  );
}
