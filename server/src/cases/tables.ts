/** The tables of `migrations/0004-cases.sql`, `0005-paging.sql`, `0011-conversation.sql`, `0013-slack-forms.sql`, `0017-pagerduty-incidents.sql`, `0027-search.sql` and `0033-holder-column.sql` as Kysely sees them. */

export type CaseTables = {
  case_record: {
    id: string;
    burst_key: string;
    state: string;
    version: number;
    risk: number;
    person_id: string | null;
    first_ms: number;
    last_ms: number;
    opened_ms: number;
    updated_ms: number;
    document: string;
    t0_ms: number | null;
    t1_ms: number | null;
    t2_ms: number | null;
    t3_ms: number | null;
    t4_ms: number | null;
    t5_ms: number | null;
    t6_ms: number | null;
    t7_ms: number | null;
    drill: boolean;
    team: string | null;
    account: string | null;
    rule: string | null;
    /** Who acknowledged the page; null: nobody. */
    holder_id: string | null;
    /** A `tsvector`; null: not made yet. */
    words: string | null;
  };
  case_finding: { finding_id: string; case_id: string };
  challenge_link: {
    token_hash: string;
    case_id: string;
    person_id: string;
    created_ms: number;
    expires_ms: number;
  };
  maintenance_window: {
    id: string;
    source: string | null;
    account: string | null;
    rule: string | null;
    reason: string;
    from_ms: number;
    to_ms: number;
    created_by: string;
    created_ms: number;
    ended_ms: number | null;
  };
  proof: {
    id: string;
    case_id: string;
    person_id: string;
    factor: string;
    digest: string;
    reason: string;
    state: string;
    why: string | null;
    transaction_id: string | null;
    state_hash: string | null;
    created_ms: number;
    expires_ms: number;
    ended_ms: number | null;
  };
  slack_message: {
    case_id: string;
    purpose: string;
    channel: string;
    ts: string;
    shown: string;
    last_sequence: number;
    updated_ms: number;
  };
  slack_user: { email: string; user_id: string | null; looked_ms: number };
  slack_form: { id: string; done_ms: number };
  pagerduty_webhook: {
    id: string;
    incident_id: string;
    occurred_ms: number;
    received_ms: number;
    delivery_id: string | null;
    topic: string | null;
  };
  pagerduty_incident: { incident_id: string; case_id: string; created_ms: number };
};
