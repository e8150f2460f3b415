/** A life of the inventory for tests. */
import type { Workload } from '../server/src/inventory/workload.ts';

export function sampleWorkload(nowMs: number, changes: Partial<Workload>): Workload {
  return {
    kind: 'container',
    id: 'c1',
    teller: 'agent node-1',
    name: 'web',
    cluster: '',
    namespace: '',
    host: 'node-1',
    application: 'shop/compose/web',
    parent: { kind: 'host', id: 'node-1' },
    addresses: [],
    labels: {},
    facts: {},
    firstMs: nowMs,
    lastMs: nowMs,
    endedMs: null,
    toldMs: nowMs,
    ...changes,
  };
}
