/** What a page shows while it has nothing: the same layout in grey, or what failed with a way to try again. */
import { ApiFailure } from '../data/api.ts';
import { fill, useSpeech } from '../words/speech.tsx';
import type { Words } from '../words/en.ts';

export function Skeleton({ lines = 4 }: { readonly lines?: number }) {
  const { words } = useSpeech();
  return (
    <div aria-busy="true">
      <span className="sr">{words.common.loading}</span>
      {Array.from({ length: lines }, (_, index) => (
        <div key={index} className="skeleton" />
      ))}
    </div>
  );
}

export function Fault({ error, retry }: { readonly error: unknown; readonly retry?: () => void }) {
  const { words } = useSpeech();
  return (
    <div className="fault" role="alert">
      <span>{faultText(error, words)}</span>
      {retry !== undefined && (
        <button type="button" className="button" onClick={retry}>
          {words.common.tryAgain}
        </button>
      )}
    </div>
  );
}

export function faultText(error: unknown, words: Words): string {
  if (!(error instanceof ApiFailure)) return words.common.failed;
  const known = words.errors as Readonly<Record<string, string>>;
  return fill(known[error.code] ?? words.errors.other, { message: error.message });
}
