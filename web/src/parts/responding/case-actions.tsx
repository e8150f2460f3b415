/**
 * The buttons that make sense for a case now: the one that is wanted first, everything else behind "more".
 *
 * The surprise: what was asked for may come too late. The server then does nothing and says so, and so does the page.
 */
import type { CaseDetail } from '@countersign/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { api } from '../../data/api.ts';
import { fill, useSpeech } from '../../words/speech.tsx';
import { useCommands } from '../commands/commands.tsx';
import { Fault } from '../loading.tsx';
import { More } from './more.tsx';

export function CaseActions({ detail }: { readonly detail: CaseDetail }) {
  const { words } = useSpeech();
  const client = useQueryClient();
  const { id } = detail.summary;
  const act = useMutation({
    mutationFn: async (body: () => Promise<unknown>) => isIgnored(await body()),
    onSuccess: () => client.invalidateQueries({ queryKey: ['case', id] }),
  });
  const answer = useMutation({
    mutationFn: () => api.challengeLink(id),
    onSuccess: ({ url }) => window.location.assign(url),
  });
  const failed = act.error ?? answer.error;
  const may = (action: CaseDetail['actions'][number]) => detail.actions.includes(action);
  const busy = act.isPending || answer.isPending;
  const escalate = useRef<HTMLButtonElement>(null);
  const note = useRef<HTMLTextAreaElement>(null);
  const acknowledge = () => !busy && act.mutate(() => api.acknowledge(id));
  const goToAnswer = () => !busy && answer.mutate();
  useCommands([
    ...(may('answer') ? [{ name: words.case.answerNow, run: goToAnswer }] : []),
    ...(may('acknowledge') ? [{ key: 'a', name: words.case.acknowledge, run: acknowledge }] : []),
    ...(may('escalate')
      ? [{ key: 'e', name: words.responding.goToEscalate, run: () => escalate.current?.focus() }]
      : []),
    ...(may('resolve') ? [{ key: 'r', name: words.responding.goToResolve, run: () => note.current?.focus() }] : []),
  ]);
  if (detail.actions.length === 0) return null;
  return (
    <section className="panel form" aria-label={words.responding.actions}>
      {failed !== null && <Fault error={failed} />}
      {act.data === true && (
        <p className="lost" role="status">
          {words.responding.ignored}
        </p>
      )}
      {may('answer') && <Main label={words.case.answerNow} busy={busy} act={goToAnswer} />}
      {may('acknowledge') && <Main label={words.case.acknowledge} busy={busy} act={acknowledge} />}
      {/* The place is kept: another button must not slip under the pointer when somebody else is faster. */}
      {may('unacknowledge') && (
        <button type="button" className="button" disabled>
          {fill(words.responding.acknowledgedBy, { name: detail.acknowledgedBy?.name ?? '' })}
        </button>
      )}
      {may('escalate') && (
        <button
          type="button"
          className="button"
          ref={escalate}
          disabled={busy}
          onClick={() => act.mutate(() => api.escalate(id))}
        >
          {words.case.escalate}
        </button>
      )}
      {may('resolve') && (
        <Resolve field={note} busy={busy} resolve={(text) => act.mutate(() => api.resolve(id, text))} />
      )}
      {may('reopen') && (
        <button type="button" className="button" disabled={busy} onClick={() => act.mutate(() => api.reopen(id))}>
          {words.case.reopen}
        </button>
      )}
      {may('note') && <More detail={detail} busy={busy} act={(body) => act.mutate(body)} />}
    </section>
  );
}

function Main({ label, busy, act }: { readonly label: string; readonly busy: boolean; readonly act: () => void }) {
  return (
    <button type="button" className="button main" disabled={busy} onClick={act}>
      {label}
    </button>
  );
}

function Resolve({
  field,
  busy,
  resolve,
}: {
  readonly field: React.RefObject<HTMLTextAreaElement | null>;
  readonly busy: boolean;
  readonly resolve: (note: string) => void;
}) {
  const { words } = useSpeech();
  const [note, setNote] = useState('');
  return (
    <>
      <div className="field">
        <label htmlFor="note">{words.case.resolveNote}</label>
        <textarea
          id="note"
          ref={field}
          className="low"
          value={note}
          maxLength={2_000}
          onChange={(event) => setNote(event.target.value)}
        />
      </div>
      <button type="button" className="button" disabled={busy} onClick={() => resolve(note)}>
        {words.case.resolve}
      </button>
    </>
  );
}

/** The case was no longer in the state for it. */
function isIgnored(result: unknown): boolean {
  return typeof result === 'object' && result !== null && 'outcome' in result && result.outcome === 'ignored';
}
