/** Containers without a daemon, by their control groups and namespaces. */
import { expect, test } from 'vitest';
import { ControlGroups } from './control-groups.ts';
import { plainContainer } from './plain-containers.ts';
import { TextList } from './text-list.ts';
import { ThreadTable } from './thread-table.ts';
import { Thread } from './threads.ts';

const ID = 'f6a6c8f21e098ccc51dc5f9d5ec09553f6a6c8f21e098ccc51dc5f9d5ec09553';

function threadOf(tid: number, ptid: number, groups: readonly string[], vtid = tid): Thread {
  const thread = new Thread();
  Object.assign(thread, { tid, pid: tid, ptid, vtid, vpid: vtid });
  thread.groups = ControlGroups.from(TextList.of(groups), ControlGroups.NONE);
  return thread;
}

test.each([
  [
    'runc with its own groups, all versions mixed',
    ['memory=/x/web', 'unified=/web'],
    ['memory=/x', 'unified=/'],
    'web',
  ],
  ['version 2', ['unified=/web'], ['unified=/user.slice'], 'web'],
  ['groups that systemd keeps for runc', ['unified=/system.slice/runc-web.scope'], ['unified=/'], 'web'],
  ['an id of 64 digits', [`unified=/pods/${ID}`], ['unified=/'], ID.slice(0, 12)],
  ['a browser, in the group of the desktop', ['unified=/a/app-x.scope'], ['unified=/a/app-x.scope'], null],
  ['a sandbox in the group that its parent has', ['unified=/web'], ['unified=/web'], null],
  ['a service with a namespace of its own', ['unified=/system.slice/x.service'], ['unified=/init.scope'], null],
  ['no group of its own', ['unified=/'], ['unified=/'], null],
])('%s', (_what, groups, outside, container) => {
  const threads = new ThreadTable();
  threads.add(threadOf(10, 1, outside), false);
  const first = threadOf(20, 10, groups, 1);
  const second = threadOf(21, 20, groups, 2);
  threads.add(first, false);
  threads.add(second, false);
  expect(plainContainer(first, threads)).toBe(container);
  expect(plainContainer(second, threads)).toBe(container);
  expect(plainContainer(threadOf(30, 10, groups), threads)).toBeNull();
});
