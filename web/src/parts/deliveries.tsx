/** What became of our outgoing webhooks: delivered, on its way, tried again, given up; and why. */
import type { WebhookDelivery } from '@countersign/contract';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';
import { api } from '../data/api.ts';
import { useNow } from '../data/live.ts';
import { fill, useSpeech } from '../words/speech.tsx';
import { Fault } from './loading.tsx';
import { type Meaning, Shape } from './state-badge.tsx';
import { Time } from './time.tsx';

const REFRESH_MS = 10_000;
/** Whether all goes well is seen in a few; the others stand behind a button, so that the page goes on below. */
const SHOWN = 5;
const MEANINGS: Readonly<Record<WebhookDelivery['state'], Meaning>> = {
  pending: 'note',
  delivered: 'fine',
  failing: 'ask',
  'given-up': 'act',
};

export function Deliveries() {
  const { words } = useSpeech();
  const nowMs = useNow();
  const log = useQuery({ queryKey: ['deliveries'], queryFn: api.deliveries, refetchInterval: REFRESH_MS });
  const [isWhole, setWhole] = useState(false);
  const fault = log.isError && <Fault error={log.error} retry={() => void log.refetch()} />;
  if (log.data === undefined || log.data.webhooks.length === 0) return fault;
  const { deliveries, webhooks } = log.data;
  return (
    <section className="panel">
      <h2>{words.settings.deliveries}</h2>
      {fault}
      <p className="small quiet">{fill(words.settings.deliveriesText, { names: webhooks.join(', ') })}</p>
      {deliveries.length === 0 && <p className="small">{words.settings.noDeliveries}</p>}
      <ul className="list">
        {(isWhole ? deliveries : deliveries.slice(0, SHOWN)).map((delivery) => (
          <Delivery key={delivery.id} delivery={delivery} nowMs={nowMs} />
        ))}
      </ul>
      {!isWhole && deliveries.length > SHOWN && (
        <button type="button" className="plain" onClick={() => setWhole(true)}>
          {words.common.more}
        </button>
      )}
    </section>
  );
}

function Delivery({ delivery, nowMs }: { readonly delivery: WebhookDelivery; readonly nowMs: number }) {
  const { words } = useSpeech();
  const { webhook, caseId, kinds, state, attempts, failure, createdAt, nextAt } = delivery;
  return (
    <li className="intake">
      <div className="row between">
        <span>
          <code>{webhook}</code>{' '}
          {caseId === null ? kinds.join(', ') : <Link to={`/cases/${caseId}`}>{kinds.join(', ')}</Link>}
        </span>
        <span className="row small">
          <span className={`badge ${MEANINGS[state]}`}>
            <Shape meaning={MEANINGS[state]} />
            {words.settings.deliveryStates[state]}
          </span>
          {attempts > 1 && <span className="quiet">{fill(words.case.attempts, { count: attempts })}</span>}
          <span className="quiet">
            <Time iso={createdAt} nowMs={nowMs} />
          </span>
        </span>
      </div>
      {failure !== null && (
        <p className="small quiet">
          {failure}
          {nextAt !== null && (
            <>
              {' · '}
              {words.settings.nextTry} <Time iso={nextAt} nowMs={nowMs} />
            </>
          )}
        </p>
      )}
    </li>
  );
}
