/** The tables of `migrations/0008-aws-intake.sql` and `migrations/0015-trail.sql` as Kysely sees them. */

export type TrailTables = {
  account_heard: { account: string; newest_event_ms: number; last_heard_ms: number; batches: number };
  intake_trouble: { key: string; since_ms: number };
  trail_object: {
    bucket: string;
    key: string;
    queue: string;
    sha256: string | null;
    taken_ms: number | null;
    failing_since_ms: number | null;
    failure: string | null;
  };
  trail_digest: { chain: string; bucket: string; key: string; signature: string; end_ms: number; seen_ms: number };
  trail_queue: { name: string; read_ms: number; failure: string | null };
};
