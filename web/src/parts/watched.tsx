/** What must be heard from: accounts and clusters, and jobs with a heartbeat. Trouble stands first. */
import type { NowView } from '@countersign/contract';
import { useSpeech } from '../words/speech.tsx';
import { Shape } from './state-badge.tsx';
import { Time } from './time.tsx';

const SHOWN = 12;

export function Accounts({ accounts, nowMs }: { readonly accounts: NowView['accounts']; readonly nowMs: number }) {
  const { words } = useSpeech();
  if (accounts.length === 0) return null;
  return (
    <section className="panel">
      <h2>
        {words.now.accounts} <span className="quiet number">{accounts.length}</span>
      </h2>
      <ul className="list">
        {accounts.slice(0, SHOWN).map(({ account, name, lastHeardAt, trouble }) => (
          <li key={account} className="row between intake">
            <span title={account}>{name}</span>
            {trouble === null ? (
              <Heard at={lastHeardAt} nowMs={nowMs} />
            ) : (
              <span className="badge act">
                <Shape meaning="act" />
                {words.now.troubles[trouble]}
              </span>
            )}
          </li>
        ))}
      </ul>
      {accounts.length > SHOWN && <p className="small quiet">+ {accounts.length - SHOWN}</p>}
    </section>
  );
}

export function Heartbeats({
  heartbeats,
  nowMs,
}: {
  readonly heartbeats: NowView['heartbeats'];
  readonly nowMs: number;
}) {
  const { words } = useSpeech();
  if (heartbeats.length === 0) return null;
  return (
    <section className="panel">
      <h2>{words.now.heartbeats}</h2>
      <ul className="list">
        {heartbeats.map(({ name, lastBeatAt, lateSince }) => (
          <li key={name} className="row between intake">
            <span>{name}</span>
            {lateSince === null ? (
              <Heard at={lastBeatAt} nowMs={nowMs} />
            ) : (
              <span className="badge act">
                <Shape meaning="act" />
                {words.now.late}
              </span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Heard({ at, nowMs }: { readonly at: string | null; readonly nowMs: number }) {
  const { words } = useSpeech();
  return <span className="small quiet">{at === null ? words.now.notYet : <Time iso={at} nowMs={nowMs} />}</span>;
}
