/** One field over the page: what can be done here, the pages, and whatever the server finds. Arrows choose, Enter does it. */
import type { SearchView } from '@countersign/contract';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import { useNavigate } from 'react-router';
import { api } from '../../data/api.ts';
import type { Words } from '../../words/en.ts';
import { useSpeech } from '../../words/speech.tsx';
import { Fault } from '../loading.tsx';
import { sentenceOf } from '../sentences.ts';
import { type Command, Dialog } from './commands.tsx';

const PAUSE_MS = 150;
const LONGEST = 200;

interface Choice {
  readonly id: string;
  readonly text: string;
  readonly beside: string;
  readonly run: () => void;
}

interface Group {
  readonly name: string;
  readonly choices: readonly Choice[];
  /** Found for a text that was typed before this one. */
  readonly isOld?: boolean;
}

export function Palette({
  commands,
  searchOnly,
  close,
}: {
  readonly commands: readonly Command[];
  readonly searchOnly: boolean;
  readonly close: () => void;
}) {
  const { words } = useSpeech();
  const navigate = useNavigate();
  const [text, setText] = useState('');
  const asked = useSettled(text.trim());
  const found = useQuery({
    queryKey: ['search', asked],
    queryFn: () => api.search(asked),
    enabled: asked !== '',
    placeholderData: keepPreviousData,
  });
  const go = (path: string) => void navigate(path);
  const own = searchOnly && text === '' ? [] : commandGroups(commands, text, words);
  // Of a text that stands there no longer: shown until the next is found, and nothing that Enter would open unseen.
  const isOld = asked !== text.trim() || found.isPlaceholderData;
  const theirs =
    asked === '' || found.data === undefined
      ? []
      : foundGroups(found.data, words, go).map((group) => ({ ...group, isOld }));
  const groups = [...own, ...theirs].filter(({ choices }) => choices.length > 0);
  const isEmpty = asked !== '' && found.isSuccess && !isOld && groups.length === 0;
  return (
    <Dialog label={words.commands.palette} className="palette" close={close}>
      {(leave) => (
        <>
          <Chooser
            groups={groups}
            text={text}
            type={setText}
            choose={({ run }) => leave(run)}
            placeholder={searchOnly ? words.commands.search : words.commands.placeholder}
          />
          {found.isError && <Fault error={found.error} />}
          {isEmpty && <p className="quiet nothing">{words.commands.nothing}</p>}
          <p className="small quiet hint">{words.commands.hint}</p>
        </>
      )}
    </Dialog>
  );
}

interface ChooserProps {
  readonly groups: readonly Group[];
  readonly text: string;
  readonly type: (text: string) => void;
  readonly choose: (choice: Choice) => void;
  readonly placeholder: string;
}

function Chooser({ groups, text, type, choose, placeholder }: ChooserProps) {
  const listId = useId();
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const flat = groups.flatMap(({ choices }) => choices);
  const current = Math.min(at, flat.length - 1);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [current]);
  const isOld = (chosen: Choice) => groups.some((group) => group.isOld === true && group.choices.includes(chosen));
  const press = (event: KeyboardEvent) => {
    const chosen = flat[current];
    if (event.key === 'ArrowDown') setAt(Math.min(flat.length - 1, current + 1));
    else if (event.key === 'ArrowUp') setAt(Math.max(0, current - 1));
    else if (event.key !== 'Enter' || event.nativeEvent.isComposing || chosen === undefined) return;
    else if (!isOld(chosen)) choose(chosen);
    event.preventDefault();
  };
  return (
    <>
      <input
        type="text"
        role="combobox"
        aria-expanded={flat.length > 0}
        aria-controls={listId}
        aria-activedescendant={flat[current] === undefined ? undefined : `${listId}-${current}`}
        aria-label={placeholder}
        placeholder={placeholder}
        value={text}
        maxLength={LONGEST}
        autoFocus
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => {
          setAt(0);
          type(event.target.value);
        }}
        onKeyDown={press}
      />
      <div id={listId} role="listbox" aria-label={placeholder} className="choices" ref={list}>
        {groups.map(({ name, choices }) => (
          <div key={name} role="group" aria-label={name}>
            <div className="small quiet" aria-hidden="true">
              {name}
            </div>
            {choices.map((choice) => {
              const index = flat.indexOf(choice);
              return (
                <div
                  key={choice.id}
                  id={`${listId}-${index}`}
                  role="option"
                  aria-selected={index === current}
                  onPointerMove={() => setAt(index)}
                  onClick={() => choose(choice)}
                >
                  <span title={choice.text}>{choice.text}</span>
                  {choice.beside !== '' && <span className="small quiet">{choice.beside}</span>}
                </div>
              );
            })}
          </div>
        ))}
      </div>
    </>
  );
}

/** Commands whose name has every word that was typed. */
function commandGroups(commands: readonly Command[], text: string, words: Words): readonly Group[] {
  const asked = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fitting = commands.filter(({ name }) => asked.every((word) => name.toLowerCase().includes(word)));
  const choices = (isPage: boolean) =>
    fitting
      .filter((command) => (command.isPage ?? false) === isPage)
      .map(({ name, key = '', run }) => ({ id: `command ${name}`, text: name, beside: key, run }));
  return [
    { name: words.commands.here, choices: choices(false) },
    { name: words.commands.pages, choices: choices(true) },
  ];
}

function foundGroups(found: SearchView, words: Words, go: (path: string) => void): readonly Group[] {
  const about = (text: string) => () => go(`/cases?${new URLSearchParams({ q: text })}`);
  return [
    {
      name: words.nav.cases,
      choices: found.cases.map(({ id, headline, risk, state }) => ({
        id: `case ${id}`,
        text: `${risk} · ${sentenceOf(headline, words)}`,
        beside: words.states[state],
        run: () => go(`/cases/${id}`),
      })),
    },
    {
      name: words.commands.people,
      choices: found.people.map(({ id, name }) => ({ id: `person ${id}`, text: name, beside: '', run: about(name) })),
    },
    {
      name: words.commands.rules,
      choices: found.rules.map((name) => ({ id: `rule ${name}`, text: name, beside: '', run: about(name) })),
    },
    {
      name: words.commands.resources,
      choices: found.resources.map(({ id, account }) => ({
        id: `resource ${id}`,
        text: id,
        beside: account ?? '',
        run: about(id),
      })),
    },
  ];
}

/** The text when nobody has typed for a moment. */
function useSettled(text: string): string {
  const [settled, settle] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => settle(text), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
