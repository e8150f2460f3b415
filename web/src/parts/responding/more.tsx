/** What is done with a case less often: put off, hand over, call in, merge, prioritise, note, take back. */
import type { CaseDetail, HandOverTarget, Priority } from '@countersign/contract';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useId, useState } from 'react';
import { api } from '../../data/api.ts';
import { useSpeech } from '../../words/speech.tsx';
import { Field, typed } from '../field.tsx';
import { cut, sentenceOf } from '../sentences.ts';

const SNOOZES = ['900', '3600', '14400', '86400'] as const;
const PRIORITIES: readonly Priority[] = ['P1', 'P2', 'P3', 'P4', 'P5'];
const GROUPS: readonly HandOverTarget['group'][] = ['schedules', 'people', 'teams', 'escalations'];
const OPEN = ['paged', 'acknowledged'];
const LONGEST_LINE = 90;

interface MoreProps {
  readonly detail: CaseDetail;
  readonly busy: boolean;
  readonly act: (body: () => Promise<unknown>) => void;
}

export function More({ detail, busy, act }: MoreProps) {
  const { words } = useSpeech();
  // Kept once it was opened: closing it must not lose what was typed.
  const [wasOpened, setOpened] = useState(false);
  return (
    <details onToggle={() => setOpened(true)}>
      <summary>{words.case.more}</summary>
      {wasOpened && <Everything detail={detail} busy={busy} act={act} />}
    </details>
  );
}

function Everything({ detail, busy, act }: MoreProps) {
  const { words } = useSpeech();
  const { id, priority } = detail.summary;
  const may = (action: CaseDetail['actions'][number]) => detail.actions.includes(action);
  return (
    <div className="form">
      {may('unacknowledge') && (
        <div className="field">
          <button type="button" className="button" disabled={busy} onClick={() => act(() => api.unacknowledge(id))}>
            {words.responding.takeBack}
          </button>
          <span className="small quiet">{words.responding.takeBackText}</span>
        </div>
      )}
      {may('snooze') && (
        <Chooser
          label={words.case.snooze}
          busy={busy}
          does={words.responding.set}
          groups={[{ name: '', choices: SNOOZES.map((seconds) => [seconds, words.case.snoozeFor[seconds]]) }]}
          choose={(seconds) => act(() => api.snooze(id, Number(seconds)))}
        />
      )}
      {may('reassign') && <Targets id={id} busy={busy} act={act} />}
      {may('merge') && <Merge id={id} busy={busy} act={act} />}
      {may('prioritise') && (
        <Chooser
          key={priority}
          label={words.case.priority}
          busy={busy}
          does={words.responding.set}
          groups={[{ name: '', choices: PRIORITIES.map((name) => [name, name]) }]}
          chosen={priority ?? ''}
          choose={(name) => act(() => api.prioritise(id, PRIORITIES.find((one) => one === name) ?? null))}
        />
      )}
      <Note id={id} busy={busy} act={act} />
    </div>
  );
}

type Part = Omit<MoreProps, 'detail'> & { readonly id: string };

function Targets({ id, busy, act }: Part) {
  const { words } = useSpeech();
  const found = useQuery({ queryKey: ['hand-over-targets'], queryFn: api.handOverTargets });
  const groups = GROUPS.map((group) => ({
    name: words.responding.groups[group],
    isLadder: group === 'escalations',
    choices: (found.data ?? []).filter((one) => one.group === group).map(({ key, name }) => [key, name] as const),
  }));
  return (
    <>
      <Chooser
        label={words.case.reassign}
        busy={busy}
        does={words.responding.handOver}
        groups={groups}
        choose={(target) => act(() => api.reassign(id, target))}
      />
      <Chooser
        label={words.case.addResponder}
        busy={busy}
        does={words.responding.callIn}
        groups={groups.filter(({ isLadder }) => !isLadder)}
        choose={(target) => act(() => api.addResponders(id, target))}
      />
    </>
  );
}

function Merge({ id, busy, act }: Part) {
  const { words } = useSpeech();
  const found = useQuery({ queryKey: ['fresh-cases', 'open'], queryFn: () => api.cases(OPEN, null) });
  const others = (found.data?.cases ?? []).filter((one) => one.id !== id);
  const choices = others.map(({ id: other, risk, headline }) => {
    return [other, cut(`${risk} · ${sentenceOf(headline, words)}`, LONGEST_LINE)] as const;
  });
  if (found.isSuccess && choices.length === 0) return null;
  return (
    <div className="field">
      <Chooser
        label={words.responding.mergeInto}
        busy={busy}
        does={words.responding.merge}
        groups={[{ name: '', choices }]}
        choose={(into) => act(() => api.merge(id, into))}
      />
      <span className="small quiet">{words.responding.mergeText}</span>
    </div>
  );
}

function Note({ id, busy, act }: Part) {
  const { words } = useSpeech();
  const addNote = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const text = typed(new FormData(form), 'text');
    act(async () => {
      const result = await api.note(id, text);
      // Whatever was typed meanwhile is another note.
      if (typed(new FormData(form), 'text') === text) form.reset();
      return result;
    });
  };
  return (
    <form className="form" onSubmit={addNote}>
      <Field name="text" label={words.case.note} isLong />
      <button type="submit" className="button" disabled={busy}>
        {words.case.addNote}
      </button>
    </form>
  );
}

interface ChooserProps {
  readonly label: string;
  /** What the button beside it says. */
  readonly does: string;
  readonly busy: boolean;
  readonly groups: readonly {
    /** Empty: no group. */
    readonly name: string;
    readonly choices: readonly (readonly [value: string, name: string])[];
  }[];
  readonly chosen?: string;
  readonly choose: (value: string) => void;
}

/** Nothing is done by going through the list alone: the button beside it does it. */
function Chooser({ label, does, busy, groups, chosen = '', choose }: ChooserProps) {
  const { words } = useSpeech();
  const [value, setValue] = useState(chosen);
  const fieldId = useId();
  const options = (choices: ChooserProps['groups'][number]['choices']) =>
    choices.map(([key, name]) => (
      <option key={key} value={key}>
        {name}
      </option>
    ));
  return (
    <div className="field">
      <label htmlFor={fieldId}>{label}</label>
      <div className="chooser">
        <select id={fieldId} value={value} onChange={(event) => setValue(event.target.value)}>
          <option value="">{words.case.choose}</option>
          {groups.map(({ name, choices }) => {
            if (name === '') return options(choices);
            return choices.length === 0 ? null : (
              <optgroup key={name} label={name}>
                {options(choices)}
              </optgroup>
            );
          })}
        </select>
        <button
          type="button"
          className="button"
          disabled={busy || value === '' || value === chosen}
          onClick={() => choose(value)}
        >
          {does}
        </button>
      </div>
    </div>
  );
}
