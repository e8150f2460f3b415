/** The map and the questions about connections over HTTP. Each answer is bounded, and says when it was cut. */
import { isIP } from 'node:net';
import {
  MapLevel,
  type MapView,
  type PairList,
  type PairView,
  TalkerLevel,
  type TalkersView,
} from '@countersign/contract';
import { Type } from 'typebox';
import type { Access, HttpServer } from '../../ground/http.ts';
import { httpFailures } from '../../ground/http-error.ts';
import { TimeRangeQuery, timeRangeOf, timeRangeView } from '../../ground/time-range.ts';
import type { ConnectionStore, Pair } from '../connections/store.ts';
import type { Networks } from '../networks/networks.ts';
import { AddressDirectory } from '../address-directory.ts';
import type { WorkloadStore } from '../store.ts';
import { drawGraph } from './graph.ts';

export interface MapRoutesOptions {
  readonly connections: ConnectionStore;
  readonly networks: Networks;
  readonly workloads: Pick<WorkloadStore, 'addressed'>;
  /** Anybody who is signed in. */
  readonly access: Access;
  readonly nowMs: () => number;
}

const Limit = Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 }));
const MapQuery = Type.Object({ ...TimeRangeQuery, level: Type.Optional(MapLevel) });
const TalkersQuery = Type.Object({ ...TimeRangeQuery, by: Type.Optional(TalkerLevel), limit: Limit });
const NewQuery = Type.Object({ ...TimeRangeQuery, limit: Limit });
const PairsQuery = Type.Object({ address: Type.String({ maxLength: 45 }), limit: Limit });

const DEFAULT_LIMIT = 100;
const MOST_EXTERNALS = 60;

export function registerMapRoutes(
  server: HttpServer,
  { connections, networks, workloads, access, nowMs }: MapRoutesOptions,
): void {
  const config = { access };
  const networkOf = (ip: string) => networks.nameOf(ip);
  const view = (pair: Pair) => pairView(pair, networkOf(pair.remoteIp));
  server.get('/api/map', { config, schema: { querystring: MapQuery } }, async ({ query }): Promise<MapView> => {
    const range = timeRangeOf(query, nowMs());
    const level = query.level ?? 'application';
    const detail = { process: level === 'process', container: level === 'container' };
    const [{ ends, isCut }, known] = await Promise.all([
      connections.lineEnds(range, detail),
      workloads.addressed(range),
    ]);
    const directory = new AddressDirectory(known);
    const drawn = drawGraph(ends, { level, mostExternals: MOST_EXTERNALS, networkOf, directory });
    const { nodes, edges, externalsGrouped } = drawn;
    return {
      ...timeRangeView(range),
      level,
      nodes: [...nodes],
      edges: edges.map(({ firstMs, lastMs, ports, addresses, ...edge }) => ({
        ...edge,
        ports: [...ports],
        addresses: [...addresses],
        firstAt: iso(firstMs),
        lastAt: iso(lastMs),
      })),
      externalsGrouped,
      cut: isCut,
    };
  });
  server.get(
    '/api/connections/talkers',
    { config, schema: { querystring: TalkersQuery } },
    async ({ query }): Promise<TalkersView> => {
      const range = timeRangeOf(query, nowMs());
      const by = query.by ?? 'application';
      const talkers = await connections.topTalkers(range, by, query.limit ?? DEFAULT_LIMIT);
      const network = ({ name }: { readonly name: string }) => (by === 'remote_ip' ? networkOf(name) : '');
      return { ...timeRangeView(range), by, talkers: talkers.map((one) => ({ ...one, network: network(one) })) };
    },
  );
  server.get(
    '/api/connections/new',
    { config, schema: { querystring: NewQuery } },
    async ({ query }): Promise<PairList> => ({
      pairs: (await connections.newPairs(timeRangeOf(query, nowMs()), query.limit ?? DEFAULT_LIMIT)).map(view),
    }),
  );
  server.get(
    '/api/connections/pairs',
    { config, schema: { querystring: PairsQuery } },
    async ({ query: { address, limit = DEFAULT_LIMIT } }): Promise<PairList> => {
      if (isIP(address) === 0)
        throw httpFailures.invalidInput('address', 'no IP address: write 192.0.2.7 or 2001:db8::7');
      return { pairs: (await connections.pairsOf(address, limit)).map(view) };
    },
  );
}

function pairView({ scope: _scope, firstMs, lastMs, ...pair }: Pair, network: string): PairView {
  return { ...pair, network, firstAt: iso(firstMs), lastAt: iso(lastMs) };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
