/** Hosts: which are watched and how well, and the door to watch this machine. */
import type { HostHealth, NowView } from '@countersign/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api } from '../data/api.ts';
import { fill, useSpeech } from '../words/speech.tsx';
import { Fault } from './loading.tsx';
import { Shape } from './state-badge.tsx';

const SHOWN = 12;
const MEANING: Readonly<Record<HostHealth['state'], 'act' | 'ask' | 'note' | 'fine'>> = {
  starting: 'note',
  watching: 'fine',
  waiting: 'ask',
  'not-allowed': 'act',
  absent: 'act',
  failed: 'act',
  stopped: 'act',
  silent: 'act',
};

export function Hosts({ view, nowMs }: { readonly view: NowView; readonly nowMs: number }) {
  const { words } = useSpeech();
  const { hosts, thisMachine } = view;
  if (hosts.length === 0) return null;
  const isTried = hosts.some(({ host }) => host === thisMachine?.host);
  return (
    <section className="panel">
      <h2>
        {words.hosts.title} <span className="quiet number">{hosts.length}</span>
      </h2>
      <ul className="list">
        {hosts.slice(0, SHOWN).map((host) => (
          <Host key={host.host} host={host} nowMs={nowMs} />
        ))}
      </ul>
      {hosts.length > SHOWN && <p className="small quiet">+ {hosts.length - SHOWN}</p>}
      {isTried && thisMachine !== null && <HowToAllow text={thisMachine.howToAllow} />}
    </section>
  );
}

function Host({ host, nowMs }: { readonly host: HostHealth; readonly nowMs: number }) {
  return (
    <li className="intake">
      <div className="row between">
        <span className="whole">{host.host}</span>
        <HostBadge state={host.state} />
      </div>
      <HostFacts host={host} nowMs={nowMs} />
    </li>
  );
}

export function HostBadge({ state }: { readonly state: HostHealth['state'] }) {
  const { words } = useSpeech();
  return (
    <span className={`badge ${MEANING[state]}`}>
      <Shape meaning={MEANING[state]} />
      {words.hosts.states[state]}
    </span>
  );
}

/** How well a host is watched; else why it is not, and how to allow it. */
export function HostFacts({ host, nowMs }: { readonly host: HostHealth; readonly nowMs: number }) {
  const { words, absolute, number, relative } = useSpeech();
  const heard = host.lastHeardAt === null ? [] : [fill(words.hosts.heard, { when: relative(host.lastHeardAt, nowMs) })];
  const watched = [
    fill(words.hosts.rate, { count: number(host.eventsPerSecond) }),
    ...(host.containerCount > 0 ? [fill(words.hosts.containers, { count: number(host.containerCount) })] : []),
    fill(words.hosts.lookBack, { count: number(host.lookBackSeconds) }),
  ];
  const facts = [
    fill(words.hosts.since, { when: absolute(host.since) }),
    ...(host.state === 'watching' ? watched : []),
    ...heard,
    ...(host.agentVersion === null ? [] : [fill(words.hosts.agent, { version: host.agentVersion })]),
  ];
  return (
    <>
      <div className="row small quiet">
        {facts.map((fact) => (
          <span key={fact}>{fact}</span>
        ))}
      </div>
      <Lost host={host} />
      {host.state !== 'watching' && host.problem !== null && (
        <pre className="shell small" tabIndex={0}>
          {host.problem}
        </pre>
      )}
    </>
  );
}

function Lost({ host: { lostCount, lostLastHour } }: { readonly host: HostHealth }) {
  const { words, number } = useSpeech();
  const count = lostLastHour.reduce((sum, one) => sum + one.count, 0);
  const named = new Map<string, string>(Object.entries(words.hosts.lostOf));
  const what = lostLastHour.map((one) => `${named.get(one.class) ?? one.class} ${number(one.count)}`).join(', ');
  if (count > 0)
    return <span className="badge ask wraps">{fill(words.hosts.lostHour, { count: number(count), what })}</span>;
  return lostCount === 0 ? null : (
    <span className="small quiet">{fill(words.hosts.lost, { count: number(lostCount) })}</span>
  );
}

function HowToAllow({ text }: { readonly text: string }) {
  const { words } = useSpeech();
  return (
    <div className="stack tight">
      <p className="small">{words.hosts.allow}</p>
      <pre className="shell" tabIndex={0}>
        {text}
      </pre>
      <WatchButton />
    </div>
  );
}

function WatchButton() {
  const { words } = useSpeech();
  const client = useQueryClient();
  const now = client.getQueryData<NowView>(['now']);
  const watch = useMutation({
    mutationFn: api.watchThisMachine,
    onSuccess: () => client.invalidateQueries({ queryKey: ['now'] }),
  });
  return (
    <>
      {watch.isError && <Fault error={watch.error} />}
      <button type="button" className="button main" disabled={watch.isPending} onClick={() => watch.mutate()}>
        {watch.isPending ? words.hosts.doorAsked : fill(words.hosts.doorButton, { host: now?.thisMachine?.host ?? '' })}
      </button>
    </>
  );
}

/** For whoever has nothing connected: the machine that they are on. */
export function WatchDoor({ view, nowMs }: { readonly view: NowView; readonly nowMs: number }) {
  const { words } = useSpeech();
  const { thisMachine, hosts } = view;
  if (thisMachine === null) return null;
  const tried = hosts.find(({ host }) => host === thisMachine.host);
  return (
    <div className="panel stack tight">
      <h2>{words.hosts.doorTitle}</h2>
      <p className="quiet small">{words.hosts.doorText}</p>
      {tried === undefined ? (
        <WatchButton />
      ) : (
        <>
          <ul className="list">
            <Host host={tried} nowMs={nowMs} />
          </ul>
          {tried.state !== 'starting' && <HowToAllow text={thisMachine.howToAllow} />}
        </>
      )}
    </div>
  );
}
