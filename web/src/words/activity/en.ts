/** The words of the activity in English. */
import type { ActivityField, ActivityKind } from '@countersign/contract';

const kinds: Readonly<Record<ActivityKind, string>> = {
  command: 'Command',
  exit: 'Ended',
  'file-written': 'File written',
  'file-read': 'File read',
  'file-removed': 'File removed',
  'file-mode': 'File mode',
  connection: 'Connection',
  listen: 'Listening',
  login: 'Sign-in',
  privilege: 'Privilege',
  module: 'Kernel',
  signal: 'Signal',
  'cloud-call': 'Cloud call',
  'cluster-call': 'Cluster call',
};

const fields: Readonly<Record<ActivityField, string>> = {
  kind: 'kind',
  host: 'host or account',
  container: 'container',
  application: 'application',
  name: 'name',
  exe: 'program',
  login_user: 'signed in as',
  user: 'user',
  detail: 'detail',
  result: 'result',
  pid: 'process',
};

export const activityWords = {
  title: 'Activity',
  histogram: 'How much was done when. The rows below say the same.',
  search: 'Search commands, paths, users',
  refresh: 'Now',
  filters: 'Filters',
  removeFilter: 'Remove this filter',
  only: 'Only this',
  without: 'Without this',
  when: 'When',
  what: 'What',
  where: 'Where',
  who: 'Who',
  exactly: 'Exactly',
  kinds,
  fields,
  tree: 'Processes at this moment',
  treeAt: 'Processes of {host}, {at}',
  treeEmpty: 'No command of this host was seen in the day before.',
  ended: 'ended',
  empty: 'Nothing was done in this time that fits.',
  emptyMore: 'Widen the time, or remove a filter. Hosts tell their commands when they run a sensor.',
};
