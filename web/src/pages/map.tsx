/** The map: who talks to whom, in any hour that is kept, at any level; a picture, and the same as a table. The address holds it all. */
import '../parts/map/map.css';
import type { MapLevel, MapView } from '@countersign/contract';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useSearchParams } from 'react-router';
import { api } from '../data/api.ts';
import { rangeOf, readTime, type ShownTime, writeTime } from '../data/time-range.ts';
import { Choice } from '../parts/choice.tsx';
import { Fault, Skeleton } from '../parts/loading.tsx';
import { fold, focusOn, groupName, openAtFirst } from '../parts/map/fold.ts';
import { MapCard } from '../parts/map/map-card.tsx';
import { MapTable } from '../parts/map/map-table.tsx';
import { Picture } from '../parts/map/picture.tsx';
import type { Picked } from '../parts/map/scene.ts';
import { TimeChoice } from '../parts/time-bar/time-choice.tsx';
import { fill, useSpeech } from '../words/speech.tsx';

const LEVELS: readonly MapLevel[] = ['namespace', 'application', 'container', 'process', 'host'];
const REFRESH_MS = 30_000;
const HOPS = 1;

export function MapPage() {
  const { words } = useSpeech();
  const [search, setSearch] = useSearchParams();
  const level = LEVELS.find((one) => one === search.get('level')) ?? 'application';
  const time = readTime(search);
  const change = (parts: Readonly<Record<string, string>>) => setSearch({ ...Object.fromEntries(search), ...parts });
  const found = useQuery({
    queryKey: ['map', level, time],
    queryFn: () => api.map({ level, ...rangeAsked(time) }),
    refetchInterval: 'minutes' in time ? REFRESH_MS : false,
  });
  const chooseTime = (next: ShownTime) => {
    const others = new URLSearchParams(search);
    for (const name of ['minutes', 'from', 'to']) others.delete(name);
    writeTime(others, next);
    setSearch(others);
  };
  return (
    <>
      <h1>{words.map.title}</h1>
      <div className="row">
        <Choice
          label={words.map.level}
          options={LEVELS.map((one) => [one, words.map.levels[one]])}
          chosen={level}
          choose={(one) => change({ level: one, focus: '' })}
        />
      </div>
      <TimeChoice time={time} choose={chooseTime} />
      {found.isPending && <Skeleton lines={8} />}
      {found.isError && <Fault error={found.error} retry={() => void found.refetch()} />}
      {found.data !== undefined && <Sheet key={level} view={found.data} search={search} change={change} />}
    </>
  );
}

function rangeAsked(time: ShownTime): { readonly from: string; readonly to: string } {
  const { fromMs, toMs } = rangeOf(time, Date.now());
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}

interface SheetProps {
  readonly view: MapView;
  readonly search: URLSearchParams;
  readonly change: (parts: Readonly<Record<string, string>>) => void;
}

function Sheet({ view, search, change }: SheetProps) {
  const { words } = useSpeech();
  const [open, setOpen] = useState(() => openAtFirst(view.nodes));
  const [chosen, setChosen] = useState<Picked | null>(null);
  const [sought, setSought] = useState('');
  const focus = search.get('focus') ?? '';
  const isTable = search.get('as') === 'table';
  const shown = useMemo(() => {
    const folded = fold(view, open);
    return focus === '' ? folded : focusOn(folded, focus, HOPS);
  }, [view, open, focus]);
  const found = useMemo(() => {
    const text = sought.trim().toLowerCase();
    return new Set(
      text === '' ? [] : shown.nodes.filter(({ name }) => name.toLowerCase().includes(text)).map(({ id }) => id),
    );
  }, [shown, sought]);
  const toggle = (group: string) => {
    setChosen(null);
    setOpen((before) => new Set(before.has(group) ? [...before].filter((one) => one !== group) : [...before, group]));
  };
  if (view.nodes.length === 0)
    return (
      <section className="panel empty">
        <p>{words.map.empty}</p>
        <p className="quiet small">{words.map.emptyMore}</p>
      </section>
    );
  const choose = (picked: Picked | null) => {
    const group = picked?.type === 'node' && picked.id.startsWith('group:') ? picked.id.slice('group:'.length) : null;
    if (group !== null && !isTable) toggle(group);
    else setChosen(picked);
  };
  return (
    <>
      <Tools {...{ view, sought, setSought, focus, isTable, change }} />
      <p className="quiet small" role="status">
        {fill(words.map.counted, { nodes: view.nodes.length, lines: view.edges.length })}
        {sought !== '' && ` · ${fill(words.map.foundCount, { count: found.size })}`}
        {view.externalsGrouped > 0 && ` · ${fill(words.map.grouped, { count: view.externalsGrouped })}`}
        {view.cut && ` · ${words.map.cut}`}
      </p>
      <OpenGroups open={open} view={view} toggle={toggle} />
      <div className={chosen === null ? 'map-sheet' : 'map-sheet with-card'}>
        {isTable ? (
          <MapTable shown={shown} choose={choose} />
        ) : (
          <Picture shown={shown} chosen={chosen} found={found} choose={choose} />
        )}
        {chosen !== null && (
          <MapCard
            shown={shown}
            chosen={chosen}
            choose={setChosen}
            toggle={toggle}
            focus={(id) => change({ focus: id })}
            span={{ from: view.from, to: view.to }}
          />
        )}
      </div>
    </>
  );
}

interface ToolsProps {
  readonly view: MapView;
  readonly sought: string;
  readonly setSought: (text: string) => void;
  readonly focus: string;
  readonly isTable: boolean;
  readonly change: SheetProps['change'];
}

/** Search, the way back to the whole, picture or table, and the file. */
function Tools({ view, sought, setSought, focus, isTable, change }: ToolsProps) {
  const { words } = useSpeech();
  return (
    <div className="row between">
      <input
        type="search"
        className="search-box"
        value={sought}
        placeholder={words.map.search}
        aria-label={words.map.search}
        onChange={(event) => setSought(event.target.value)}
      />
      <div className="row">
        {focus !== '' && (
          <button type="button" className="button" onClick={() => change({ focus: '' })}>
            {words.map.whole}
          </button>
        )}
        <button type="button" className="button" onClick={() => change({ as: isTable ? '' : 'table' })}>
          {isTable ? words.map.asPicture : words.map.asTable}
        </button>
        <a
          className="button"
          download="countersign-map.json"
          href={`data:application/json,${encodeURIComponent(JSON.stringify(view))}`}
        >
          {words.map.export}
        </a>
      </div>
    </div>
  );
}

const MOST_CHIPS = 12;

/** The groups that are unfolded, to fold them again. */
function OpenGroups({
  open,
  view,
  toggle,
}: {
  readonly open: ReadonlySet<string>;
  readonly view: MapView;
  readonly toggle: (group: string) => void;
}) {
  const { words } = useSpeech();
  const there = new Set(view.nodes.map(({ group }) => group));
  const shown = [...open].filter((group) => group !== '' && there.has(group)).toSorted();
  if (shown.length === 0) return null;
  return (
    <div className="filters" role="group" aria-label={words.map.unfolded}>
      {shown.slice(0, MOST_CHIPS).map((group) => (
        <button key={group} type="button" onClick={() => toggle(group)} title={words.map.fold}>
          {groupName(group)} ×
        </button>
      ))}
    </div>
  );
}
