/** Holds for the law: what the search finds now, kept beyond its age with a reason, until an admin lets it go. */
import type { ActivityHold } from '@countersign/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { Link } from 'react-router';
import { api } from '../../data/api.ts';
import { fill, useSpeech } from '../../words/speech.tsx';
import { Field, typed } from '../field.tsx';
import { Fault } from '../loading.tsx';

const KEY = ['activity-holds'];
/** While one is copied or removed, it is looked at again. */
const LOOK_MS = 2_000;

function isMoving({ state }: ActivityHold): boolean {
  return state === 'copying' || state === 'releasing';
}

/** @param props.query what is asked now, with its times. */
export function Holds({ query }: { readonly query: string }) {
  const { words } = useSpeech();
  const found = useQuery({
    queryKey: KEY,
    queryFn: api.holds,
    refetchInterval: ({ state }) => (state.data?.holds.some(isMoving) === true ? LOOK_MS : false),
  });
  const session = useQuery({ queryKey: ['session'], queryFn: api.session });
  const role = session.data?.person?.role ?? 'member';
  const holds = (found.data?.holds ?? []).filter(({ state }) => state !== 'released');
  if (role === 'member' && holds.length === 0) return null;
  return (
    <details className="saved">
      <summary>
        {words.activity.holds} {found.data !== undefined && <span className="quiet number">{holds.length}</span>}
      </summary>
      <section className="panel stack tight">
        {found.isError && <Fault error={found.error} retry={() => void found.refetch()} />}
        {holds.length > 0 && (
          <ul className="list">
            {holds.map((hold) => (
              <One key={hold.id} hold={hold} mayRelease={role === 'admin'} />
            ))}
          </ul>
        )}
        {role !== 'member' && <Place query={query} />}
      </section>
    </details>
  );
}

function One({ hold, mayRelease }: { readonly hold: ActivityHold; readonly mayRelease: boolean }) {
  const { words, absolute, number } = useSpeech();
  const client = useQueryClient();
  const release = useMutation({
    mutationFn: () => api.releaseHold(hold.id),
    onSuccess: () => client.invalidateQueries({ queryKey: KEY }),
  });
  const what =
    hold.rows === null
      ? words.activity.holdStates[hold.state]
      : fill(words.activity.holdRows, { rows: number(hold.rows) });
  return (
    <li className="intake">
      <div className="row between">
        <Link to={`/activity?${hold.query}`}>{hold.reason}</Link>
        {mayRelease && !isMoving(hold) && (
          <button
            type="button"
            className="plain"
            aria-label={fill(words.activity.releaseHold, { reason: hold.reason })}
            disabled={release.isPending}
            onClick={() => release.mutate()}
          >
            {words.activity.release}
          </button>
        )}
      </div>
      <p className="small quiet">
        {absolute(hold.placedAt)} · {hold.problem ?? what}
      </p>
      {release.isError && <Fault error={release.error} />}
    </li>
  );
}

function Place({ query }: { readonly query: string }) {
  const { words } = useSpeech();
  const client = useQueryClient();
  const place = useMutation({
    mutationFn: (reason: string) => api.placeHold(query, { reason }),
    onSuccess: () => client.invalidateQueries({ queryKey: KEY }),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    place.mutate(typed(new FormData(form), 'reason'), { onSuccess: () => form.reset() });
  };
  return (
    <form className="form" onSubmit={submit}>
      {place.isError && <Fault error={place.error} />}
      <Field name="reason" label={words.activity.holdReason} />
      <p className="small quiet">{words.activity.holdText}</p>
      <button type="submit" className="button" disabled={place.isPending}>
        {words.activity.hold}
      </button>
    </form>
  );
}
