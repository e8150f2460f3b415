/** A real Chromium for tests, with an empty profile; skipped with a reason where there is none. */
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { describeWith } from './data.ts';

const PROGRAM = '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const describeInBrowser = describeWith({ name: `Chromium at ${PROGRAM}`, present: existsSync(PROGRAM) });

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: PROGRAM, args: FLAGS });
}

export interface SignedIn {
  readonly browser: Browser;
  readonly running: { readonly app: { readonly url: string } };
  readonly person: { readonly cookie: string };
  /** What the page's console and its scripts complain about is added here. */
  readonly complaints: string[];
}

/** What nobody has signed in to yet: wide and in English unless said otherwise. */
export function openContext(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  return browser.newContext({
    viewport: { width: 1280, height: 860 },
    locale: 'en-GB',
    // A colour on its way is neither the one nor the other.
    reducedMotion: 'reduce',
    ...options,
  });
}

/** The same of somebody who is signed in. */
export async function openContextAs(
  { browser, running, person }: Omit<SignedIn, 'complaints'>,
  options: BrowserContextOptions = {},
): Promise<BrowserContext> {
  const context = await openContext(browser, options);
  const [name = '', value = ''] = person.cookie.split('=');
  await context.addCookies([{ name, value, url: running.app.url }]);
  return context;
}

/** A page of somebody who is signed in; nothing is open in it yet. */
export async function openPageAs(who: SignedIn, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await openContextAs(who, options);
  return openPageOf(context, who.complaints);
}

/** @param complaints what the page's console and its scripts complain about is added here */
export async function openPageOf(context: BrowserContext, complaints: string[]): Promise<Page> {
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  return page;
}
