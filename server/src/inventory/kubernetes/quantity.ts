/**
 * Amounts as Kubernetes writes them: `250m`, `1.5`, `64Mi`, `1e3`, `2G`.
 *
 * The surprise: they are rounded up, as Kubernetes does: whoever asks for a millionth of a core has asked for something.
 */

const SUFFIXES: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};
const QUANTITY = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)$/;
/** 0.1 + 0.2 is a little more than 0.3, which is no reason to round up. */
const TOLERANCE = 1e-6;

/** Null when it is no amount. */
export function quantityOf(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'string') return null;
  const [, number, exponent = '', suffix = ''] = QUANTITY.exec(value) ?? [];
  if (number === undefined) return null;
  return Number(`${number}${exponent}`) * (SUFFIXES[suffix] ?? 1);
}

/** Thousandths of a core. */
export function millisOf(value: unknown): number | null {
  const found = quantityOf(value);
  return found === null ? null : Math.ceil(found * 1_000 - TOLERANCE);
}

export function bytesOf(value: unknown): number | null {
  const found = quantityOf(value);
  return found === null ? null : Math.ceil(found - TOLERANCE);
}
