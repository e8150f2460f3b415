/** Searches that are kept under a name: mine to open, and each with an address that shows others what is saved in it now. */
import type { SavedSearch } from '@countersign/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { api } from '../../data/api.ts';
import { fill, useSpeech } from '../../words/speech.tsx';
import { Field, typed } from '../field.tsx';
import { Fault } from '../loading.tsx';

export interface SavedSearchesProps {
  /** What is asked now. */
  readonly query: string;
  /** The one that is open. */
  readonly saved: SavedSearch | null;
}

export function SavedSearches({ query, saved }: SavedSearchesProps) {
  const { words } = useSpeech();
  const found = useQuery({ queryKey: ['saved-searches'], queryFn: api.savedSearches });
  const mine = found.data?.searches ?? [];
  return (
    <details className="saved">
      <summary>
        {words.activity.saved} {found.data !== undefined && <span className="quiet number">{mine.length}</span>}
      </summary>
      <section className="panel stack tight">
        {found.isError && <Fault error={found.error} retry={() => void found.refetch()} />}
        {found.data !== undefined && mine.length === 0 && <p className="quiet small">{words.activity.noSaved}</p>}
        {mine.length > 0 && (
          <ul className="list">
            {mine.map((search) => (
              <One key={search.id} search={search} isOpen={search.id === saved?.id} />
            ))}
          </ul>
        )}
        <Keep query={query} />
      </section>
    </details>
  );
}

function One({ search, isOpen }: { readonly search: SavedSearch; readonly isOpen: boolean }) {
  const { words } = useSpeech();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [isCopied, setCopied] = useState(false);
  const path = `/activity/saved/${search.id}`;
  const remove = useMutation({
    mutationFn: () => api.removeSearch(search.id),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['saved-searches'] });
      // What is on screen stays; only its name is gone.
      if (isOpen) await navigate(`/activity?${search.query}`);
    },
  });
  const copy = () =>
    void navigator.clipboard.writeText(new URL(path, window.location.href).href).then(
      () => setCopied(true),
      () => undefined,
    );
  return (
    <li className="intake">
      <div className="row between">
        <Link to={path} aria-current={isOpen ? 'page' : undefined}>
          {search.name}
        </Link>
        <span className="row">
          <button type="button" className="plain" onClick={copy}>
            {isCopied ? words.common.copied : words.activity.copyLink}
          </button>
          <button
            type="button"
            className="plain"
            aria-label={fill(words.activity.removeSaved, { name: search.name })}
            disabled={remove.isPending}
            onClick={() => remove.mutate()}
          >
            {words.activity.remove}
          </button>
        </span>
      </div>
      {remove.isError && <Fault error={remove.error} />}
    </li>
  );
}

function Keep({ query }: { readonly query: string }) {
  const { words } = useSpeech();
  const client = useQueryClient();
  const navigate = useNavigate();
  const keep = useMutation({
    mutationFn: (name: string) => api.saveSearch({ name, query }),
    onSuccess: async (made) => {
      client.setQueryData(['saved-search', made.id], made);
      await client.invalidateQueries({ queryKey: ['saved-searches'] });
      await navigate(`/activity/saved/${made.id}`);
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    keep.mutate(typed(new FormData(event.currentTarget), 'name'));
  };
  return (
    <form className="form" onSubmit={submit}>
      {keep.isError && <Fault error={keep.error} />}
      <Field name="name" label={words.activity.saveAs} />
      <p className="small quiet">{words.activity.saveText}</p>
      <button type="submit" className="button" disabled={keep.isPending}>
        {words.activity.save}
      </button>
    </form>
  );
}
