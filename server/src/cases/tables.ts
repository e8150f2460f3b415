/** The tables of `migrations/0004-cases.sql` as Kysely sees them. */

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
  };
  case_finding: { finding_id: string; case_id: string };
  challenge_link: {
    token_hash: string;
    case_id: string;
    person_id: string;
    created_ms: number;
    expires_ms: number;
  };
};
