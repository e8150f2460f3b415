/** Capacity over HTTP: what workloads use of what they were promised, hosts, one workload over time, who inside of it uses most. */
import {
  type CapacityPoint,
  type CapacityProcesses,
  type CapacitySeries,
  type CapacityView,
  type HostsCapacity,
  SizedKind,
} from '@countersign/contract';
import { Type } from 'typebox';
import type { Access, HttpServer } from '../../ground/http.ts';
import { TimeRangeQuery, timeRangeOf, timeRangeView } from '../../ground/time-range.ts';
import { sizingCsv } from './csv.ts';
import { type PromisedBounds, sizeOf, workloadName } from './sizing.ts';
import { MOST_WORKLOADS, type SeriesPoint, type TelemetryStore } from './store.ts';

export interface TelemetryRoutesOptions {
  readonly telemetry: TelemetryStore;
  /** Anybody who is signed in. */
  readonly access: Access;
  readonly nowMs: () => number;
  /** What is promised beyond what the kernel knows. */
  readonly promised: PromisedBounds;
}

const Name = Type.String({ maxLength: 600 });
const Limit = Type.Optional(Type.Integer({ minimum: 1, maximum: MOST_WORKLOADS }));
const CapacityQuery = Type.Object({ ...TimeRangeQuery, limit: Limit });
const SeriesQuery = Type.Object({
  ...TimeRangeQuery,
  kind: Type.Optional(Type.Union([SizedKind, Type.Literal('host')])),
  application: Type.Optional(Name),
  part: Type.Optional(Name),
  host: Type.Optional(Name),
});
const ProcessesQuery = Type.Object({ ...TimeRangeQuery, application: Name, limit: Limit });

const DEFAULT_LIMIT = 500;
const DEFAULT_PROCESSES = 20;

export function registerTelemetryRoutes(
  server: HttpServer,
  { telemetry, access, nowMs, promised }: TelemetryRoutesOptions,
): void {
  const config = { access };
  const schema = { querystring: CapacityQuery };
  const sized = async (query: { readonly from?: string; readonly to?: string; readonly limit?: number }) => {
    const range = timeRangeOf(query, nowMs());
    const [{ workloads, isCut }, known] = await Promise.all([
      telemetry.usage(range, query.limit ?? DEFAULT_LIMIT),
      promised(),
    ]);
    return {
      ...timeRangeView(range),
      workloads: workloads.map((usage) => sizeOf(usage, known.get(workloadName(usage)))),
      cut: isCut,
    };
  };
  server.get('/api/capacity', { config, schema }, async ({ query }): Promise<CapacityView> => sized(query));
  server.get('/api/capacity.csv', { config, schema }, async ({ query }, reply) => {
    const { workloads } = await sized({ limit: MOST_WORKLOADS, ...query });
    return reply
      .type('text/csv; charset=utf-8')
      .header('content-disposition', 'attachment; filename="countersign-capacity.csv"')
      .send(sizingCsv(workloads));
  });
  server.get(
    '/api/capacity/series',
    { config, schema: { querystring: SeriesQuery } },
    async ({ query: { from, to, kind = 'container', ...narrower } }): Promise<CapacitySeries> => {
      const range = timeRangeOf({ ...(from && { from }), ...(to && { to }) }, nowMs());
      const { stepMs, points } = await telemetry.series(range, { kind, ...narrower }, nowMs());
      return { ...timeRangeView(range), stepSeconds: stepMs / 1_000, points: points.map(pointView) };
    },
  );
  server.get(
    '/api/capacity/processes',
    { config, schema: { querystring: ProcessesQuery } },
    async ({ query }): Promise<CapacityProcesses> => {
      const range = timeRangeOf(query, nowMs());
      const found = await telemetry.topProcesses(range, query.application, query.limit ?? DEFAULT_PROCESSES);
      return {
        processes: found.map(({ id, memoryMaxBytes, lastMs, ...rest }) => ({
          ...rest,
          pid: Number.parseInt(id, 10),
          memoryMax: memoryMaxBytes,
          lastAt: new Date(lastMs).toISOString(),
        })),
      };
    },
  );
  server.get(
    '/api/capacity/hosts',
    { config, schema: { querystring: CapacityQuery } },
    async ({ query }): Promise<HostsCapacity> => {
      const range = timeRangeOf(query, nowMs());
      const hosts = await telemetry.hosts(range, query.limit ?? DEFAULT_LIMIT);
      return { ...timeRangeView(range), hosts: [...hosts] };
    },
  );
}

function pointView({ atMs, ...point }: SeriesPoint): CapacityPoint {
  return { at: new Date(atMs).toISOString(), ...point };
}
