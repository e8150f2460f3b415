/** Agents on hosts, for admins: who is heard, who joins next, who is retired. */
import type { AgentView } from '@countersign/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api } from '../data/api.ts';
import { useNow } from '../data/live.ts';
import { fill, useSpeech } from '../words/speech.tsx';
import { HostBadge, HostFacts } from './hosts.tsx';
import { Fault, Skeleton } from './loading.tsx';
import { MachineValue } from './machine-value.tsx';

const REFRESH_MS = 10_000;

export function Agents() {
  const { words } = useSpeech();
  const agents = useQuery({ queryKey: ['agents'], queryFn: api.agents, refetchInterval: REFRESH_MS });
  const invite = useMutation({ mutationFn: api.inviteAgent });
  return (
    <section className="panel stack">
      <div className="row between">
        <div>
          <h2>{words.fleet.title}</h2>
          <p className="quiet small">{words.fleet.text}</p>
        </div>
        <button type="button" className="button" disabled={invite.isPending} onClick={() => invite.mutate()}>
          {words.fleet.invite}
        </button>
      </div>
      {invite.isError && <Fault error={invite.error} />}
      {invite.isSuccess && (
        <div className="lost" role="status">
          <MachineValue value={invite.data.token} />
          <p>{fill(words.fleet.made, { server: window.location.origin })}</p>
        </div>
      )}
      {agents.isPending && <Skeleton />}
      {agents.isError && <Fault error={agents.error} retry={() => void agents.refetch()} />}
      {agents.data?.agents.length === 0 && <p className="quiet">{words.fleet.none}</p>}
      <ul className="list">
        {agents.data?.agents.map((agent) => (
          <Agent key={agent.id} agent={agent} />
        ))}
      </ul>
    </section>
  );
}

function Agent({ agent }: { readonly agent: AgentView }) {
  const { words, relative, number } = useSpeech();
  const nowMs = useNow();
  const client = useQueryClient();
  const retire = useMutation({
    mutationFn: () => api.retireAgent(agent.id),
    onSuccess: () => client.invalidateQueries({ queryKey: ['agents'] }),
  });
  return (
    <li className="row between">
      <div className="shrinks">
        <div className="row">
          <MachineValue value={agent.host} />
          {agent.sensor !== null && <HostBadge state={agent.sensor.state} />}
        </div>
        {agent.sensor === null ? (
          <p className="quiet small">
            {agent.lastHeardAt === null
              ? words.fleet.never
              : fill(words.fleet.heard, { when: relative(agent.lastHeardAt, nowMs) })}
          </p>
        ) : (
          <HostFacts host={agent.sensor} nowMs={nowMs} />
        )}
        {agent.dropped > 0 && <p className="small">{fill(words.fleet.dropped, { count: number(agent.dropped) })}</p>}
        {retire.isError && <Fault error={retire.error} />}
      </div>
      <button type="button" className="plain" disabled={retire.isPending} onClick={() => retire.mutate()}>
        {words.fleet.retire}
      </button>
    </li>
  );
}
