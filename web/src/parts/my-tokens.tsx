/** Tokens for programs, calendars and identity providers: made with a code, shown once, revoked at once. */
import type { Role, TokenListing, TokenPurpose } from '@countersign/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { api } from '../data/api.ts';
import { useNow } from '../data/live.ts';
import { useSpeech } from '../words/speech.tsx';
import { Field, typed } from './field.tsx';
import { Fault } from './loading.tsx';
import { MachineValue } from './machine-value.tsx';
import { Time } from './time.tsx';

const LIVES = [7, 30, 90, 365];
const ROLES: readonly Role[] = ['member', 'responder', 'admin'];

export function MyTokens({ role }: { readonly role: Role }) {
  const { words } = useSpeech();
  const nowMs = useNow();
  const client = useQueryClient();
  const refresh = () => client.invalidateQueries({ queryKey: ['tokens'] });
  const tokens = useQuery({ queryKey: ['tokens'], queryFn: api.tokens });
  const make = useMutation({ mutationFn: api.makeToken, onSuccess: refresh });
  const living = tokens.data?.tokens.filter(({ revokedAt, expiresAt }) => {
    return revokedAt === null && Date.parse(expiresAt) > nowMs;
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    make.mutate({
      name: typed(form, 'name'),
      purpose: typed(form, 'purpose') as TokenPurpose,
      role: typed(form, 'role') as Role,
      days: Number(typed(form, 'days')),
      code: typed(form, 'code'),
    });
  };
  return (
    <section className="panel form">
      <h2>{words.tokens.title}</h2>
      <p className="quiet small">{words.tokens.text}</p>
      {tokens.isError && <Fault error={tokens.error} retry={() => void tokens.refetch()} />}
      <ul className="list">
        {living?.map((token) => (
          <Token key={token.id} token={token} nowMs={nowMs} refresh={refresh} />
        ))}
      </ul>
      {make.isError && <Fault error={make.error} />}
      {make.isSuccess && (
        <div className="lost" role="status">
          {words.tokens.made} <MachineValue value={make.data.token} />
        </div>
      )}
      <details>
        <summary>{words.tokens.make}</summary>
        <form className="form" onSubmit={submit}>
          <Field name="name" label={words.tokens.name} />
          <Select name="purpose" label={words.tokens.purpose} options={purposesOf(role)} text={words.tokens.purposes} />
          <Select
            name="role"
            label={words.settings.role}
            options={ROLES.slice(0, ROLES.indexOf(role) + 1)}
            text={words.settings.roles}
          />
          <div className="field">
            <label htmlFor="token-days">{words.tokens.days}</label>
            <select id="token-days" name="days" defaultValue="90">
              {LIVES.map((days) => (
                <option key={days} value={days}>
                  {days}
                </option>
              ))}
            </select>
          </div>
          <Field name="code" label={words.challenge.code} isCode />
          <button type="submit" className="button" disabled={make.isPending}>
            {words.tokens.make}
          </button>
        </form>
      </details>
    </section>
  );
}

function purposesOf(role: Role): readonly TokenPurpose[] {
  return role === 'admin' ? ['api', 'calendar', 'scim'] : ['api', 'calendar'];
}

function Select<T extends string>({
  name,
  label,
  options,
  text,
}: {
  readonly name: string;
  readonly label: string;
  readonly options: readonly T[];
  readonly text: Readonly<Record<T, string>>;
}) {
  return (
    <div className="field">
      <label htmlFor={`token-${name}`}>{label}</label>
      <select id={`token-${name}`} name={name}>
        {options.map((option) => (
          <option key={option} value={option}>
            {text[option]}
          </option>
        ))}
      </select>
    </div>
  );
}

function Token({
  token,
  nowMs,
  refresh,
}: {
  readonly token: TokenListing;
  readonly nowMs: number;
  readonly refresh: () => Promise<void>;
}) {
  const { words } = useSpeech();
  const revoke = useMutation({ mutationFn: () => api.revokeToken(token.id), onSuccess: refresh });
  return (
    <li className="row between intake">
      <span>
        {token.name}
        <div className="small quiet">
          {words.tokens.purposes[token.purpose]} · {words.settings.roles[token.role]} · {token.person.name} ·{' '}
          {words.tokens.used} {token.usedAt === null ? words.tokens.never : <Time iso={token.usedAt} nowMs={nowMs} />} ·{' '}
          {words.tokens.ends} <Time iso={token.expiresAt} nowMs={nowMs} />
        </div>
        {revoke.isError && <Fault error={revoke.error} />}
      </span>
      <button type="button" className="button" disabled={revoke.isPending} onClick={() => revoke.mutate()}>
        {words.tokens.revoke}
      </button>
    </li>
  );
}
