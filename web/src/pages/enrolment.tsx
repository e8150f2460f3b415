/** Enrolling: name, passphrase, and an authenticator that proves at once that it works. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { Navigate, useNavigate } from 'react-router';
import { renderSVG } from 'uqr';
import { api } from '../data/api.ts';
import { Field, typed } from '../parts/field.tsx';
import { Fault, Skeleton } from '../parts/loading.tsx';
import { MachineValue } from '../parts/machine-value.tsx';
import { useSpeech } from '../words/speech.tsx';

export function EnrolmentPage() {
  const { words, language } = useSpeech();
  const client = useQueryClient();
  const navigate = useNavigate();
  const session = useQuery({ queryKey: ['session'], queryFn: api.session });
  const waiting = session.data?.person?.enrolled === false;
  const start = useQuery({
    queryKey: ['enrolment'],
    queryFn: api.startEnrolment,
    enabled: waiting,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const finish = useMutation({
    mutationFn: api.finishEnrolment,
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['session'] });
      await navigate('/', { replace: true });
    },
  });
  if (session.isSuccess && session.data.person === null) return <Navigate to="/sign-in" replace />;
  if (session.isSuccess && session.data.person?.enrolled === true) return <Navigate to="/" replace />;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => typed(form, name);
    finish.mutate({
      name: text('name'),
      email: text('email'),
      passphrase: text('passphrase'),
      code: text('code').replace(/\s/g, ''),
      language,
    });
  };
  return (
    <div className="alone">
      <main>
        <h1>{words.enrolment.title}</h1>
        <p className="quiet">{words.enrolment.intro}</p>
        {start.isError && <Fault error={start.error} retry={() => void start.refetch()} />}
        {finish.isError && <Fault error={finish.error} />}
        <form className="form panel" onSubmit={submit}>
          <Field name="name" label={words.enrolment.name} autoComplete="name" />
          <Field name="email" label={words.enrolment.email} type="email" autoComplete="username" />
          <Field
            name="passphrase"
            label={words.enrolment.passphrase}
            type="password"
            autoComplete="new-password"
            minLength={12}
          />
          <h2>{words.enrolment.factorTitle}</h2>
          <p className="small quiet">{words.enrolment.factorText}</p>
          {start.data === undefined ? (
            <Skeleton lines={3} />
          ) : (
            <SecretKey url={start.data.otpauthUrl} secret={start.data.secret} />
          )}
          <Field name="code" label={words.signIn.code} isCode />
          <button type="submit" className="button main" disabled={finish.isPending || start.data === undefined}>
            {words.enrolment.submit}
          </button>
        </form>
      </main>
    </div>
  );
}

function SecretKey({ url, secret }: { readonly url: string; readonly secret: string }) {
  const { words } = useSpeech();
  return (
    <>
      <div
        className="qr"
        role="img"
        aria-label={words.enrolment.qr}
        dangerouslySetInnerHTML={{ __html: renderSVG(url, { border: 0 }) }}
      />
      <p className="small">
        {words.enrolment.secret} <MachineValue value={secret} />
      </p>
    </>
  );
}
