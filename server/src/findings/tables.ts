/**
 * The tables of `migrations/0003-findings.sql` as Kysely sees them. `document` and the lists are JSON as text. Types and not
 * interfaces, because Kysely wants an index signature of them.
 */

export type FindingTable = {
  id: string;
  rule: string;
  source: string;
  account: string | null;
  burst_key: string;
  risk: number;
  time_ms: number;
  created_ms: number;
  document: string;
};

export type ActorHistoryTable = {
  account: string;
  actor_id: string;
  finding_count: number;
  day_count: number;
  last_day: number;
  hour_counts: string;
  actions: string;
};

export type AccountHistoryTable = {
  account: string;
  since_ms: number;
};

export type FindingsTables = {
  finding: FindingTable;
  actor_history: ActorHistoryTable;
  account_history: AccountHistoryTable;
};
