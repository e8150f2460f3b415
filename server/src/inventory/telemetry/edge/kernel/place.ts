/**
 * Which workload a control group is: a container, a systemd unit, or neither. Told from the path alone, in the forms of all runtimes.
 *
 * The surprise: what runs in a folder below a container or a unit belongs to it, whatever that folder is called.
 */
import { posix } from 'node:path';
import { findContainer } from '@countersign/scap';

export type Place =
  | {
      readonly kind: 'container';
      /** All 64 digits where the path has them. */
      readonly id: string;
      /** As the sensor knows it. */
      readonly shortId: string;
      /** The uid of its pod in Kubernetes; empty elsewhere. */
      readonly pod: string;
    }
  | { readonly kind: 'unit'; readonly name: string };

const FULL_ID = /[0-9a-f]{64}/;
const POD =
  /\/(?:kubepods[^/]*-)?pod([0-9a-f]{8}[-_]?[0-9a-f]{4}[-_]?[0-9a-f]{4}[-_]?[0-9a-f]{4}[-_]?[0-9a-f]{12})(?:\.slice)?(?:\/|$)/;
const SERVICE = /\/([^/]+\.service)$/;
const DEEPEST = 32;

/** Of a group itself, by the last part of its path. */
export function placeOf(path: string): Place | null {
  const found = findContainer(path, null);
  if (found !== null) {
    const pod = POD.exec(path)?.[1]?.replaceAll('_', '-') ?? '';
    return {
      kind: 'container',
      id: FULL_ID.exec(path.slice(path.lastIndexOf('/')))?.[0] ?? found.id,
      shortId: found.id,
      pod,
    };
  }
  const unit = SERVICE.exec(path)?.[1];
  // The manager of a user holds units of its own.
  return unit === undefined || unit.startsWith('user@') ? null : { kind: 'unit', name: unit };
}

/** The path of the nearest group above (or at) `path` that `isKnown`; null: none. */
export function nearest(path: string, isKnown: (path: string) => boolean): string | null {
  let at = path;
  for (let depth = 0; depth < DEEPEST && at !== ''; depth += 1) {
    if (isKnown(at)) return at;
    at = at.slice(0, at.lastIndexOf('/'));
  }
  return null;
}

/** `/proc/PID/cgroup` → the path in the hierarchy of a controller; an empty controller is that of version 2. */
export function pathIn(text: string, controller: string): string | null {
  for (const line of text.split('\n')) {
    const [number, controllers = '', ...path] = line.split(':');
    const isThis =
      controller === '' ? number === '0' && controllers === '' : controllers.split(',').includes(controller);
    if (isThis) return path.join(':');
  }
  return null;
}

/** In a container paths are told from its own group: `/../../x` is two above it. @param own where that is, from the root. */
export function fromRoot(own: string, path: string): string {
  const whole = posix.join('/', own, path);
  return whole === '/' ? '/' : whole.replace(/\/$/, '');
}
