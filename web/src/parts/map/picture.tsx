/** The picture of the map: drawn on a canvas, moved by dragging, enlarged by the wheel or two fingers, chosen by a click. */
import { type PointerEvent, useCallback, useEffect, useRef, useState } from 'react';
import { useSpeech } from '../../words/speech.tsx';
import type { Shown } from './fold.ts';
import { draw, type Ink } from './draw.ts';
import { fit, type Picked, pick, type Size, toMap, type View, zoom } from './scene.ts';
import { svgOf } from './svg.ts';
import { useLayout } from './use-layout.ts';

const CLICK_SLACK = 5;
const WHEEL_STEP = 1.0015;
const BUTTON_STEP = 1.35;

export interface PictureProps {
  readonly shown: Shown;
  readonly chosen: Picked | null;
  readonly found: ReadonlySet<string>;
  readonly choose: (picked: Picked | null) => void;
}

export function Picture({ shown, chosen, found, choose }: PictureProps) {
  const { words } = useSpeech();
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSize(canvas);
  const { scene, isDone } = useLayout(shown);
  const [moved, setMoved] = useState<View | null>(null);
  const [hovered, setHovered] = useState<Picked | null>(null);
  // Until somebody moves it, the picture shows the whole.
  const view = moved ?? fit(scene, size);
  const lit = hovered ?? chosen;
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context || canvas.current === null) return undefined;
    const target = canvas.current;
    const frame = requestAnimationFrame(() => {
      const ratio = window.devicePixelRatio;
      target.width = size.width * ratio;
      target.height = size.height * ratio;
      draw(context, { scene, view, size, lit, found, ink: inkOf(target) }, ratio);
    });
    return () => cancelAnimationFrame(frame);
  }, [scene, view, size, lit, found]);
  useWheel(canvas, (factor, at) => setMoved(zoom(view, factor, { at, size })));
  const hand = useHand({ view, size, setMoved, at: (point) => pick(scene, toMap(view, point, size), view.scale) });
  const step = (factor: number) => setMoved(zoom(view, factor, { at: [size.width / 2, size.height / 2], size }));
  return (
    <div className="map-picture" data-settled={isDone}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={words.map.pictureLabel}
        onPointerDown={hand.down}
        onPointerMove={(event) => {
          const pointed = hand.move(event);
          if (pointed !== undefined) setHovered(pointed);
        }}
        onPointerUp={(event) => {
          const picked = hand.up(event);
          if (picked !== undefined) choose(picked);
        }}
        onPointerLeave={() => setHovered(null)}
      />
      <div className="map-zoom">
        <button type="button" onClick={() => step(BUTTON_STEP)} aria-label={words.map.zoomIn}>
          +
        </button>
        <button type="button" onClick={() => step(1 / BUTTON_STEP)} aria-label={words.map.zoomOut}>
          −
        </button>
        <button type="button" onClick={() => setMoved(null)}>
          {words.map.fit}
        </button>
        <button
          type="button"
          onClick={() => canvas.current !== null && save(svgOf(scene, inkOf(canvas.current), words.map.title))}
        >
          SVG
        </button>
      </div>
    </div>
  );
}

/** Made when it is asked for: a map of thousands is megabytes of text. */
function save(svg: string): void {
  const url = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = 'countersign-map.svg';
  link.click();
  URL.revokeObjectURL(url);
}

function useSize(target: { readonly current: HTMLCanvasElement | null }): Size {
  const [size, setSize] = useState<Size>({ width: 800, height: 560 });
  useEffect(() => {
    const canvas = target.current;
    if (canvas === null) return undefined;
    const observer = new ResizeObserver(() => setSize({ width: canvas.clientWidth, height: canvas.clientHeight }));
    observer.observe(canvas);
    return () => observer.disconnect();
  }, [target]);
  return size;
}

/** React's own wheel handlers cannot keep the page from scrolling. */
function useWheel(
  target: { readonly current: HTMLCanvasElement | null },
  turn: (factor: number, at: readonly [number, number]) => void,
): void {
  const latest = useRef(turn);
  latest.current = turn;
  useEffect(() => {
    const canvas = target.current;
    if (canvas === null) return undefined;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      latest.current(WHEEL_STEP ** -event.deltaY, [event.offsetX, event.offsetY]);
    };
    canvas.addEventListener('wheel', onWheel, { passive: false });
    return () => canvas.removeEventListener('wheel', onWheel);
  }, [target]);
}

interface HandOptions {
  readonly view: View;
  readonly size: Size;
  readonly setMoved: (view: View) => void;
  readonly at: (point: readonly [number, number]) => Picked | null;
}

/** What the pointer means: over, drag, click, and two fingers. `undefined`: nothing changed. */
function useHand({ view, size, setMoved, at }: HandOptions) {
  const fingers = useRef(new Map<number, readonly [number, number]>());
  const travelled = useRef(0);
  const point = useCallback((event: PointerEvent): readonly [number, number] => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }, []);
  return {
    down: (event: PointerEvent) => {
      event.currentTarget.setPointerCapture(event.pointerId);
      fingers.current.set(event.pointerId, point(event));
      travelled.current = 0;
    },
    move: (event: PointerEvent): Picked | null | undefined => {
      const before = fingers.current.get(event.pointerId);
      const now = point(event);
      if (before === undefined) return at(now);
      fingers.current.set(event.pointerId, now);
      travelled.current += Math.hypot(now[0] - before[0], now[1] - before[1]);
      const other = [...fingers.current].find(([id]) => id !== event.pointerId)?.[1];
      if (other === undefined) {
        const [dx, dy] = [(now[0] - before[0]) / view.scale, (now[1] - before[1]) / view.scale];
        setMoved({ ...view, x: view.x - dx, y: view.y - dy });
      } else {
        const factor =
          Math.hypot(now[0] - other[0], now[1] - other[1]) / Math.hypot(before[0] - other[0], before[1] - other[1]);
        setMoved(zoom(view, factor, { at: [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2], size }));
      }
      return undefined;
    },
    up: (event: PointerEvent): Picked | null | undefined => {
      fingers.current.delete(event.pointerId);
      return travelled.current <= CLICK_SLACK ? at(point(event)) : undefined;
    },
  };
}

function inkOf(element: Element): Ink {
  const style = getComputedStyle(element);
  const value = (name: string) => style.getPropertyValue(name).trim();
  return {
    paper: value('--panel'),
    line: value('--line-strong'),
    ink: value('--ink'),
    quiet: value('--ink-3'),
    accent: value('--accent'),
    act: value('--act'),
    font: style.fontFamily,
  };
}
