/** This browser as a receiver of pushes: whether it can be notified, is, and what turns that on and off. */
import type { NotificationView, PushStart } from '@countersign/contract';
import { api } from './api.ts';

export type ThisBrowser =
  /** `off-here`: the server notifies no browsers; `unable`: this one takes no notifications; `forbidden`: somebody said so. */
  'off-here' | 'unable' | 'forbidden' | 'on' | 'off';

const WORKER = '/push-worker.js';

/** Somebody was asked by the browser, and did not allow it. */
export class NotAllowed extends Error {}

export async function lookAtThisBrowser({ pushKey, browsers }: NotificationView): Promise<ThisBrowser> {
  if (pushKey === null) return 'off-here';
  if (!('serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window)) return 'unable';
  if (Notification.permission === 'denied') return 'forbidden';
  const subscription = await subscriptionHere();
  // A browser that the server does not know is not notified, whatever it believes itself.
  const known = subscription !== null && browsers.includes(await digestOf(subscription.endpoint));
  return known && Notification.permission === 'granted' ? 'on' : 'off';
}

/** @throws NotAllowed; whatever else the browser says when its push service cannot be had. */
export async function notifyThisBrowser(pushKey: string): Promise<NotificationView> {
  if ((await Notification.requestPermission()) !== 'granted') throw new NotAllowed();
  await navigator.serviceWorker.register(WORKER);
  const { pushManager } = await navigator.serviceWorker.ready;
  // One from before may be bound to another key, or to another person who used this browser: its address ends here.
  await (await pushManager.getSubscription())?.unsubscribe();
  const subscription = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: pushKey });
  return api.startPush(subscription.toJSON() as PushStart);
}

export async function leaveThisBrowser(): Promise<NotificationView> {
  const subscription = await subscriptionHere();
  if (subscription === null) return api.notifications();
  // The server first: what it has forgotten rings no more, even where the browser fails to.
  const view = await api.endPush(subscription.endpoint);
  await subscription.unsubscribe();
  return view;
}

async function subscriptionHere(): Promise<PushSubscription | null> {
  const registration = await navigator.serviceWorker.getRegistration('/');
  return (await registration?.pushManager.getSubscription()) ?? null;
}

async function digestOf(endpoint: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(endpoint));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
