/** The tables of the fleet in the state database. */
export type FleetTables = {
  agent_invitation: {
    readonly token_hash: string;
    readonly made_by: string;
    readonly created_ms: number;
    readonly expires_ms: number;
    readonly used_ms: number | null;
    /** The agent that used it. */
    readonly agent_id: string | null;
  };
  agent: {
    readonly id: string;
    readonly host: string;
    readonly secret_hash: string;
    readonly version: string;
    readonly enrolled_ms: number;
    readonly last_heard_ms: number | null;
    /** The highest batch of each lane that was taken. */
    readonly last_must_sequence: number;
    readonly last_may_sequence: number;
    readonly dropped: number;
    readonly retired_ms: number | null;
    /** When it last asked for orders; null: it takes none. */
    readonly ready_ms: number | null;
  };
  host_order: {
    readonly id: string;
    readonly host: string;
    readonly operation: string;
    readonly input: string;
    readonly created_ms: number;
    readonly expires_ms: number;
    readonly taken_ms: number | null;
    readonly answered_ms: number | null;
    readonly answer: string | null;
  };
};
