/** Asks the worker where the nodes stand, and keeps where they stood, so that a new round begins there. */
import { useEffect, useMemo, useRef, useState } from 'react';
import type { Shown } from './fold.ts';
import type { LayoutAnswer, LayoutRequest } from './layout.ts';
import { radiusOf, type Scene } from './scene.ts';

export interface Layout {
  readonly scene: Scene;
  /** The nodes have found their places. */
  readonly isDone: boolean;
}

export function useLayout(shown: Shown): Layout {
  const known = useRef<Record<string, readonly [number, number]>>({});
  const round = useRef(0);
  const worker = useRef<Worker | null>(null);
  const [answer, setAnswer] = useState<LayoutAnswer | null>(null);
  const indexOf = useMemo(() => new Map(shown.nodes.map(({ id }, index) => [id, index])), [shown]);
  useEffect(() => {
    const made = new Worker(new URL('./layout-worker.ts', import.meta.url), { type: 'module' });
    worker.current = made;
    return () => {
      worker.current = null;
      made.terminate();
    };
  }, []);
  useEffect(() => {
    const current = worker.current;
    if (current === null) return;
    round.current += 1;
    current.onmessage = ({ data }: MessageEvent<LayoutAnswer>) => {
      if (data.round !== round.current) return;
      shown.nodes.forEach(({ id }, index) => {
        known.current[id] = [data.places[index * 2] ?? 0, data.places[index * 2 + 1] ?? 0];
      });
      setAnswer(data);
    };
    current.postMessage(requestOf(shown, indexOf, { round: round.current, known: known.current }));
  }, [shown, indexOf]);
  return useMemo(() => {
    const fits = answer !== null && answer.places.length === shown.nodes.length * 2;
    const places = fits ? answer.places : placesKnown(shown, known.current);
    return { scene: { shown, places, indexOf }, isDone: fits && answer.isDone };
  }, [shown, answer, indexOf]);
}

function requestOf(
  { nodes, edges }: Shown,
  indexOf: ReadonlyMap<string, number>,
  { round, known }: Pick<LayoutRequest, 'round' | 'known'>,
): LayoutRequest {
  return {
    round,
    known: Object.fromEntries(nodes.flatMap(({ id }) => (known[id] === undefined ? [] : [[id, known[id]]]))),
    nodes: nodes.map((node) => ({ id: node.id, group: node.group, radius: radiusOf(node) })),
    edges: edges.map(({ source, target }) => [indexOf.get(source) ?? 0, indexOf.get(target) ?? 0]),
  };
}

function placesKnown({ nodes }: Shown, known: Readonly<Record<string, readonly [number, number]>>): Float32Array {
  return Float32Array.from(nodes.flatMap(({ id }) => known[id] ?? [0, 0]));
}
