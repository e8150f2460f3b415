/**
 * The question: was this you? For a phone, without navigation. Yes needs a reason and the second factor; no is one tap and a
 * confirmation. Whatever is answered, the page says what happens now.
 */
import type { ChallengeOutcome, ChallengeView } from '@countersign/contract';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { ApiFailure, api } from '../data/api.ts';
import { takeToken } from '../data/fragment.ts';
import { useNow } from '../data/live.ts';
import { ChangeDiff } from '../parts/change-diff.tsx';
import { Field, typed } from '../parts/field.tsx';
import { FindingFacts } from '../parts/finding-facts.tsx';
import { Fault, Skeleton } from '../parts/loading.tsx';
import { countdown, sentenceOf } from '../parts/sentences.ts';
import { type Meaning, Shape } from '../parts/state-badge.tsx';
import { fill, useSpeech } from '../words/speech.tsx';

const REFRESH_MS = 5_000;
const NO_LINK = new ApiFailure('challenge-not-found', 'the link has no token', 0);

export function ChallengePage() {
  const token = takeToken('/challenge');
  const asked = useQuery({
    queryKey: ['challenge', token],
    queryFn: () => api.viewChallenge(token ?? ''),
    enabled: token !== null,
    refetchInterval: REFRESH_MS,
  });
  return (
    <div className="alone">
      <main>
        {token === null && <Fault error={NO_LINK} />}
        {token !== null && asked.isPending && <Skeleton lines={6} />}
        {asked.isError && <Fault error={asked.error} retry={() => void asked.refetch()} />}
        {token !== null && asked.isSuccess && (
          <Question view={asked.data} token={token} again={() => void asked.refetch()} />
        )}
      </main>
    </div>
  );
}

function Question({
  view,
  token,
  again,
}: {
  readonly view: ChallengeView;
  readonly token: string;
  readonly again: () => void;
}) {
  const { words } = useSpeech();
  const [digest, setDigest] = useState(view.digest);
  const [outcome, setOutcome] = useState<ChallengeOutcome | null>(null);
  const differ = digest !== view.digest;
  const state = outcome?.outcome === 'confirmed' || outcome?.outcome === 'denied' ? outcome.outcome : view.state;
  if (state !== 'waiting') return <End state={state} />;
  const settle = (next: ChallengeOutcome) => {
    setOutcome(next);
    again();
  };
  return (
    <>
      <h1>{words.challenge.title}</h1>
      <p>{fill(words.challenge.hello, { name: view.person.name })}</p>
      {(differ || outcome?.outcome === 'changes-differ') && (
        <p className="lost" role="alert">
          {words.challenge.differ}{' '}
          <button type="button" className="plain" onClick={() => setDigest(view.digest)}>
            OK
          </button>
        </p>
      )}
      <WhatHappened view={view} />
      {outcome?.outcome === 'wrong-code' && (
        <p className="fault" role="alert">
          {fill(words.challenge.wrongCode, { count: outcome.attemptsLeft })}
        </p>
      )}
      <Choice token={token} digest={digest} disabled={differ} settle={settle} deadlineAt={view.deadlineAt} />
    </>
  );
}

function WhatHappened({ view }: { readonly view: ChallengeView }) {
  const { words } = useSpeech();
  const [all, setAll] = useState(false);
  const sorted = view.findings.toSorted((one, other) => other.risk - one.risk);
  const shown = all ? sorted : sorted.slice(0, 1);
  return (
    <>
      {shown.map((finding) => (
        <section key={finding.id} className="panel stack">
          <h2>{sentenceOf(finding, words)}</h2>
          <FindingFacts finding={finding} brief />
          <details>
            <summary>{words.case.change}</summary>
            <ChangeDiff finding={finding} />
          </details>
        </section>
      ))}
      {!all && sorted.length > 1 && (
        <button type="button" className="plain" onClick={() => setAll(true)}>
          {fill(words.challenge.more, { count: sorted.length - 1 })}
        </button>
      )}
    </>
  );
}

interface ChoiceProps {
  readonly token: string;
  readonly digest: string;
  readonly disabled: boolean;
  readonly deadlineAt: string;
  readonly settle: (outcome: ChallengeOutcome) => void;
}

function Choice({ token, digest, disabled, deadlineAt, settle }: ChoiceProps) {
  const { words } = useSpeech();
  const left = countdown(deadlineAt, useNow());
  const [choice, setChoice] = useState<'yes' | 'no' | null>(null);
  const answer = useMutation({ mutationFn: api.answerChallenge, onSuccess: settle });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const reason = typed(form, 'reason');
    const code = typed(form, 'code').replace(/\s/g, '');
    if (choice !== null)
      answer.mutate({ token, answer: choice, reason, digest, ...(choice === 'yes' ? { code } : {}) });
  };
  return (
    <div className="form">
      <p className="small quiet number">
        {left === null ? words.case.overdue : fill(words.challenge.until, { time: left })}
      </p>
      {answer.isError && <Fault error={answer.error} />}
      {choice === null ? (
        <div className="choice">
          <button type="button" className="button main" disabled={disabled} onClick={() => setChoice('yes')}>
            {words.challenge.yes}
          </button>
          <button type="button" className="button danger" disabled={disabled} onClick={() => setChoice('no')}>
            {words.challenge.no}
          </button>
        </div>
      ) : (
        <form className="form panel" onSubmit={submit}>
          <Field
            name="reason"
            label={choice === 'yes' ? words.challenge.reason : words.challenge.reasonNo}
            isLong
            optional={choice === 'no'}
          />
          {choice === 'yes' && <Field name="code" label={words.challenge.code} isCode />}
          <button
            type="submit"
            className={`button ${choice === 'yes' ? 'main' : 'danger'}`}
            disabled={disabled || answer.isPending}
          >
            {choice === 'yes' ? words.challenge.confirm : words.challenge.deny}
          </button>
          <button type="button" className="plain" onClick={() => setChoice(null)}>
            {words.challenge.change}
          </button>
        </form>
      )}
    </div>
  );
}

function End({ state }: { readonly state: Exclude<ChallengeView['state'], 'waiting'> }) {
  const { words } = useSpeech();
  const meanings: Readonly<Record<typeof state, Meaning>> = { confirmed: 'fine', denied: 'act', expired: 'ask' };
  const more = {
    confirmed: words.challenge.confirmedMore,
    denied: words.challenge.deniedMore,
    expired: words.challenge.expiredMore,
  };
  return (
    <section className="panel stack" role="status">
      <h1 className="row">
        <span className={`badge ${meanings[state]}`}>
          <Shape meaning={meanings[state]} />
        </span>
        {words.challenge[state]}
      </h1>
      <p className="quiet">{more[state]}</p>
    </section>
  );
}
