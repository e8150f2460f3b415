/** A real Chromium for tests, with an empty profile; skipped with a reason where there is none. */
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
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

/** A page of somebody who is signed in, wide and in English unless said otherwise; nothing is open in it yet. */
export async function openPageAs(
  { browser, running, person, complaints }: SignedIn,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 860 },
    locale: 'en-GB',
    // A colour on its way is neither the one nor the other.
    reducedMotion: 'reduce',
    ...options,
  });
  const [name = '', value = ''] = person.cookie.split('=');
  await context.addCookies([{ name, value, url: running.app.url }]);
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  return page;
}
