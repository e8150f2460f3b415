/** The table of `migrations/0031-activity-holds.sql`. */

export type HoldState = 'copying' | 'kept' | 'releasing' | 'released' | 'failed';

export type HoldTables = {
  activity_hold: {
    id: string;
    reason: string;
    query: string;
    placed_by: string;
    placed_ms: number;
    state: HoldState;
    row_count: number | null;
    problem: string | null;
    released_by: string | null;
    released_ms: number | null;
  };
};
