/** What is asked of the inventory, as it stands in the address: `kind=pod&host=node-1&at=…&card=pod:ID`. Pure. */
import type { WorkloadKind } from '@countersign/contract';

export const FILTERS = ['host', 'cluster', 'namespace', 'application'] as const;
export type InventoryFilter = (typeof FILTERS)[number];

export interface InventoryAsked {
  /** Empty: every kind. */
  readonly kind: WorkloadKind | '';
  readonly filters: Readonly<Partial<Record<InventoryFilter, string>>>;
  readonly text: string;
  /** Local date and time; empty: now. */
  readonly at: string;
  /** The thing whose card is open. */
  readonly card: { readonly kind: WorkloadKind; readonly id: string } | null;
}

export function readAsked(search: URLSearchParams): InventoryAsked {
  const [, kind, id] = /^([a-z]+):(.+)$/s.exec(search.get('card') ?? '') ?? [];
  const filters = FILTERS.flatMap((name) => {
    const value = search.get(name) ?? '';
    return value === '' ? [] : [[name, value] as const];
  });
  return {
    // The server says which kinds there are, and refuses others in words.
    kind: (search.get('kind') ?? '') as WorkloadKind | '',
    filters: Object.fromEntries(filters),
    text: search.get('q') ?? '',
    at: search.get('at') ?? '',
    card: kind === undefined || id === undefined ? null : { kind: kind as WorkloadKind, id },
  };
}

export function writeAsked({ kind, filters, text, at, card }: InventoryAsked): URLSearchParams {
  const search = new URLSearchParams();
  const set = (name: string, value: string | undefined) => {
    if (value !== undefined && value !== '') search.set(name, value);
  };
  set('kind', kind);
  for (const name of FILTERS) set(name, filters[name]);
  set('q', text);
  set('at', at);
  if (card !== null) set('card', `${card.kind}:${card.id}`);
  return search;
}

/** As the server reads it. */
export function serverQuery({ kind, filters, text, at }: InventoryAsked): URLSearchParams {
  const query = writeAsked({ kind, filters, text, at: '', card: null });
  const moment = momentOf(at);
  if (moment !== null) query.set('at', moment);
  return query;
}

/** Null: now. */
export function momentOf(at: string): string | null {
  const ms = Date.parse(at);
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}
