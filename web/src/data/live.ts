/** Changes of cases as they happen, by server-sent events; the browser reconnects, and a lost connection is told. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

/** Refreshes what is shown when a case changes. Returns whether the connection is lost. */
export function useLive(): boolean {
  const client = useQueryClient();
  const [lost, setLost] = useState(false);
  useEffect(() => {
    const source = new EventSource('/api/live');
    const refresh = () => {
      client.invalidateQueries({ queryKey: ['now'] }).catch(() => undefined);
      client.invalidateQueries({ queryKey: ['case'] }).catch(() => undefined);
      client.invalidateQueries({ queryKey: ['fresh-cases'] }).catch(() => undefined);
    };
    source.addEventListener('case', refresh);
    source.addEventListener('open', () => {
      setLost(false);
      refresh();
    });
    source.addEventListener('error', () => setLost(true));
    return () => source.close();
  }, [client]);
  return lost;
}

/** The time, moving once a second, for countdowns and "ago". */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
