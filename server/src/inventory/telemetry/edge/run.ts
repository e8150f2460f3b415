/** Drives a sampler: a look at each full second, and a window's samples at each full ten seconds of the clock, so that hosts can be added up. */
import type { Clock } from '../../../ground/clock.ts';
import type { Sampler } from './sampler.ts';
import { SAMPLE_WINDOW_MS, type WireSample } from '../sample.ts';

const LOOK_MS = 1_000;

/**
 * Looks until `signal` aborts.
 *
 * @param onWindow is told each window when it ends, and the last one when the watch ends.
 */
export async function runSampler(
  {
    sampler,
    clock,
    onWindow,
  }: {
    readonly sampler: Sampler;
    readonly clock: Clock;
    readonly onWindow: (samples: readonly WireSample[]) => void;
  },
  signal: AbortSignal,
): Promise<void> {
  sampler.look(clock.steadyMs());
  let windowMs = windowAt(clock.nowMs());
  while (!signal.aborted) {
    await clock.sleep(LOOK_MS - (clock.nowMs() % LOOK_MS), signal);
    sampler.look(clock.steadyMs());
    const nowMs = windowAt(clock.nowMs());
    if (nowMs === windowMs && !signal.aborted) continue;
    onWindow(sampler.take(windowMs));
    windowMs = nowMs;
  }
  sampler.close();
}

function windowAt(ms: number): number {
  return ms - (ms % SAMPLE_WINDOW_MS);
}
