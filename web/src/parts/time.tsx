/** A time as "4 minutes ago", whole on hover. */
import { useSpeech } from '../words/speech.tsx';

export function Time({ iso, nowMs }: { readonly iso: string; readonly nowMs: number }) {
  const speech = useSpeech();
  return (
    <time dateTime={iso} title={speech.absolute(iso)}>
      {speech.relative(iso, nowMs)}
    </time>
  );
}
