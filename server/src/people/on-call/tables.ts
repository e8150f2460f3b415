/** The tables of `migrations/0006-on-call.sql` and `0018-on-call-trouble.sql` as Kysely sees them. */

export type OnCallTables = {
  on_call_override: {
    id: string;
    schedule: string;
    person_id: string;
    from_ms: number;
    to_ms: number;
    created_by: string;
    created_ms: number;
    ended_ms: number | null;
  };
  person_contact: {
    person_id: string;
    phone: string | null;
    webhook_url: string | null;
    webhook_secret_sealed: string | null;
    push_sealed: string | null;
    rules: string | null;
    updated_ms: number;
  };
  escalation_turn: { escalation: string; turn: number };
  on_call_trouble: { escalation: string; since_ms: number };
};
