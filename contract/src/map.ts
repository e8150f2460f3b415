/** Who talks to whom: the map, top talkers, and every kind of connection that ever was. Bytes are counted from source to target. */
import { type Static, Type } from 'typebox';

export const MapLevel = Type.Union([
  Type.Literal('namespace'),
  Type.Literal('application'),
  Type.Literal('host'),
  Type.Literal('container'),
  Type.Literal('process'),
]);
export type MapLevel = Static<typeof MapLevel>;

const Bytes = Type.Number({ minimum: 0 });
const Count = Type.Integer({ minimum: 0 });

export const MapNode = Type.Object({
  id: Type.String(),
  kind: Type.Union([Type.Literal('workload'), Type.Literal('external'), Type.Literal('host')]),
  name: Type.String(),
  /** The node of the next higher level that it belongs to; empty at the top. */
  group: Type.String(),
  sentBytes: Bytes,
  receivedBytes: Bytes,
});
export type MapNode = Static<typeof MapNode>;

export const MapEdge = Type.Object({
  source: Type.String(),
  target: Type.String(),
  /** `443/tcp`, the busiest first. */
  ports: Type.Array(Type.String()),
  opened: Count,
  failed: Count,
  sentBytes: Bytes,
  receivedBytes: Bytes,
  retransmits: Count,
  firstAt: Type.String(),
  lastAt: Type.String(),
  /** Of an end outside: the addresses behind its name, the busiest first, and how many there are. */
  addresses: Type.Array(Type.String()),
  addressCount: Count,
});
export type MapEdge = Static<typeof MapEdge>;

export const MapView = Type.Object({
  from: Type.String(),
  to: Type.String(),
  level: MapLevel,
  nodes: Type.Array(MapNode),
  edges: Type.Array(MapEdge),
  /** Outside addresses that are drawn together, since there were too many. */
  externalsGrouped: Count,
  /** There was more than can be drawn: what has the fewest bytes is missing. */
  cut: Type.Boolean(),
});
export type MapView = Static<typeof MapView>;

export const TalkerLevel = Type.Union([
  Type.Literal('host'),
  Type.Literal('application'),
  Type.Literal('container'),
  Type.Literal('process'),
  Type.Literal('remote_ip'),
  Type.Literal('port'),
]);
export type TalkerLevel = Static<typeof TalkerLevel>;

export const TalkersView = Type.Object({
  from: Type.String(),
  to: Type.String(),
  by: TalkerLevel,
  talkers: Type.Array(
    Type.Object({
      name: Type.String(),
      /** Of an address: the name by which a host looked it up, and whose it is; empty: nobody knows. */
      remoteName: Type.String(),
      network: Type.String(),
      sentBytes: Bytes,
      receivedBytes: Bytes,
      opened: Count,
      failed: Count,
    }),
  ),
});
export type TalkersView = Static<typeof TalkersView>;

/** Everything that is remembered about one kind of connection. */
export const PairView = Type.Object({
  application: Type.String(),
  process: Type.String(),
  protocol: Type.String(),
  direction: Type.String(),
  remoteIp: Type.String(),
  remoteName: Type.String(),
  /** Whose the address is: a range that has a name, else whoever announces it; empty: nobody knows. */
  network: Type.String(),
  port: Type.Integer(),
  opened: Count,
  failed: Count,
  sentBytes: Bytes,
  receivedBytes: Bytes,
  firstAt: Type.String(),
  lastAt: Type.String(),
});
export type PairView = Static<typeof PairView>;

export const PairList = Type.Object({ pairs: Type.Array(PairView) });
export type PairList = Static<typeof PairList>;
