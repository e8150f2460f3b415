/** Every store of what happened, on one engine. Each room opens its own tables; here they are only opened together. */
import { type ActivityStore, openActivityStore } from './activity/store.ts';
import { type EventStore, openEventStore } from './events/store.ts';
import type { EventEngine } from './ground/event-engine.ts';
import { type ConnectionStore, openConnectionStore } from './inventory/connections/store.ts';
import { type FlowStore, flowStore } from './inventory/flows/store.ts';
import { openWorkloadStore, type WorkloadStore } from './inventory/store.ts';
import { openTelemetryStore, type TelemetryStore } from './inventory/telemetry/store.ts';
import type { Exporter } from './inventory/telemetry/export/exporter.ts';
import type { KeptDays } from './inventory/telemetry/tables.ts';
import { exporting } from './telemetry-export.ts';

export interface Stores {
  readonly events: EventStore;
  readonly connections: ConnectionStore;
  readonly flows: FlowStore;
  readonly activity: ActivityStore;
  readonly telemetry: TelemetryStore;
  readonly workloads: WorkloadStore;
}

/** Makes the tables that are missing. */
export async function openStores(
  engine: EventEngine,
  { kept, exporters }: { readonly kept: KeptDays; readonly exporters: readonly Exporter[] },
): Promise<Stores> {
  return {
    events: await openEventStore(engine),
    connections: await openConnectionStore(engine),
    flows: flowStore(engine),
    activity: await openActivityStore(engine),
    telemetry: exporting(await openTelemetryStore(engine, kept), exporters),
    workloads: await openWorkloadStore(engine),
  };
}
