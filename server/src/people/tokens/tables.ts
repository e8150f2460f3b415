/** The token table of `migrations/0012-programs.sql` as Kysely sees it. */
import type { Role, TokenPurpose } from '@countersign/contract';

export type TokenTables = {
  api_token: {
    id: string;
    token_hash: string;
    name: string;
    purpose: TokenPurpose;
    role: Role;
    person_id: string;
    created_ms: number;
    expires_ms: number;
    used_ms: number | null;
    revoked_ms: number | null;
  };
};
