/** The layout of the map in a thread of its own: the page stays smooth while thousands of nodes find their places. */
import { createLayout, type LayoutAnswer, type LayoutRequest } from './layout.ts';

const scope = globalThis as unknown as {
  onmessage: ((event: { readonly data: LayoutRequest }) => void) | null;
  postMessage(answer: LayoutAnswer, transfer: readonly ArrayBufferLike[]): void;
};

let current = -1;

scope.onmessage = ({ data }) => {
  current = data.round;
  const step = createLayout(data);
  const goOn = () => {
    // A newer request makes this one pointless.
    if (current !== data.round) return;
    const answer = step();
    scope.postMessage(answer, [answer.places.buffer]);
    if (!answer.isDone) setTimeout(goOn, 0);
  };
  goOn();
};
