/**
 * The question: was this you? For a phone, without navigation. Yes needs a reason and the second factor; no is one tap and a
 * confirmation. Whatever is answered, the page says what happens now.
 */
import type { ChallengeAnswer, ChallengeOutcome, ChallengeView, Factor } from '@countersign/contract';
import { startAuthentication } from '@simplewebauthn/browser';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useEffect, useState } from 'react';
import { ApiFailure, api } from '../data/api.ts';
import { splitReason, takeToken } from '../data/fragment.ts';
import { useNow } from '../data/live.ts';
import { ChangeDiff } from '../parts/change-diff.tsx';
import { Field, typed } from '../parts/field.tsx';
import { FindingFacts } from '../parts/finding-facts.tsx';
import { Fault, Skeleton } from '../parts/loading.tsx';
import { countdown, sentenceOf } from '../parts/sentences.ts';
import { type Meaning, Shape } from '../parts/state-badge.tsx';
import { fill, useSpeech } from '../words/speech.tsx';

const REFRESH_MS = 2_000;
const NO_LINK = new ApiFailure('challenge-not-found', 'the link has no token', 0);

export function ChallengePage() {
  const fragment = takeToken('/challenge');
  const { token, reason } = fragment === null ? { token: null, reason: '' } : splitReason(fragment);
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
        {token !== null && asked.data !== undefined && (
          <Question view={asked.data} token={token} typedReason={reason} again={() => void asked.refetch()} />
        )}
      </main>
    </div>
  );
}

function Question({
  view,
  token,
  typedReason,
  again,
}: {
  readonly view: ChallengeView;
  readonly token: string;
  readonly typedReason: string;
  readonly again: () => void;
}) {
  const { words, speak } = useSpeech();
  // The page speaks as the question did, whatever browser it is opened in; what was chosen there stays chosen.
  useEffect(() => speak(view.language), [view.language, speak]);
  const [digest, setDigest] = useState(view.digest);
  const [outcome, setOutcome] = useState<ChallengeOutcome | null>(null);
  const differ = digest !== view.digest;
  const state = outcome?.outcome === 'confirmed' || outcome?.outcome === 'denied' ? outcome.outcome : view.state;
  if (state !== 'waiting') return <End state={state} />;
  const asking = view.asOwner ? words.challenge.owner : words.challenge;
  const settle = (next: ChallengeOutcome) => {
    setOutcome(next);
    if (next.outcome === 'redirect' && next.url !== undefined) window.location.assign(next.url);
    again();
  };
  return (
    <>
      <h1>{asking.title}</h1>
      <p>{fill(asking.hello, { name: view.person.name, account: accountOf(view) })}</p>
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
      <ProofNews view={view} />
      <Choice token={token} digest={digest} disabled={differ} settle={settle} view={view} typedReason={typedReason} />
    </>
  );
}

function accountOf({ findings }: ChallengeView): string {
  return findings.find(({ account }) => account !== null)?.account?.name ?? '';
}

function WhatHappened({ view }: { readonly view: ChallengeView }) {
  const { words } = useSpeech();
  const [all, setAll] = useState(false);
  // Several rules may have matched one change: it is shown once, by the worst of them.
  const worst = view.findings.toSorted((one, other) => other.risk - one.risk);
  const sorted = worst.filter(({ eventId }, index) => worst.findIndex((other) => other.eventId === eventId) === index);
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

/** What became of a second factor that takes its time. */
function ProofNews({ view }: { readonly view: ChallengeView }) {
  const { words } = useSpeech();
  const { proof } = view;
  if (proof === null) return null;
  if (proof.state === 'waiting') {
    return (
      <p className="panel" role="status">
        {proof.factor === 'duo-push' ? words.challenge.proving : words.common.loading}
      </p>
    );
  }
  const sentences = words.challenge.proofFailed as Readonly<Record<string, string>>;
  return (
    <p className="fault" role="alert">
      {sentences[proof.why ?? ''] ?? words.challenge.proofFailed.other}
    </p>
  );
}

interface ChoiceProps {
  readonly token: string;
  readonly digest: string;
  readonly disabled: boolean;
  readonly view: ChallengeView;
  readonly typedReason: string;
  readonly settle: (outcome: ChallengeOutcome) => void;
}

function Choice(props: ChoiceProps) {
  const { words } = useSpeech();
  const asking = props.view.asOwner ? words.challenge.owner : words.challenge;
  const left = countdown(props.view.deadlineAt, useNow());
  const [choice, setChoice] = useState<'yes' | 'no' | null>(props.typedReason === '' ? null : 'yes');
  return (
    <div className="form">
      <p className="small quiet number">
        {left === null ? words.case.overdue : fill(words.challenge.until, { time: left })}
      </p>
      {choice === null ? (
        <div className="choice">
          <button type="button" className="button main" disabled={props.disabled} onClick={() => setChoice('yes')}>
            {asking.yes}
          </button>
          <button type="button" className="button danger" disabled={props.disabled} onClick={() => setChoice('no')}>
            {asking.no}
          </button>
        </div>
      ) : (
        <AnswerForm {...props} choice={choice} back={() => setChoice(null)} />
      )}
    </div>
  );
}

function AnswerForm({
  token,
  digest,
  disabled,
  view,
  typedReason,
  settle,
  choice,
  back,
}: ChoiceProps & { readonly choice: 'yes' | 'no'; readonly back: () => void }) {
  const { words } = useSpeech();
  const [factor, setFactor] = useState<Factor>(view.factors[0] ?? 'totp');
  const answer = useMutation({
    mutationFn: async (given: ChallengeAnswer) => {
      if (given.factor !== 'passkey') return api.answerChallenge(given);
      const { options } = await api.challengePasskey(token, digest);
      if (options === null) return { outcome: 'cannot-prove' as const, attemptsLeft: view.attemptsLeft };
      return api.answerChallenge({ ...given, passkey: await startAuthentication({ optionsJSON: options }) });
    },
    onSuccess: settle,
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const reason = typed(form, 'reason');
    const code = typed(form, 'code').replace(/\s/g, '');
    const proof = choice === 'no' ? {} : factor === 'totp' ? { factor, code } : { factor };
    answer.mutate({ token, answer: choice, reason, digest, ...proof });
  };
  return (
    <form className="form panel" onSubmit={submit}>
      {answer.isError && <Fault error={answer.error} />}
      <Field
        name="reason"
        label={choice === 'yes' ? words.challenge.reason : words.challenge.reasonNo}
        initial={choice === 'yes' ? typedReason : ''}
        isLong
        minLength={choice === 'yes' ? 2 : 0}
        optional={choice === 'no'}
      />
      {choice === 'yes' && view.factors.length > 1 && (
        <fieldset className="ways">
          <legend>{words.challenge.how}</legend>
          {view.factors.map((way) => (
            <label key={way} className="row">
              <input type="radio" name="factor" value={way} checked={way === factor} onChange={() => setFactor(way)} />
              {words.challenge.factors[way]}
            </label>
          ))}
        </fieldset>
      )}
      {choice === 'yes' && factor === 'totp' && <Field name="code" label={words.challenge.code} isCode />}
      <button
        type="submit"
        className={`button ${choice === 'yes' ? 'main' : 'danger'}`}
        disabled={disabled || answer.isPending || (choice === 'yes' && view.proof?.state === 'waiting')}
      >
        {choice === 'yes' ? words.challenge.confirm : words.challenge.deny}
      </button>
      <button type="button" className="plain" onClick={back}>
        {words.challenge.change}
      </button>
    </form>
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
