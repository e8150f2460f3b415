/** The process tree: rows of commands and ends go in, who started whom at a moment comes out. */
import { describe, expect, it } from 'vitest';
import { type TreeNode, treeAt } from './process-tree.ts';
import type { ActivityRow } from './store.ts';

function row(atNs: number, pid: number, parent: number, changes: Partial<ActivityRow> = {}): ActivityRow {
  const detail = changes.detail ?? `program-${pid}`;
  return {
    timeNs: BigInt(atNs),
    kind: 'command',
    host: 'node-1',
    container: '',
    application: '',
    process: { pid, startNs: BigInt(pid * 10) },
    parent: { pid: parent, startNs: BigInt(parent * 10) },
    name: detail.split(' ')[0] ?? '',
    exe: '',
    loginUser: '',
    user: 'root',
    detail,
    result: '',
    count: 1,
    bytes: 0,
    ...changes,
  };
}

const end = (atNs: number, pid: number) => row(atNs, pid, 0, { kind: 'exit' });

function lines(nodes: readonly TreeNode[], indent = ''): readonly string[] {
  return nodes.flatMap(({ name, isAlive, children }) => [
    `${indent}${name}${isAlive ? '' : ' †'}`,
    ...lines(children, `${indent}  `),
  ]);
}

const session = [
  row(100, 1, 0, { detail: 'systemd' }),
  row(200, 20, 1, { detail: 'sshd' }),
  row(300, 30, 20, { detail: 'bash' }),
  row(400, 40, 30, { detail: 'curl -s example.com' }),
  end(450, 40),
  row(500, 50, 30, { detail: 'sh -c x' }),
  row(510, 50, 30, { detail: 'xmrig --threads 4' }),
  end(600, 30),
];

describe('the process tree at a moment', () => {
  it('has what ran then, under what started it', () => {
    expect(lines(treeAt(session, 420n))).toEqual(['systemd', '  sshd', '    bash', '      curl']);
    expect(lines(treeAt(session, 505n))).toEqual(['systemd', '  sshd', '    bash', '      sh']);
  });

  it('a process is what it became, and knows what it was', () => {
    const [systemd] = treeAt(session, 550n);
    const miner = systemd?.children[0]?.children[0]?.children[0];
    expect(miner).toMatchObject({ name: 'xmrig', before: ['sh -c x'], commandLine: 'xmrig --threads 4' });
  });

  it('who has ended stays as long as somebody runs whom it started', () => {
    expect(lines(treeAt(session, 700n))).toEqual(['systemd', '  sshd', '    bash †', '      xmrig']);
  });

  it('the same number again is another process', () => {
    const again = { ...row(900, 40, 20, { detail: 'later' }), process: { pid: 40, startNs: 890n } };
    expect(lines(treeAt([...session, again], 950n))).toEqual([
      'systemd',
      '  sshd',
      '    bash †',
      '      xmrig',
      '    later',
    ]);
  });

  it('a chain of ten thousand is no trouble', () => {
    const chain = Array.from({ length: 10_000 }, (_, index) => row(index, index + 1, index));
    let depth = 0;
    for (let nodes = treeAt(chain, 20_000n); nodes.length > 0; nodes = nodes[0]?.children ?? []) depth += 1;
    expect(depth).toBe(10_000);
  });
});
