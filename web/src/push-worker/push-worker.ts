/**
 * The console's worker for pushes, served as `/push-worker.js`: shows a page that arrives, and leads to its case. It keeps nothing
 * and answers no requests of the console.
 *
 * The surprise: every push must show something, or the browser takes the permission away. One that cannot be read still says that
 * somebody is called.
 */
interface Shown {
  readonly title: string;
  readonly body: string;
  /** The case: its next page takes this one's place, and rings again. */
  readonly tag: string;
  readonly url: string;
  readonly urgent: boolean;
  readonly lang: string;
}

const worker = self as unknown as ServiceWorkerGlobalScope;
const UNREADABLE: Shown = {
  title: 'Countersign: a page',
  body: '',
  tag: 'countersign',
  url: '/',
  urgent: true,
  lang: 'en',
};

// Nothing of the console goes through this worker, so that a new one need not wait for old tabs to close.
worker.addEventListener('install', () => void worker.skipWaiting());

worker.addEventListener('push', (event) => {
  const { title, body, tag, url, urgent, lang } = read(event.data);
  const options = { body, tag, lang, renotify: true, requireInteraction: urgent, data: { url: pathOf(url) } };
  event.waitUntil(worker.registration.showNotification(title, options));
});

worker.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const { url } = event.notification.data as { readonly url: string };
  event.waitUntil(show(url));
});

/** The browser renewed its subscription by itself: the server has to hear of it. Chrome and Firefox say more or less of it. */
worker.addEventListener('pushsubscriptionchange', (event) => {
  event.waitUntil(
    resubscribe((event as Event & { readonly newSubscription?: PushSubscription | null }).newSubscription),
  );
});

function read(data: PushMessageData | null): Shown {
  try {
    const given = data?.json() as Partial<Shown> | null | undefined;
    if (typeof given?.title !== 'string' || given.title === '') return UNREADABLE;
    const text = (value: unknown, otherwise: string) => (typeof value === 'string' && value !== '' ? value : otherwise);
    return {
      title: given.title,
      body: text(given.body, ''),
      tag: text(given.tag, UNREADABLE.tag),
      url: text(given.url, '/'),
      urgent: given.urgent !== false,
      lang: text(given.lang, 'en'),
    };
  } catch {
    return UNREADABLE;
  }
}

/** Of the address only the path counts: a notification opens this console and nothing else. */
function pathOf(url: string): string {
  const { origin } = worker.location;
  return URL.canParse(url, origin) ? new URL(new URL(url, origin).pathname, origin).href : origin;
}

/** A tab that shows the case already is brought to the front; no other is led away from what somebody does there. */
async function show(url: string): Promise<void> {
  const tabs = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const open = tabs.find((tab) => tab.url.split(/[?#]/)[0] === url);
  if (open === undefined) await worker.clients.openWindow(url);
  else await open.focus();
}

async function resubscribe(renewed: PushSubscription | null | undefined): Promise<void> {
  const subscription = renewed ?? (await subscribe());
  if (subscription === null) return;
  await fetch('/api/me/push', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(subscription),
    credentials: 'same-origin',
  });
}

async function subscribe(): Promise<PushSubscription | null> {
  const response = await fetch('/api/me/notifications', { credentials: 'same-origin' });
  if (!response.ok) return null;
  const { pushKey } = (await response.json()) as { readonly pushKey: string | null };
  if (pushKey === null) return null;
  return worker.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: pushKey });
}
