/** What was put back for a case, or could be: field by field, before → after → reverted; a second person's approval; undoing. */
import type { RevertView } from '@countersign/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { api } from '../data/api.ts';
import { useSpeech } from '../words/speech.tsx';
import { Field, typed } from './field.tsx';
import { Fault } from './loading.tsx';
import { Shape } from './state-badge.tsx';

const REFRESH_MS = 5_000;
const MEANING: Readonly<Record<RevertView['state'], 'act' | 'ask' | 'note' | 'fine'>> = {
  planned: 'ask',
  approved: 'note',
  running: 'note',
  reverted: 'fine',
  'already-done': 'fine',
  conflict: 'act',
  failed: 'act',
  held: 'act',
  undoing: 'note',
  undone: 'note',
};

export function Reverts({ caseId }: { readonly caseId: string }) {
  const { words } = useSpeech();
  const found = useQuery({
    queryKey: ['reverts', caseId],
    queryFn: () => api.reverts(caseId),
    refetchInterval: REFRESH_MS,
  });
  if (found.isError) return <Fault error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined || found.data.reverts.length === 0) return null;
  return (
    <section className="panel stack">
      <h2>{words.reverts.title}</h2>
      {found.data.reverts.map((revert) => (
        <One key={revert.id} revert={revert} caseId={caseId} />
      ))}
    </section>
  );
}

function One({ revert, caseId }: { readonly revert: RevertView; readonly caseId: string }) {
  const { words } = useSpeech();
  const remains = words.reverts.remains as Readonly<Record<string, string>>;
  return (
    <div className="stack tight">
      <div className="row between">
        <code>{revert.resource}</code>
        <span className={`badge ${MEANING[revert.state]}`}>
          <Shape meaning={MEANING[revert.state]} />
          {words.reverts.states[revert.state]}
        </span>
      </div>
      {revert.failure !== null && <p className="small">{revert.failure}</p>}
      {revert.lines.length > 0 && <Lines lines={revert.lines} />}
      {revert.remains !== null && <p className="small quiet">{remains[revert.remains] ?? revert.remains}</p>}
      {revert.calls.length > 0 && (
        <details>
          <summary>{words.reverts.calls}</summary>
          <pre className="shell" tabIndex={0}>
            {revert.calls
              .map(({ service, operation, input }) => `${service} ${operation} ${JSON.stringify(input, null, 2)}`)
              .join('\n')}
          </pre>
        </details>
      )}
      <Decide revert={revert} caseId={caseId} />
    </div>
  );
}

function Lines({ lines }: { readonly lines: RevertView['lines'] }) {
  const { words } = useSpeech();
  return (
    <div className="sheet" tabIndex={0} role="region" aria-label={words.reverts.title}>
      <table className="data left">
        <thead>
          <tr>
            <th scope="col">{words.reverts.field}</th>
            <th scope="col">{words.case.before}</th>
            <th scope="col">{words.case.after}</th>
            <th scope="col">{words.reverts.reverted}</th>
          </tr>
        </thead>
        <tbody>
          {lines.map(({ field, before, after, reverted }) => (
            <tr key={field}>
              <th scope="row">{field}</th>
              <td>{shown(before, words.common.none)}</td>
              <td>{shown(after, words.common.none)}</td>
              <td>{shown(reverted, words.common.none)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function shown(value: unknown, none: string): string {
  if (value === null || value === undefined) return none;
  return typeof value === 'string' ? value || '""' : JSON.stringify(value, null, 1);
}

function Decide({ revert, caseId }: { readonly revert: RevertView; readonly caseId: string }) {
  const { words } = useSpeech();
  const client = useQueryClient();
  const isUndo = revert.state === 'reverted';
  const decide = useMutation({
    mutationFn: (code: string) =>
      (isUndo ? api.undoRevert : api.approveRevert)(revert.id, { digest: revert.digest, code }),
    onSuccess: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: ['reverts', caseId] }),
        client.invalidateQueries({ queryKey: ['case', caseId] }),
      ]),
  });
  if (!isUndo && !(revert.state === 'planned' && revert.mode === 'approve')) return null;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    decide.mutate(typed(new FormData(event.currentTarget), 'code'));
  };
  return (
    <details>
      <summary>{isUndo ? words.reverts.undo : words.reverts.approve}</summary>
      <form className="form" onSubmit={submit}>
        <p className="small quiet">{isUndo ? words.reverts.undoText : words.reverts.approveText}</p>
        {decide.isError && <Fault error={decide.error} />}
        <Field name="code" label={words.challenge.code} isCode />
        <button type="submit" className={`button ${isUndo ? '' : 'main'}`} disabled={decide.isPending}>
          {isUndo ? words.reverts.undo : words.reverts.approve}
        </button>
      </form>
    </details>
  );
}
