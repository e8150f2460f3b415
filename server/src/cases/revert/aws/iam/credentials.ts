/** IAM: keys, passwords, and second factors that are taken away. Rows 20, 21 and 27. */
import { type CatalogueEntry, objectOf, textOf } from '../../catalogue.ts';
import { sortedList } from '../../state.ts';
import {
  completeSessions,
  deniedSince,
  leadSessions,
  readMultiFactorOnly,
  readSessionsDenied,
  requireMultiFactor,
} from './containment.ts';
import { ask, askAll, call, iamResource, idOf, principalIn } from './principals.ts';

/** What AWS writes as the moment of its own doing may differ from the event's by seconds. */
const SAME_MOMENT_MS = 60_000;

/** A key that is made for somebody, or by a thief for themselves: switched off, and what it has signed in is shut out. */
const accessKey: CatalogueEntry = {
  row: 20,
  events: ['iam:CreateAccessKey'],
  class: 'C',
  mode: 'after-answer',
  proof: 'emulator',
  // The keys of the root user have no name to be called by: nobody but root can switch them off.
  resources: ({ request, response, account }) => {
    const key = objectOf(response, 'accessKey');
    const name = textOf(key, 'userName') ?? textOf(request, 'userName');
    const id = textOf(key, 'accessKeyId');
    if (name === null || id === null) return [];
    return [iamResource('AccessKey', account, `${idOf({ kind: 'User', name })}|${id}`)];
  },
  read: async (caller, { id }) => {
    const user = principalIn(id);
    const keys = await askAll(caller, 'ListAccessKeys', { UserName: user.name }, 'AccessKeyMetadata');
    const found = keys?.find((one) => one['AccessKeyId'] === id.split('|')[1]);
    if (found === undefined) return null;
    return { status: textOf(found, 'Status'), sessionsDenied: await readSessionsDenied(caller, user) };
  },
  before: (_event, current) => (current === null ? null : { ...current, status: 'Inactive' }),
  after: (_event, baseline) => (baseline === null ? null : { ...baseline, status: 'Active' }),
  aim: (back, { event }) =>
    back === null ? null : { ...back, sessionsDenied: deniedSince(back['sessionsDenied'], event.timeMs) },
  lead: (from, to, { resource }) => {
    if (from === null || to === null) return [];
    const user = principalIn(resource.id);
    const input = { UserName: user.name, AccessKeyId: resource.id.split('|')[1] ?? '', Status: to['status'] ?? null };
    const switched = from['status'] === to['status'] ? [] : [call('UpdateAccessKey', input)];
    const anew = to['status'] === 'Inactive' && switched.length > 0;
    return [...switched, ...leadSessions(user, from['sessionsDenied'], to['sessionsDenied'], { anew })];
  },
  complete: completeSessions,
  remains: 'key-off',
};

/** A password that somebody else knows: taken away, since the old one cannot return. */
const loginProfile: CatalogueEntry = {
  row: 21,
  events: ['iam:CreateLoginProfile', 'iam:UpdateLoginProfile'],
  class: 'C',
  mode: 'approve',
  proof: 'emulator',
  resources: ({ request, response, account }) => {
    const name = textOf(request, 'userName') ?? textOf(objectOf(response, 'loginProfile'), 'userName');
    return name === null ? [] : [iamResource('LoginProfile', account, idOf({ kind: 'User', name }))];
  },
  read: async (caller, { id }) => {
    const user = principalIn(id);
    if ((await ask(caller, 'GetUser', { UserName: user.name })) === null) return null;
    const found = await ask(caller, 'GetLoginProfile', { UserName: user.name });
    const created = objectOf(found ?? {}, 'LoginProfile')['CreateDate'];
    return {
      password: found === null ? null : 'set',
      sessionsDenied: await readSessionsDenied(caller, user),
      '(created)': created instanceof Date ? created.getTime() : null,
    };
  },
  // What the password was before an update nobody knows: another one.
  before: ({ name }, current) => {
    if (current === null || current['password'] === null) return current;
    return { ...current, password: name.startsWith('Create') ? null : 'another' };
  },
  after: (_event, baseline) => (baseline === null ? null : { ...baseline, password: 'set' }),
  hindrance: ({ event, current }) =>
    Number(current?.['(created)'] ?? 0) > event.timeMs + SAME_MOMENT_MS
      ? 'the password was taken away and set anew since'
      : null,
  aim: (back, { event }) =>
    back === null
      ? null
      : { ...back, password: null, sessionsDenied: deniedSince(back['sessionsDenied'], event.timeMs) },
  lead: (from, to, { resource }) => {
    // A password cannot be given back.
    if (from === null || to === null || (from['password'] === null && to['password'] !== null)) return [];
    const user = principalIn(resource.id);
    const taken = from['password'] === to['password'] ? [] : [call('DeleteLoginProfile', { UserName: user.name })];
    const anew = taken.length > 0;
    return [...taken, ...leadSessions(user, from['sessionsDenied'], to['sessionsDenied'], { anew })];
  },
  complete: completeSessions,
  remains: 'password-anew',
};

/** A second factor is gone, and two codes of it would bring it back: a person reaches its owner. What would hold meanwhile is shown. */
const multiFactor: CatalogueEntry = {
  row: 27,
  events: ['iam:DeactivateMFADevice', 'iam:DeleteVirtualMFADevice'],
  class: 'C',
  mode: 'page',
  proof: 'none',
  // Deleting names the device only, and nobody's any more.
  resources: ({ request, account }) => {
    const name = textOf(request, 'userName');
    return name === null ? [] : [iamResource('MultiFactor', account, idOf({ kind: 'User', name }))];
  },
  read: async (caller, { id }) => {
    const user = principalIn(id);
    const devices = await askAll(caller, 'ListMFADevices', { UserName: user.name }, 'MFADevices');
    if (devices === null) return null;
    return {
      onlyWithSecondFactor: await readMultiFactorOnly(caller, user),
      '(devices)': sortedList(devices.map((one) => textOf(one, 'SerialNumber'))),
    };
  },
  before: (_event, current) => {
    const devices = current?.['(devices)'] ?? [];
    return current === null || (Array.isArray(devices) && devices.length > 0)
      ? current
      : { ...current, onlyWithSecondFactor: true };
  },
  after: (_event, baseline, _resource, current) => {
    const devices = current?.['(devices)'] ?? [];
    return baseline === null || (Array.isArray(devices) && devices.length > 0)
      ? baseline
      : { ...baseline, onlyWithSecondFactor: false };
  },
  lead: (_from, to, { resource }) => {
    if (to === null) return [];
    return [requireMultiFactor(principalIn(resource.id), to['onlyWithSecondFactor'] === true)];
  },
  remains: 'owner-locked-out',
};

export const credentialEntries: readonly CatalogueEntry[] = [accessKey, loginProfile, multiFactor];
