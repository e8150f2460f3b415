/** My own passkeys, and how I am reached when I am on call. */
import type { NotificationView } from '@countersign/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { startRegistration } from '@simplewebauthn/browser';
import { type FormEvent, useState } from 'react';
import { api } from '../data/api.ts';
import { useNow } from '../data/live.ts';
import { fill, useSpeech } from '../words/speech.tsx';
import { Field, typed } from './field.tsx';
import { Fault, Skeleton } from './loading.tsx';
import { NotificationRules } from './notification-rules.tsx';
import { ThisBrowser } from './this-browser.tsx';
import { Time } from './time.tsx';

export function MyPasskeys() {
  const { words } = useSpeech();
  const nowMs = useNow();
  const client = useQueryClient();
  const keys = useQuery({ queryKey: ['passkeys'], queryFn: api.passkeys });
  const add = useMutation({
    mutationFn: async (name: string) => {
      const { options } = await api.startPasskey();
      return api.finishPasskey({ name, response: await startRegistration({ optionsJSON: options }) });
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ['passkeys'] }),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    add.mutate(typed(new FormData(event.currentTarget), 'name'));
  };
  return (
    <section className="panel form">
      <h2>{words.settings.passkeys}</h2>
      <p className="quiet small">{words.settings.passkeysText}</p>
      {add.isError && <Fault error={add.error} />}
      {keys.data?.passkeys.length === 0 && <p className="small">{words.settings.noPasskeys}</p>}
      <ul className="list">
        {keys.data?.passkeys.map((key) => (
          <li key={key.id} className="row between intake">
            <span>{key.name}</span>
            <span className="small quiet">
              <Time iso={key.usedAt ?? key.createdAt} nowMs={nowMs} />
            </span>
          </li>
        ))}
      </ul>
      <form className="form" onSubmit={submit}>
        <Field name="name" label={words.settings.passkeyName} />
        <button type="submit" className="button" disabled={add.isPending}>
          {words.settings.addPasskey}
        </button>
      </form>
    </section>
  );
}

export function MyNotifications() {
  const mine = useQuery({ queryKey: ['notifications'], queryFn: api.notifications });
  if (mine.isPending) return <Skeleton lines={3} />;
  const fault = mine.isError && <Fault error={mine.error} retry={() => void mine.refetch()} />;
  if (mine.data === undefined) return fault;
  return (
    <>
      {fault}
      <HowIAmReached view={mine.data} />
      <ThisBrowser view={mine.data} />
    </>
  );
}

function HowIAmReached({ view }: { readonly view: NotificationView }) {
  const { words } = useSpeech();
  const client = useQueryClient();
  const { settings, high, low, webhookSecret } = view;
  const [rules, setRules] = useState(settings.rules);
  const save = useMutation({
    mutationFn: api.saveNotifications,
    onSuccess: (saved) => client.setQueryData(['notifications'], saved),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const textOrNull = (name: string) => (typed(form, name) === '' ? null : typed(form, name));
    save.mutate({ phone: textOrNull('phone'), webhookUrl: textOrNull('webhook'), rules });
  };
  return (
    <section className="panel form">
      <h2>{words.settings.notifications}</h2>
      {save.isError && <Fault error={save.error} />}
      <p className="small">
        {words.settings.high}: <Reached rules={high} />
      </p>
      <p className="small">
        {words.settings.low}: <Reached rules={low} />
      </p>
      {webhookSecret !== null && (
        <p className="lost" role="status">
          {fill(words.settings.webhookSecret, { secret: webhookSecret })}
        </p>
      )}
      <form className="form" onSubmit={submit}>
        <Field name="phone" label={words.settings.phone} initial={settings.phone ?? ''} optional />
        <Field name="webhook" label={words.settings.webhook} initial={settings.webhookUrl ?? ''} optional />
        <NotificationRules view={view} rules={rules} change={setRules} />
        <button type="submit" className="button" disabled={save.isPending}>
          {words.settings.save}
        </button>
        {save.isSuccess && <p role="status">{words.settings.saved}</p>}
      </form>
    </section>
  );
}

function Reached({ rules }: { readonly rules: NotificationView['high'] }) {
  const { words } = useSpeech();
  if (rules.length === 0) return words.settings.nothingReaches;
  return rules
    .map(({ channel, afterSeconds }) => {
      const minutes = Math.round(afterSeconds / 60);
      const when = afterSeconds === 0 ? words.onCall.atOnce : fill(words.settings.afterMinutes, { minutes });
      return fill(words.settings.reachedBy, { channel: words.settings.ways[channel], when });
    })
    .join(' · ');
}
