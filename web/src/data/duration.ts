/** How long something took or lived, in its two largest units: `3 d 4 h`, `1.2 s`, `300 ms`. */

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;

export function durationText(ms: number, language: string): string {
  if (ms < 60_000) {
    const unit = ms < 1_000 ? 'millisecond' : 'second';
    const value = ms < 1_000 ? Math.round(ms) : Math.round(ms / 100) / 10;
    return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' }).format(value);
  }
  const parts: string[] = [];
  let rest = ms;
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 && parts.length < 2)
      parts.push(new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' }).format(count));
    else if (parts.length === 1) break;
  }
  return parts.join(' ');
}
