/** The tables of `migrations/0007-alerts.sql` as Kysely sees them. */

export type AlertTables = {
  change_event: {
    id: string;
    integration: string;
    summary: string;
    source: string | null;
    time_ms: number;
    received_ms: number;
    details: string;
    links: string;
  };
  heartbeat_monitor: { name: string; since_ms: number; last_beat_ms: number | null; late_since_ms: number | null };
};
