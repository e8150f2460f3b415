/** Hosts: which are watched and how well, the door to watch this machine, and what is kept of them around a case. */
import type { CaptureView, HostEvidence, HostGap, HostHealth, NowView } from '@countersign/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ApiFailure, api } from '../data/api.ts';
import { fill, useSpeech } from '../words/speech.tsx';
import { Fault } from './loading.tsx';
import { Shape } from './state-badge.tsx';

const SHOWN = 12;
const REFRESH_MS = 5_000;
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

/** Captures and gaps around the findings of a case; nothing when no host is in it, or for whoever may not have them. */
export function HostRecordings({ caseId }: { readonly caseId: string }) {
  const { words } = useSpeech();
  const found = useQuery({
    queryKey: ['recordings', caseId],
    queryFn: () => api.recordings(caseId),
    refetchInterval: REFRESH_MS,
  });
  // Whoever was only asked may not have what others on the host did.
  if (found.error instanceof ApiFailure && found.error.status === 403) return null;
  const fault = found.isError && <Fault error={found.error} retry={() => void found.refetch()} />;
  const evidence: HostEvidence | undefined = found.data;
  if (evidence === undefined || evidence.captures.length + evidence.gaps.length === 0) return fault;
  return (
    <section className="panel">
      <h2>{words.hosts.evidence}</h2>
      {fault}
      <ul className="list">
        {evidence.captures.map((capture) => (
          <Capture key={capture.id} capture={capture} />
        ))}
        {evidence.gaps.map((gap) => (
          <Gap key={`${gap.host} ${gap.class} ${gap.to}`} gap={gap} />
        ))}
      </ul>
    </section>
  );
}

function Capture({ capture }: { readonly capture: CaptureView }) {
  const { words, absolute, number } = useSpeech();
  const isThere = capture.state === 'kept' || capture.state === 'cut';
  return (
    <li className="intake">
      <div className="row between">
        <span>
          {capture.host}: {fill(words.hosts.capture, { from: absolute(capture.from), to: absolute(capture.to) })}
        </span>
        <span className={`badge ${capture.state === 'kept' ? 'fine' : 'note'}`}>
          {words.hosts.captureStates[capture.state]}
        </span>
      </div>
      {capture.rule !== '' && <p className="small quiet">{fill(words.hosts.captureRule, { rule: capture.rule })}</p>}
      {isThere && (
        <p className="small">
          <a href={`/api/captures/${encodeURIComponent(capture.id)}`} download>
            {fill(words.hosts.download, { size: sizeText(capture.sizeBytes, number) })}
          </a>
          <br />
          <code className="quiet whole">SHA-256 {capture.sha256}</code>
        </p>
      )}
    </li>
  );
}

function Gap({ gap }: { readonly gap: HostGap }) {
  const { words, absolute, number } = useSpeech();
  const span = { from: absolute(gap.from), to: absolute(gap.to) };
  return (
    <li className="intake">
      <span className="badge ask wraps">
        <Shape meaning="ask" />
        {gap.lost === 0
          ? fill(words.hosts.blind, span)
          : fill(words.hosts.gap, { lost: number(gap.lost), what: gap.class, ...span })}
      </span>
    </li>
  );
}

const STEP = 1_000;
const UNITS = ['B', 'kB', 'MB', 'GB'] as const;

function sizeText(bytes: number, number: (value: number) => string): string {
  let value = bytes;
  let unit = 0;
  while (value >= STEP && unit < UNITS.length - 1) {
    value /= STEP;
    unit += 1;
  }
  return `${number(Math.round(value * 10) / 10)} ${UNITS[unit]}`;
}
