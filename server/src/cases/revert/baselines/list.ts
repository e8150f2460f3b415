/** What is trusted, for whoever asks: the newest baseline of each resource, and one with its history. */
import { sql } from 'kysely';
import type { State } from '../../../ground/state.ts';
import type { ResourceState } from '../state.ts';
import type { BaselineTrust, RevertTables } from '../tables.ts';

export interface ListedBaseline {
  readonly type: string;
  readonly account: string;
  readonly region: string;
  readonly id: string;
  readonly digest: string;
  readonly trust: BaselineTrust;
  readonly because: string;
  readonly takenMs: number;
  /** Since when something else was seen there; null: it was as trusted when it was last looked at. */
  readonly driftingMs: number | null;
}

export interface ShownBaseline extends ListedBaseline {
  readonly state: ResourceState;
  /** The newest first. */
  readonly history: readonly Pick<ListedBaseline, 'digest' | 'trust' | 'because' | 'takenMs'>[];
}

const MOST = 100_000;
const MOST_HISTORY = 1_000;

type Row = RevertTables['baseline'] & { readonly since_ms: number | null };

/** The newest of each resource, sorted by key. */
export async function listBaselines(
  { db }: Pick<State, 'db'>,
  filter: { readonly account?: string | undefined; readonly type?: string | undefined } = {},
): Promise<readonly ListedBaseline[]> {
  const { account = null, type = null } = filter;
  const found = await sql<Row>`
    select distinct on (one.resource_key) one.*, drift.since_ms
    from baseline as one left join baseline_drift as drift on drift.resource_key = one.resource_key
    where (${type}::text is null or split_part(one.resource_key, '|', 1) = ${type})
      and (${account}::text is null or split_part(one.resource_key, '|', 2) = ${account})
    order by one.resource_key, one.taken_ms desc
    limit ${MOST}`.execute(db);
  return found.rows.map(listed);
}

/** By its whole key or its id; several resources may have one id. */
export async function showBaselines({ db }: Pick<State, 'db'>, name: string): Promise<readonly ShownBaseline[]> {
  const newest = (await listBaselines({ db })).filter((one) => name === one.id || name === keyOf(one));
  return Promise.all(
    newest.map(async (one) => {
      const rows = await db
        .withTables<RevertTables>()
        .selectFrom('baseline')
        .innerJoin('baseline_content', 'baseline_content.digest', 'baseline.digest')
        .selectAll('baseline')
        .select('baseline_content.state')
        .where('resource_key', '=', keyOf(one))
        .orderBy('taken_ms', 'desc')
        .limit(MOST_HISTORY)
        .execute();
      const history = rows.map(({ digest, trust, because, taken_ms: takenMs }) => ({
        digest,
        trust,
        because,
        takenMs,
      }));
      // Written by `keepBaseline`.
      return { ...one, state: JSON.parse(rows[0]?.state ?? 'null') as ResourceState, history };
    }),
  );
}

function keyOf({ type, account, region, id }: ListedBaseline): string {
  return [type, account, region, id].join('|');
}

function listed({ resource_key, digest, trust, because, taken_ms, since_ms }: Row): ListedBaseline {
  const [type = '', account = '', region = '', ...id] = resource_key.split('|');
  return { type, account, region, id: id.join('|'), digest, trust, because, takenMs: taken_ms, driftingMs: since_ms };
}
