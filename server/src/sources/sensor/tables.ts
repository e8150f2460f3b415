/** The tables of `migrations/0021-hosts.sql` and `0029-agent-captures.sql`. */

export type HostTables = {
  host: {
    host: string;
    state: string;
    problem: string | null;
    since_ms: number;
    last_heard_ms: number | null;
    last_event_ms: number | null;
    events: number;
    events_per_second: number;
    lost: number;
    repeats: number;
    look_back_ms: number;
    look_back_bytes: number;
    containers: number;
    wanted: boolean;
  };
  host_gap: { host: string; class: string; from_ms: number; to_ms: number; lost: number };
  capture: {
    id: string;
    host: string;
    rule: string;
    state: string;
    from_ms: number;
    to_ms: number;
    size_bytes: number;
    sha256: string;
    created_ms: number;
    /** Of an agent's capture, how much has come here; null: recorded here. */
    received_bytes: number | null;
  };
};
