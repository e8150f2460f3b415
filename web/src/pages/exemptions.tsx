/** Exemptions: what is known and wanted for a while. Each is shown with what it would have hidden before it is made. */
import type { ExemptionParts, ExemptionPreview, ExemptionView } from '@countersign/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useSearchParams } from 'react-router';
import { api } from '../data/api.ts';
import { useNow } from '../data/live.ts';
import { Field, typed } from '../parts/field.tsx';
import { Fault, Skeleton } from '../parts/loading.tsx';
import { Time } from '../parts/time.tsx';
import { fill, useSpeech } from '../words/speech.tsx';

const DAY_MS = 86_400_000;
const LIVES = [1, 7, 30, 90];
const PARTS = ['rule', 'actor', 'resource', 'account'] as const;

export function ExemptionsPage() {
  const { words } = useSpeech();
  const nowMs = useNow();
  const session = useQuery({ queryKey: ['session'], queryFn: api.session });
  const found = useQuery({ queryKey: ['exemptions'], queryFn: api.exemptions });
  const role = session.data?.person?.role;
  const mayMake = role === 'responder' || role === 'admin';
  return (
    <>
      <h1>{words.exemptions.title}</h1>
      <p className="quiet">{words.exemptions.text}</p>
      {found.isPending && <Skeleton lines={4} />}
      {found.isError && <Fault error={found.error} retry={() => void found.refetch()} />}
      <div className="columns">
        <section className="panel">
          {found.data?.exemptions.length === 0 && <p className="quiet">{words.exemptions.empty}</p>}
          <ul className="list">
            {found.data?.exemptions.map((exemption) => (
              <Line key={exemption.id} exemption={exemption} nowMs={nowMs} mayEnd={mayMake} />
            ))}
          </ul>
        </section>
        {mayMake && <Maker />}
      </div>
    </>
  );
}

function Line({
  exemption,
  nowMs,
  mayEnd,
}: {
  readonly exemption: ExemptionView;
  readonly nowMs: number;
  readonly mayEnd: boolean;
}) {
  const { words, number } = useSpeech();
  const client = useQueryClient();
  const end = useMutation({
    mutationFn: () => api.endExemption(exemption.id),
    onSuccess: () => client.invalidateQueries({ queryKey: ['exemptions'] }),
  });
  return (
    <li className="intake stack tight">
      <div className="row between">
        <strong>{exemption.rule}</strong>
        <span className={`badge ${exemption.active ? 'note' : ''}`}>
          {exemption.active ? words.exemptions.active : words.exemptions.over}
        </span>
      </div>
      <p className="small">
        <code>{exemption.actor}</code> · <code>{exemption.resource}</code> · <code>{exemption.account}</code>
      </p>
      <p className="small quiet">{exemption.reason}</p>
      <div className="row between small">
        <span>
          {fill(words.exemptions.hidden, { count: number(exemption.hidden) })} · {words.exemptions.until}{' '}
          <Time iso={exemption.expiresAt} nowMs={nowMs} /> · {exemption.createdBy}
        </span>
        {exemption.active && mayEnd && (
          <button type="button" className="plain" disabled={end.isPending} onClick={() => end.mutate()}>
            {words.exemptions.end}
          </button>
        )}
      </div>
      {end.isError && <Fault error={end.error} />}
    </li>
  );
}

/** Two steps: what it would have hidden, then why, for how long, and a code. */
function Maker() {
  const { words } = useSpeech();
  const [search] = useSearchParams();
  const client = useQueryClient();
  const [parts, setParts] = useState<ExemptionParts | null>(null);
  const preview = useMutation({ mutationFn: api.previewExemption });
  const make = useMutation({
    mutationFn: api.makeExemption,
    onSuccess: () => {
      setParts(null);
      return client.invalidateQueries({ queryKey: ['exemptions'] });
    },
  });
  const look = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const wanted = {
      rule: typed(form, 'rule'),
      actor: typed(form, 'actor'),
      resource: typed(form, 'resource'),
      account: typed(form, 'account'),
    };
    setParts(wanted);
    preview.mutate(wanted);
  };
  return (
    <section className="panel form">
      <h2>{words.exemptions.make}</h2>
      <form className="form" onSubmit={look}>
        {PARTS.map((part) => (
          <Field key={part} name={part} label={words.exemptions.parts[part]} initial={search.get(part) ?? ''} />
        ))}
        <button type="submit" className="button" disabled={preview.isPending}>
          {words.exemptions.preview}
        </button>
      </form>
      {preview.isError && <Fault error={preview.error} />}
      {preview.isSuccess && parts !== null && (
        <>
          <Preview preview={preview.data} />
          <Finish parts={parts} make={(input) => make.mutate(input)} pending={make.isPending} />
        </>
      )}
      {make.isError && <Fault error={make.error} />}
      {make.isSuccess && <p role="status">{words.exemptions.made}</p>}
    </section>
  );
}

function Preview({ preview }: { readonly preview: ExemptionPreview }) {
  const { words, number } = useSpeech();
  const { findings, denied, paged, expired } = preview;
  return (
    <div className={denied > 0 || paged > 0 ? 'lost' : 'small'} role="status">
      <p>{fill(words.exemptions.wouldHide, { count: number(findings), denied: number(denied) })}</p>
      {(paged > 0 || expired > 0) && (
        <p>{fill(words.exemptions.wouldHideMore, { paged: number(paged), expired: number(expired) })}</p>
      )}
      {preview.cut && <p>{words.exemptions.cut}</p>}
    </div>
  );
}

function Finish({
  parts,
  make,
  pending,
}: {
  readonly parts: ExemptionParts;
  readonly make: (input: Parameters<typeof api.makeExemption>[0]) => void;
  readonly pending: boolean;
}) {
  const { words } = useSpeech();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const expires = new Date(Date.now() + Number(typed(form, 'days')) * DAY_MS).toISOString();
    make({ ...parts, reason: typed(form, 'reason'), code: typed(form, 'code'), expires });
  };
  return (
    <form className="form" onSubmit={submit}>
      <Field name="reason" label={words.exemptions.reason} isLong />
      <div className="field">
        <label htmlFor="exemption-days">{words.exemptions.life}</label>
        <select id="exemption-days" name="days" defaultValue="7">
          {LIVES.map((days) => (
            <option key={days} value={days}>
              {fill(words.insights.days, { count: days })}
            </option>
          ))}
        </select>
      </div>
      <Field name="code" label={words.challenge.code} isCode />
      <button type="submit" className="button main" disabled={pending}>
        {words.exemptions.confirm}
      </button>
    </form>
  );
}
