/** The tables of `migrations/0009-factors.sql` as Kysely sees them. */

export type PasskeyTables = {
  passkey: {
    credential_id: string;
    person_id: string;
    name: string;
    public_key: string;
    counter: number;
    transports: string;
    created_ms: number;
    used_ms: number | null;
  };
  passkey_challenge: { challenge: string; person_id: string; purpose: string; expires_ms: number };
};
