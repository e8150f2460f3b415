/**
 * The processes of a host at a moment, as a tree: who started whom. Pure; made of the rows that tell commands and ends.
 *
 * The surprise: a process that executes another program stays the same process, so its last command before the moment is its name then, and
 * the ones before are its past.
 */
import type { ActivityRow } from './store.ts';

export interface TreeNode {
  readonly pid: number;
  readonly startNs: bigint;
  readonly name: string;
  readonly commandLine: string;
  readonly container: string;
  readonly user: string;
  /** Null: it goes on, as far as anybody knows. */
  readonly endNs: bigint | null;
  /** It ran at the moment; the others are there because they started one that did. */
  readonly isAlive: boolean;
  /** What it ran before it became this. */
  readonly before: readonly string[];
  readonly children: readonly TreeNode[];
}

interface Draft {
  readonly key: string;
  readonly parentKey: string;
  row: ActivityRow;
  readonly commands: string[];
  endNs: bigint | null;
}

/** @param rows oldest first, from as long before the moment as is known. */
export function treeAt(rows: readonly ActivityRow[], momentNs: bigint): readonly TreeNode[] {
  const drafts = new Map<string, Draft>();
  for (const row of rows) {
    const key = keyOf(row.process);
    const known = drafts.get(key);
    if (row.kind === 'exit') {
      if (known !== undefined) known.endNs = row.timeNs;
    } else if (row.timeNs <= momentNs) {
      if (known === undefined)
        drafts.set(key, { key, parentKey: keyOf(row.parent), row, commands: [row.detail], endNs: null });
      else {
        known.row = row;
        known.commands.push(row.detail);
      }
    }
  }
  return nest(drafts, momentNs);
}

function keyOf({ pid, startNs }: ActivityRow['process']): string {
  return `${pid}@${startNs}`;
}

function nest(drafts: ReadonlyMap<string, Draft>, momentNs: bigint): readonly TreeNode[] {
  const childrenOf = new Map<string, Draft[]>();
  const roots: Draft[] = [];
  for (const draft of drafts.values()) {
    const isRoot = draft.parentKey === draft.key || !drafts.has(draft.parentKey);
    const siblings = isRoot ? roots : (childrenOf.get(draft.parentKey) ?? []);
    siblings.push(draft);
    if (!isRoot) childrenOf.set(draft.parentKey, siblings);
  }
  // Children before parents, without recursion: a chain of processes may be thousands long.
  const done = new Map<string, TreeNode | null>();
  for (const draft of fromLeaves(roots, childrenOf)) {
    const children = (childrenOf.get(draft.key) ?? []).flatMap(({ key }) => done.get(key) ?? []);
    const isAlive = draft.endNs === null || draft.endNs >= momentNs;
    done.set(draft.key, isAlive || children.length > 0 ? nodeOf(draft, { isAlive, children }) : null);
  }
  return roots.flatMap(({ key }) => done.get(key) ?? []);
}

function fromLeaves(roots: readonly Draft[], childrenOf: ReadonlyMap<string, readonly Draft[]>): readonly Draft[] {
  const order: Draft[] = [];
  const open = [...roots];
  for (let draft = open.pop(); draft !== undefined; draft = open.pop()) {
    order.push(draft);
    open.push(...(childrenOf.get(draft.key) ?? []));
  }
  return order.reverse();
}

function nodeOf({ row, commands, endNs }: Draft, rest: Pick<TreeNode, 'isAlive' | 'children'>): TreeNode {
  return {
    pid: row.process.pid,
    startNs: row.process.startNs,
    name: row.name,
    commandLine: row.detail,
    container: row.container,
    user: row.user,
    endNs,
    before: commands.slice(0, -1),
    ...rest,
  };
}
