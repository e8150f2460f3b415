/**
 * Which events were seen before. Exact for the last `capacity` different ids, forgetting the oldest half at a time, so that
 * memory is bounded on an endless stream.
 */

export const DEFAULT_CAPACITY = 1_000_000;

export interface Deduplicator {
  /** True the first time an id comes; false when it was seen among the last `capacity`. */
  isNew(id: string): boolean;
}

export function createDeduplicator(capacity = DEFAULT_CAPACITY): Deduplicator {
  let young = new Set<string>();
  let old = new Set<string>();
  return {
    isNew(id) {
      if (young.has(id) || old.has(id)) return false;
      young.add(id);
      if (young.size >= capacity) {
        old = young;
        young = new Set();
      }
      return true;
    },
  };
}
