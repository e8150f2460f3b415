/** Maintenance windows: planned work during which pages about some things wait. */
import { type Static, Type } from 'typebox';

const Glob = Type.String({ minLength: 1, maxLength: 300 });

/** At least one of `source`, `account` and `rule`; `*` and `?` are wildcards. Times are ISO 8601, at most a week apart. */
export const NewMaintenance = Type.Object({
  source: Type.Optional(Glob),
  account: Type.Optional(Glob),
  rule: Type.Optional(Glob),
  reason: Type.String({ minLength: 3, maxLength: 1_000 }),
  from: Type.String({ maxLength: 40 }),
  to: Type.String({ maxLength: 40 }),
});
export type NewMaintenance = Static<typeof NewMaintenance>;

const Nullable = Type.Union([Type.String(), Type.Null()]);

export const MaintenanceView = Type.Object({
  id: Type.String(),
  source: Nullable,
  account: Nullable,
  rule: Nullable,
  reason: Type.String(),
  from: Type.String(),
  to: Type.String(),
});
export type MaintenanceView = Static<typeof MaintenanceView>;
