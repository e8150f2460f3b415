/** Trusted states of resources: kept by content, each with who vouches for it and why. */
import type { State, StateTransaction } from '../../../ground/state.ts';
import type { Caller } from '../../../vendors/aws/calls.ts';
import type { CatalogueEntry, ResourceRef } from '../catalogue.ts';
import { ARCHIVED, canonical, digestOfJson, type ResourceState } from '../state.ts';
import type { BaselineTrust, RevertTables } from '../tables.ts';

export interface Baseline {
  readonly state: ResourceState;
  readonly digest: string;
  readonly takenMs: number;
  readonly trust: BaselineTrust;
  readonly because: string;
}

type Reader = Pick<State['db'], 'withTables'>;

/** The newest from before a moment; null when nobody ever vouched for any. */
export async function baselineBefore(reader: Reader, resourceKey: string, beforeMs: number): Promise<Baseline | null> {
  const row = await reader
    .withTables<RevertTables>()
    .selectFrom('baseline')
    .innerJoin('baseline_content', 'baseline_content.digest', 'baseline.digest')
    .selectAll('baseline')
    .select('baseline_content.state')
    .where('resource_key', '=', resourceKey)
    .where('taken_ms', '<', beforeMs)
    .orderBy('taken_ms', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return null;
  const { digest, taken_ms: takenMs, trust, because } = row;
  // Written by `keepBaseline`.
  return { state: JSON.parse(row.state) as ResourceState, digest, takenMs, trust, because };
}

/** Keeps a state from a moment on; one that held already is kept once. */
export async function keepBaseline(
  trx: StateTransaction,
  resourceKey: string,
  state: ResourceState,
  at: { readonly takenMs: number; readonly trust: BaselineTrust; readonly because: string },
): Promise<string> {
  const db = trx.withTables<RevertTables>();
  const digest = digestOfJson(state);
  const held = await baselineBefore(trx, resourceKey, at.takenMs + 1);
  if (held?.digest === digest) return digest;
  await db
    .insertInto('baseline_content')
    .values({ digest, state: canonical(state) })
    .onConflict((conflict) => conflict.column('digest').doNothing())
    .execute();
  await db
    .insertInto('baseline')
    .values({ resource_key: resourceKey, digest, taken_ms: at.takenMs, trust: at.trust, because: at.because })
    .onConflict((conflict) =>
      conflict.columns(['resource_key', 'taken_ms']).doUpdateSet({ digest, trust: at.trust, because: at.because }),
    )
    .execute();
  return digest;
}

/** Keeps bytes by their digest, once. @returns false when there are none, or too many. */
async function keepArchive(
  state: Pick<State, 'db' | 'transaction'>,
  { digest }: { readonly digest: string },
  bring: () => Promise<Uint8Array | null>,
): Promise<boolean> {
  if ((await readArchive(state.db, digest)) !== null) return true;
  const bytes = await bring();
  if (bytes === null) return false;
  const content = { digest, state: JSON.stringify({ bytes: Buffer.from(bytes).toString('base64') }) };
  await state.transaction((trx) =>
    trx
      .withTables<RevertTables>()
      .insertInto('baseline_content')
      .values(content)
      .onConflict((conflict) => conflict.column('digest').doNothing())
      .execute(),
  );
  return true;
}

export async function readArchive(reader: Reader, digest: string): Promise<Uint8Array | null> {
  const row = await reader
    .withTables<RevertTables>()
    .selectFrom('baseline_content')
    .select('state')
    .where('digest', '=', digest)
    .executeTakeFirst();
  if (row === undefined) return null;
  const { bytes } = JSON.parse(row.state) as { readonly bytes?: string };
  return bytes === undefined ? null : Buffer.from(bytes, 'base64');
}

/** The state with the note of its bytes, where it has any that must be kept. @throws CallFailure. */
export async function withArchive(
  state: Pick<State, 'db' | 'transaction'>,
  { entry, caller, resource }: { entry: Pick<CatalogueEntry, 'archive'>; caller: Caller; resource: ResourceRef },
  read: ResourceState,
): Promise<ResourceState> {
  const archive = entry.archive?.(read) ?? null;
  if (archive === null || read === null) return read;
  const isKept = await keepArchive(state, archive, () => archive.fetch(caller, resource));
  return isKept ? { ...read, [ARCHIVED]: archive.digest } : read;
}
