/**
 * Where the nodes of the map stand: forces that keep lines short, nodes apart and groups together. Runs in a worker; pure but for time.
 *
 * The surprise: nodes that stood somewhere before begin there, so that a live map does not jump when one node joins.
 */
import {
  forceCollide,
  forceLink,
  forceManyBody,
  forceSimulation,
  forceX,
  forceY,
  type Simulation,
  type SimulationLinkDatum,
  type SimulationNodeDatum,
} from 'd3-force';

export interface LayoutNode {
  readonly id: string;
  readonly group: string;
  readonly radius: number;
}

export interface LayoutRequest {
  /** Told back with every answer, so that a late one is known. */
  readonly round: number;
  readonly nodes: readonly LayoutNode[];
  /** Pairs of indexes into the nodes. */
  readonly edges: readonly (readonly [number, number])[];
  /** `x, y` by id, of an earlier round. */
  readonly known: Readonly<Record<string, readonly [number, number]>>;
}

export interface LayoutAnswer {
  readonly round: number;
  /** `x, y` of each node in the order of the request. */
  readonly places: Float32Array;
  readonly isDone: boolean;
}

interface Body extends SimulationNodeDatum {
  readonly radius: number;
  readonly homeX: number;
  readonly homeY: number;
}

const MOST_TICKS = 260;
const TICKS_A_STEP = 12;
const CROWD = 1_500;
const GAP = 10;

/** Steps through a layout: each call moves on a little; `isDone` at the end. */
export function createLayout({ round, nodes, edges, known }: LayoutRequest): () => LayoutAnswer {
  const homes = homesOf(nodes);
  const bodies = nodes.map((node, index): Body => {
    const [homeX, homeY] = homes.get(node.group) ?? [0, 0];
    const [x, y] = known[node.id] ?? spiral(index, homeX, homeY);
    return { x, y, radius: node.radius, homeX, homeY };
  });
  const simulation = forces(bodies, edges);
  // A map whose nodes were nearly all there before is nudged, not thrown.
  const isKnown = nodes.filter(({ id }) => known[id] !== undefined).length > nodes.length * 0.8;
  simulation.alpha(isKnown ? 0.2 : 1);
  const most = isKnown ? MOST_TICKS / 4 : MOST_TICKS;
  let ticks = 0;
  return () => {
    for (let step = 0; step < TICKS_A_STEP && ticks < most; step += 1, ticks += 1) simulation.tick();
    const places = new Float32Array(bodies.length * 2);
    bodies.forEach(({ x = 0, y = 0 }, index) => {
      places[index * 2] = x;
      places[index * 2 + 1] = y;
    });
    return { round, places, isDone: ticks >= most };
  };
}

function forces(bodies: Body[], edges: LayoutRequest['edges']): Simulation<Body, SimulationLinkDatum<Body>> {
  const links = edges.map(([source, target]) => ({ source, target }));
  const isCrowd = bodies.length > CROWD;
  return forceSimulation(bodies)
    .stop()
    .alphaDecay(isCrowd ? 0.03 : 0.022)
    .force(
      'line',
      forceLink<Body, SimulationLinkDatum<Body>>(links)
        .distance(isCrowd ? 60 : 110)
        .strength(isCrowd ? 0.05 : 0.25),
    )
    .force(
      'apart',
      forceManyBody<Body>()
        .strength(isCrowd ? -60 : -260)
        .theta(1.1)
        .distanceMax(900),
    )
    .force('x', forceX<Body>(({ homeX }) => homeX).strength(0.07))
    .force('y', forceY<Body>(({ homeY }) => homeY).strength(0.07))
    .force('touch', forceCollide<Body>(({ radius }) => radius + GAP).iterations(1));
}

/** The middle of each group, on rings: the largest groups in the middle. */
function homesOf(nodes: readonly LayoutNode[]): ReadonlyMap<string, readonly [number, number]> {
  const sizes = new Map<string, number>();
  for (const { group } of nodes) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  if (sizes.size < 2) return new Map([...sizes.keys()].map((group) => [group, [0, 0]]));
  const bySize = [...sizes].sort((one, other) => other[1] - one[1] || (one[0] < other[0] ? -1 : 1));
  return new Map(bySize.map(([group, size], index) => [group, spiral(index * 14 + size / 4, 0, 0)]));
}

/** Places on a sunflower's spiral: even, without chance. */
function spiral(index: number, middleX: number, middleY: number): readonly [number, number] {
  const radius = 26 * Math.sqrt(index + 0.5);
  const angle = index * 2.399963;
  return [middleX + radius * Math.cos(angle), middleY + radius * Math.sin(angle)];
}
