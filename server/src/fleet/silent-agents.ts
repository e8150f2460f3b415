/**
 * An agent from which nothing comes any more: it was switched off, or its sensor was. One that watches says something every minute; one that
 * only takes orders watches nothing, and is missed by whoever gives it one.
 */
import type { State } from '../ground/state.ts';
import type { Look, Trouble } from '../sources/aws-live/watch.ts';
import { silentHosts } from '../sources/sensor/silent-hosts.ts';
import { listHosts } from '../sources/sensor/store.ts';
import { hostOfAgent } from './orders.ts';
import { type Agent, listAgents } from './store.ts';

/** Batches of a minute that get lost, a network that is away for a moment, an agent that is started again. */
const PATIENCE_MS = 5 * 60_000;

/** Hosts that are no longer watched, by whoever was to watch them: this server itself, or an agent. */
export async function unwatchedHosts(state: State, look: Look): Promise<readonly Trouble[]> {
  const agents = await listAgents(state);
  const ofAgents = new Set(agents.map(({ host }) => host));
  const silent = troubleOfAgents(agents, look);
  const said = await listHosts(
    state,
    silent.flatMap(({ account }) => account ?? []),
  );
  const withReasons = silent.map((trouble) => {
    const problem = said.find(({ host }) => host === trouble.account)?.problem ?? null;
    return problem === null ? trouble : { ...trouble, summary: `${trouble.summary}: ${problem}` };
  });
  return [...(await silentHosts(state, look, ofAgents)), ...withReasons];
}

export function troubleOfAgents(agents: readonly Agent[], { nowMs, startedMs }: Look): readonly Trouble[] {
  return agents.flatMap(({ host, lastHeardMs }) => {
    if (hostOfAgent(host) !== host) return [];
    // One that never said anything is being set up, and while this server was away nobody heard any.
    const sinceMs = lastHeardMs === null ? nowMs : Math.max(lastHeardMs, startedMs);
    if (nowMs - sinceMs < PATIENCE_MS) return [];
    const summary = `${host} is not watched: nothing came from its agent since ${new Date(sinceMs).toISOString()}`;
    return [{ key: `agent:${host}`, summary, class: 'Host no longer watched', account: host }];
  });
}
