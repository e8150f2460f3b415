/** A value of a machine: monospaced, cut in the middle, whole on hover, copied with one click. */
import { useState } from 'react';
import { useSpeech } from '../words/speech.tsx';

const LONGEST_SHOWN = 56;

export function MachineValue({ value, copy = true }: { readonly value: string; readonly copy?: boolean }) {
  const { words } = useSpeech();
  const [copied, setCopied] = useState(false);
  const copyValue = () => {
    navigator.clipboard.writeText(value).then(
      () => setCopied(true),
      () => undefined,
    );
  };
  return (
    <span className="value" title={value}>
      <span>{shorten(value)}</span>
      {copy && (
        <button type="button" onClick={copyValue} aria-label={`${words.common.copy}: ${value}`}>
          {copied ? words.common.copied : words.common.copy}
        </button>
      )}
    </span>
  );
}

export function shorten(value: string): string {
  if (value.length <= LONGEST_SHOWN) return value;
  const half = Math.floor((LONGEST_SHOWN - 1) / 2);
  return `${value.slice(0, half)}…${value.slice(-half)}`;
}
