/** The tables of `migrations/0014-reverts.sql`, `0019-durable-reverts.sql` and `0020-baselines.sql` as Kysely sees them. */

export type RevertState =
  | 'planned'
  | 'approved'
  | 'running'
  | 'reverted'
  | 'already-done'
  | 'conflict'
  | 'failed'
  | 'held'
  | 'undoing'
  | 'undone';
export type RevertMode = 'plan' | 'approve' | 'auto' | 'page';
export type BaselineTrust = 'enrolled' | 'confirmed' | 'infrastructure-as-code' | 'config-history';

export type RevertTables = {
  baseline_content: { digest: string; state: string };
  baseline: { resource_key: string; taken_ms: number; digest: string; trust: BaselineTrust; because: string };
  revert: {
    id: string;
    case_id: string | null;
    event_id: string;
    resource_key: string;
    account: string;
    row_number: number;
    state: RevertState;
    mode: RevertMode;
    plan: string;
    digest: string;
    approved_by: string | null;
    started_ms: number | null;
    undo_started_ms: number | null;
    failure: string | null;
    created_ms: number;
    updated_ms: number;
  };
  revert_event: { event_id: string; resource_key: string; revert_id: string };
  revert_lock: { resource_key: string; revert_id: string; until_ms: number; holder: string };
  revert_call: {
    revert_id: string;
    number: number;
    account: string;
    event: string;
    called_ms: number;
    subjects: string;
    request_digest: string | null;
  };
  baseline_reading: {
    account: string;
    region: string;
    type: string;
    purpose: 'enrol' | 'drift';
    replaces: boolean;
    due_ms: number;
    after_id: string | null;
    seen: number;
    taken: number;
    differing: number;
    unreadable: number;
    failure: string | null;
    started_ms: number | null;
    finished_ms: number | null;
    enrolled_ms: number | null;
    holder: string | null;
    lease_until_ms: number | null;
  };
  baseline_drift: { resource_key: string; digest: string; since_ms: number };
};
