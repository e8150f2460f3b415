/** The buttons that make sense for a case now: the one that is wanted first, everything else behind "more". */
import type { CaseDetail, Priority } from '@countersign/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api } from '../data/api.ts';
import { useSpeech } from '../words/speech.tsx';
import { Field, typed } from './field.tsx';
import { Fault } from './loading.tsx';

const SNOOZES = ['900', '3600', '14400', '86400'] as const;
const PRIORITIES: readonly Priority[] = ['P1', 'P2', 'P3', 'P4', 'P5'];
const DAY_MS = 86_400_000;

export function CaseActions({ detail }: { readonly detail: CaseDetail }) {
  const { words } = useSpeech();
  const client = useQueryClient();
  const { id } = detail.summary;
  const [note, setNote] = useState('');
  const act = useMutation({
    mutationFn: (body: () => Promise<unknown>) => body(),
    onSuccess: () => client.invalidateQueries({ queryKey: ['case', id] }),
  });
  const answer = useMutation({
    mutationFn: () => api.challengeLink(id),
    onSuccess: ({ url }) => window.location.assign(url),
  });
  const failed = act.error ?? answer.error;
  const may = (action: CaseDetail['actions'][number]) => detail.actions.includes(action);
  const busy = act.isPending || answer.isPending;
  const button = (label: string, body: () => Promise<unknown>, look = '') => (
    <button type="button" className={`button ${look}`} disabled={busy} onClick={() => act.mutate(body)}>
      {label}
    </button>
  );
  if (detail.actions.length === 0) return null;
  return (
    <section className="panel form">
      {failed !== null && <Fault error={failed} />}
      {may('answer') && (
        <button type="button" className="button main" disabled={busy} onClick={() => answer.mutate()}>
          {words.case.answerNow}
        </button>
      )}
      {may('acknowledge') && button(words.case.acknowledge, () => api.acknowledge(id), 'main')}
      {may('escalate') && button(words.case.escalate, () => api.escalate(id))}
      {may('resolve') && (
        <>
          <div className="field">
            <label htmlFor="note">{words.case.resolveNote}</label>
            <textarea id="note" value={note} maxLength={2_000} onChange={(event) => setNote(event.target.value)} />
          </div>
          {button(words.case.resolve, () => api.resolve(id, note))}
        </>
      )}
      {may('reopen') && button(words.case.reopen, () => api.reopen(id))}
      {may('note') && <More detail={detail} act={(body) => act.mutate(body)} />}
    </section>
  );
}

interface MoreProps {
  readonly detail: CaseDetail;
  readonly act: (body: () => Promise<unknown>) => void;
}

function More({ detail, act }: MoreProps) {
  const { words } = useSpeech();
  const { id, priority } = detail.summary;
  const may = (action: CaseDetail['actions'][number]) => detail.actions.includes(action);
  const addNote = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const text = typed(new FormData(form), 'text');
    act(async () => {
      await api.note(id, text);
      form.reset();
    });
  };
  return (
    <details>
      <summary>{words.case.more}</summary>
      <div className="form">
        {may('snooze') && (
          <Chooser
            label={words.case.snooze}
            choices={SNOOZES.map((seconds) => ({ value: seconds, name: words.case.snoozeFor[seconds] }))}
            chosen=""
            choose={(seconds) => act(() => api.snooze(id, Number(seconds)))}
          />
        )}
        {may('reassign') && <People id={id} act={act} />}
        {may('prioritise') && (
          <Chooser
            label={words.case.priority}
            choices={PRIORITIES.map((name) => ({ value: name, name }))}
            chosen={priority ?? ''}
            choose={(name) => act(() => api.prioritise(id, PRIORITIES.find((one) => one === name) ?? null))}
          />
        )}
        <form className="form" onSubmit={addNote}>
          <Field name="text" label={words.case.note} isLong />
          <button type="submit" className="button">
            {words.case.addNote}
          </button>
        </form>
      </div>
    </details>
  );
}

function People({ id, act }: { readonly id: string; readonly act: MoreProps['act'] }) {
  const { words } = useSpeech();
  const from = new Date(Math.floor(Date.now() / DAY_MS) * DAY_MS).toISOString();
  const to = new Date(Date.parse(from) + DAY_MS).toISOString();
  const onCall = useQuery({ queryKey: ['on-call', from, to], queryFn: () => api.onCall(from, to) });
  const choices = (onCall.data?.people ?? []).map((person) => ({ value: person.id, name: person.name }));
  return (
    <>
      <Chooser
        label={words.case.reassign}
        choices={choices}
        chosen=""
        choose={(person) => act(() => api.reassign(id, [person]))}
      />
      <Chooser
        label={words.case.addResponder}
        choices={choices}
        chosen=""
        choose={(person) => act(() => api.addResponders(id, [person]))}
      />
    </>
  );
}

interface ChooserProps {
  readonly label: string;
  readonly choices: readonly { readonly value: string; readonly name: string }[];
  readonly chosen: string;
  readonly choose: (value: string) => void;
}

/** Choosing does it at once; nothing is chosen by going through the list with the keyboard alone. */
function Chooser({ label, choices, chosen, choose }: ChooserProps) {
  const { words } = useSpeech();
  const [value, setValue] = useState(chosen);
  const fieldId = `choose-${label}`;
  return (
    <div className="field">
      <label htmlFor={fieldId}>{label}</label>
      <div className="row">
        <select id={fieldId} value={value} onChange={(event) => setValue(event.target.value)}>
          <option value="">{words.case.choose}</option>
          {choices.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.name}
            </option>
          ))}
        </select>
        <button
          type="button"
          className="button"
          disabled={value === '' || value === chosen}
          onClick={() => choose(value)}
        >
          OK
        </button>
      </div>
    </div>
  );
}
