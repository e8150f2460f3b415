/** What is asked: words to look for, and the filters that were clicked together, each of which can be turned round or taken away. */
import { type FormEvent, useState } from 'react';
import { type ActivityAsked, type ActivityFilter, withFilter, withoutFilter } from '../../data/activity-query.ts';
import type { Words } from '../../words/en.ts';
import { fill, useSpeech } from '../../words/speech.tsx';
import { shorten } from '../machine-value.tsx';

export interface AskingProps {
  readonly asked: ActivityAsked;
  readonly change: (next: ActivityAsked) => void;
}

export function Asking({ asked, change }: AskingProps) {
  const { words } = useSpeech();
  const [text, setText] = useState(asked.text);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change({ ...asked, text: text.trim() });
  };
  return (
    <>
      <form className="row" onSubmit={submit}>
        <input
          type="search"
          className="search-box"
          value={text}
          placeholder={words.activity.search}
          aria-label={words.activity.search}
          maxLength={500}
          onChange={(event) => setText(event.target.value)}
        />
        <button type="submit" className="button">
          {words.activity.find}
        </button>
      </form>
      {asked.filters.length > 0 && (
        <div className="filters" role="group" aria-label={words.activity.filters}>
          {asked.filters.map((filter) => (
            <Chip key={`${filter.field} ${filter.value}`} {...{ filter, asked, change }} />
          ))}
        </div>
      )}
    </>
  );
}

function Chip({ filter, asked, change }: AskingProps & { readonly filter: ActivityFilter }) {
  const { words } = useSpeech();
  const { field, include } = filter;
  const value = valueText(filter, words);
  const name = words.activity.fields[field] ?? field;
  return (
    <span className="chip" title={filter.value}>
      <button
        type="button"
        aria-label={fill(include ? words.activity.turnOut : words.activity.turnIn, { field: name, value })}
        onClick={() => change(withFilter(asked, { ...filter, include: !include }))}
      >
        {name} {include ? '=' : '≠'} {shorten(value)}
      </button>
      <button
        type="button"
        aria-label={`${words.activity.removeFilter}: ${name} ${value}`}
        onClick={() => change(withoutFilter(asked, filter))}
      >
        ×
      </button>
    </span>
  );
}

function valueText({ field, value }: ActivityFilter, words: Words): string {
  const kinds = words.activity.kinds as Readonly<Record<string, string>>;
  return field === 'kind' ? (kinds[value] ?? value) : value;
}
