/** Signing in: by a link, which is exchanged at once, or with address, passphrase and code. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef } from 'react';
import { useNavigate } from 'react-router';
import { api } from '../data/api.ts';
import { takeToken } from '../data/fragment.ts';
import { Fault } from '../parts/loading.tsx';
import { Field, typed } from '../parts/field.tsx';
import { Mark } from '../parts/frame.tsx';
import { useSpeech } from '../words/speech.tsx';

export function SignInPage() {
  const { words } = useSpeech();
  const client = useQueryClient();
  const navigate = useNavigate();
  const enter = async () => {
    await client.invalidateQueries({ queryKey: ['session'] });
    await navigate('/', { replace: true });
  };
  const byLink = useMutation({ mutationFn: api.signInByLink, onSuccess: enter });
  const byForm = useMutation({ mutationFn: api.signIn, onSuccess: enter });
  const token = takeToken('/sign-in');
  const exchanged = useRef(false);
  const { mutate } = byLink;
  useEffect(() => {
    if (token === null || exchanged.current) return;
    exchanged.current = true;
    mutate(token);
  }, [token, mutate]);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    byForm.mutate({ email: typed(form, 'email'), passphrase: typed(form, 'passphrase'), code: typed(form, 'code') });
  };
  return (
    <div className="alone">
      <main>
        <div className="brand">
          <Mark />
          <span>{words.product}</span>
        </div>
        <h1>{words.signIn.title}</h1>
        {byLink.isPending && <p role="status">{words.signIn.exchanging}</p>}
        {byLink.isError && <Fault error={byLink.error} />}
        {byForm.isError && <Fault error={byForm.error} />}
        <form className="form panel" onSubmit={submit}>
          <Field name="email" label={words.signIn.email} type="email" autoComplete="username" />
          <Field name="passphrase" label={words.signIn.passphrase} type="password" autoComplete="current-password" />
          <Field name="code" label={words.signIn.code} isCode />
          <button type="submit" className="button main" disabled={byForm.isPending}>
            {words.signIn.submit}
          </button>
        </form>
        <p className="small quiet">{words.signIn.noLink}</p>
      </main>
    </div>
  );
}
