/** What was put back for a case, or could be: field by field, before → after → reverted; a second person's approval; undoing. */
import type { RevertView } from '@countersign/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { api } from '../data/api.ts';
import { useSpeech } from '../words/speech.tsx';
import { useNow } from '../data/live.ts';
import { diffLines, linesOf } from './change-diff.tsx';
import { Field, typed } from './field.tsx';
import { Fault } from './loading.tsx';
import { Shape } from './state-badge.tsx';
import { Time } from './time.tsx';

const REFRESH_MS = 5_000;
/** Longer values than this are documents. */
const LONGEST_VALUE = 60;
const AGAIN: readonly RevertView['state'][] = ['conflict', 'failed', 'held'];
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
  const fault = found.isError && <Fault error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined || found.data.reverts.length === 0) return fault;
  return (
    <section className="panel stack">
      <h2>{words.reverts.title}</h2>
      {fault}
      {found.data.reverts.map((revert) => (
        <One key={revert.id} revert={revert} caseId={caseId} />
      ))}
    </section>
  );
}

/** Not put back but held: it has no place in the table of changes, and its lines say nothing that its name does not. */
function isContained({ row }: RevertView): boolean {
  return row === 0;
}

function One({ revert, caseId }: { readonly revert: RevertView; readonly caseId: string }) {
  const { words } = useSpeech();
  const remains = words.reverts.remains as Readonly<Record<string, string>>;
  const contained = words.reverts.contained as Readonly<Record<string, string>>;
  return (
    <div className="stack tight">
      <div className="row between">
        <span>
          {isContained(revert) && `${contained[revert.action] ?? revert.action}: `}
          <code>{revert.resource}</code>
        </span>
        <span className={`badge ${MEANING[revert.state]}`}>
          <Shape meaning={MEANING[revert.state]} />
          {isContained(revert) ? words.reverts.containedStates[revert.state] : words.reverts.states[revert.state]}
        </span>
      </div>
      {revert.failure !== null && <p className="small">{revert.failure}</p>}
      {revert.lines.length > 0 && !isContained(revert) && <Lines lines={revert.lines} />}
      <Trusted trusted={revert.trusted} />
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
      <LookAgain revert={revert} caseId={caseId} />
      <Decide revert={revert} caseId={caseId} />
    </div>
  );
}

/** One field after the other, each as trusted → as changed → as put back: short values side by side, documents as a diff. */
function Lines({ lines }: { readonly lines: RevertView['lines'] }) {
  return (
    <dl className="revert-lines">
      {lines.map((line) => (
        <div key={line.field} className="revert-line">
          <dt>
            <code>{line.field}</code>
          </dt>
          <dd>
            {isDocument(line.before) || isDocument(line.after) ? <Document line={line} /> : <Values line={line} />}
          </dd>
        </div>
      ))}
    </dl>
  );
}

type Line = RevertView['lines'][number];

function isDocument(value: unknown): boolean {
  return typeof value === 'object' && value !== null && JSON.stringify(value).length > LONGEST_VALUE;
}

function Values({ line }: { readonly line: Line }) {
  const { words } = useSpeech();
  const { before, after, reverted } = line;
  const parts = [
    [words.reverts.trusted, before, ''],
    [words.reverts.changed, after, 'removed'],
    [words.reverts.reverted, reverted, 'added'],
  ] as const;
  return (
    <div className="revert-values">
      {parts.map(([name, value, mark]) => (
        <div key={name}>
          <span className="small quiet">{name}</span>
          <span className={`value ${mark}`}>{shown(value, words.common.none)}</span>
        </div>
      ))}
    </div>
  );
}

function Document({ line }: { readonly line: Line }) {
  const { words } = useSpeech();
  const { before, after, reverted } = line;
  const same = JSON.stringify(before ?? null) === JSON.stringify(reverted ?? null);
  return (
    <>
      <pre className="diff" tabIndex={0} aria-label={`${words.reverts.trusted} → ${words.reverts.changed}`}>
        {diffLines(linesOf(before), linesOf(after)).map(({ mark, text }, index) => (
          <div key={index} className={mark === '+' ? 'added' : mark === '-' ? 'removed' : ''}>
            {mark} {text}
          </div>
        ))}
      </pre>
      <p className="small">
        {words.reverts.reverted}: {same ? words.reverts.asTrusted : shown(reverted, words.common.none)}
      </p>
    </>
  );
}

function shown(value: unknown, none: string): string {
  if (value === null || value === undefined) return none;
  return typeof value === 'string' ? value || '""' : JSON.stringify(value);
}

function Trusted({ trusted }: { readonly trusted: RevertView['trusted'] }) {
  const { words } = useSpeech();
  const nowMs = useNow();
  if (trusted === null) return null;
  return (
    <p className="small quiet">
      {words.reverts.trust[trusted.trust]} · <Time iso={trusted.since} nowMs={nowMs} /> · {trusted.because}
    </p>
  );
}

/** What could not be put back is looked at anew; what comes of it waits for a second person. */
function LookAgain({ revert, caseId }: { readonly revert: RevertView; readonly caseId: string }) {
  const { words } = useSpeech();
  const client = useQueryClient();
  const look = useMutation({
    mutationFn: () => api.lookAgain(revert.id),
    onSuccess: () => client.invalidateQueries({ queryKey: ['reverts', caseId] }),
  });
  if (!AGAIN.includes(revert.state)) return null;
  return (
    <div className="row">
      {look.isError && <Fault error={look.error} />}
      <button type="button" className="button" disabled={look.isPending} onClick={() => look.mutate()}>
        {words.reverts.again}
      </button>
    </div>
  );
}

function Decide({ revert, caseId }: { readonly revert: RevertView; readonly caseId: string }) {
  const { words } = useSpeech();
  const client = useQueryClient();
  const isUndo = revert.state === 'reverted';
  const approve = isContained(revert) ? words.reverts.approveContained : words.reverts.approve;
  const undoText = isContained(revert) ? words.reverts.undoContained : words.reverts.undoText;
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
    // Closed and empty again when one decision follows another: nobody undoes with the click that approved.
    <details key={revert.state}>
      <summary>{isUndo ? words.reverts.undo : approve}</summary>
      <form className="form" onSubmit={submit}>
        <p className="small quiet">{isUndo ? undoText : words.reverts.approveText}</p>
        {decide.isError && <Fault error={decide.error} />}
        <Field name="code" label={words.challenge.code} isCode />
        <button type="submit" className={`button ${isUndo ? '' : 'main'}`} disabled={decide.isPending}>
          {isUndo ? words.reverts.undo : approve}
        </button>
      </form>
    </details>
  );
}
