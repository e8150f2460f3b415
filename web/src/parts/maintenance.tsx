/** Maintenance windows: planned work during which pages wait, listed and made beside the ladders. */
import type { MaintenanceView } from '@countersign/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { api } from '../data/api.ts';
import { useSpeech } from '../words/speech.tsx';
import { Field, typed } from './field.tsx';
import { Fault } from './loading.tsx';

export function Maintenance() {
  const { words } = useSpeech();
  const client = useQueryClient();
  const refresh = () => client.invalidateQueries({ queryKey: ['maintenance'] });
  const session = useQuery({ queryKey: ['session'], queryFn: api.session });
  const found = useQuery({ queryKey: ['maintenance'], queryFn: api.maintenance });
  const plan = useMutation({ mutationFn: api.planMaintenance, onSuccess: refresh });
  const mayPlan = session.data?.person?.role !== 'member';
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const given = (name: 'source' | 'account' | 'rule') =>
      typed(form, name) === '' ? {} : { [name]: typed(form, name) };
    plan.mutate({
      ...given('source'),
      ...given('account'),
      ...given('rule'),
      reason: typed(form, 'reason'),
      from: new Date(typed(form, 'from')).toISOString(),
      to: new Date(typed(form, 'to')).toISOString(),
    });
  };
  return (
    <section className="panel form">
      <h2>{words.maintenance.title}</h2>
      <p className="quiet small">{words.maintenance.text}</p>
      {found.isError && <Fault error={found.error} retry={() => void found.refetch()} />}
      {found.data?.windows.length === 0 && <p className="small">{words.maintenance.empty}</p>}
      <ul className="list">
        {found.data?.windows.map((window) => (
          <Window key={window.id} window={window} mayEnd={mayPlan} refresh={refresh} />
        ))}
      </ul>
      {mayPlan && (
        <details>
          <summary>{words.maintenance.plan}</summary>
          {plan.isError && <Fault error={plan.error} />}
          <form className="form" onSubmit={submit}>
            <Field name="account" label={words.maintenance.account} optional />
            <Field name="rule" label={words.maintenance.rule} optional />
            <Field name="source" label={words.maintenance.source} optional />
            <Field name="reason" label={words.maintenance.reason} />
            <div className="field">
              <label htmlFor="maintenance-from">{words.onCall.from}</label>
              <input id="maintenance-from" name="from" type="datetime-local" required />
            </div>
            <div className="field">
              <label htmlFor="maintenance-to">{words.onCall.to}</label>
              <input id="maintenance-to" name="to" type="datetime-local" required />
            </div>
            <button type="submit" className="button" disabled={plan.isPending}>
              {words.maintenance.plan}
            </button>
          </form>
        </details>
      )}
    </section>
  );
}

function Window({
  window,
  mayEnd,
  refresh,
}: {
  readonly window: MaintenanceView;
  readonly mayEnd: boolean;
  readonly refresh: () => Promise<void>;
}) {
  const { words, absolute } = useSpeech();
  const end = useMutation({ mutationFn: () => api.endMaintenance(window.id), onSuccess: refresh });
  const parts = [window.account, window.rule, window.source].filter((part) => part !== null);
  return (
    <li className="row between intake">
      <span>
        {window.reason}
        <div className="small quiet">
          <code>{parts.join(' · ')}</code> {absolute(window.from)} – {absolute(window.to)}
        </div>
        {end.isError && <Fault error={end.error} />}
      </span>
      {mayEnd && (
        <button type="button" className="plain" disabled={end.isPending} onClick={() => end.mutate()}>
          {words.onCall.end}
        </button>
      )}
    </li>
  );
}
