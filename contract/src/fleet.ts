/** Agents on hosts: who joined, when they were last heard, and how one more joins. */
import { type Static, Type } from 'typebox';
import { HostHealth } from './hosts.ts';

export const AgentView = Type.Object({
  id: Type.String(),
  host: Type.String(),
  version: Type.String(),
  enrolledAt: Type.String(),
  lastHeardAt: Type.Union([Type.String(), Type.Null()]),
  /** Batches that its own spool had to drop. */
  dropped: Type.Integer(),
  /** How it watches its host; null: it has not said so, or only takes orders. */
  sensor: Type.Union([HostHealth, Type.Null()]),
});
export type AgentView = Static<typeof AgentView>;

export const FleetView = Type.Object({ agents: Type.Array(AgentView) });
export type FleetView = Static<typeof FleetView>;

/** Works once, for a day, and is shown once. */
export const AgentInvitation = Type.Object({ token: Type.String() });
export type AgentInvitation = Static<typeof AgentInvitation>;
