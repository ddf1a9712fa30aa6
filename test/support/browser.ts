/** A real browser (Debian's chromium), for pages. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { available } from './server.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);

/** Says when the tests are not run. */
export function hasBrowser(): boolean {
  return available('chromium', CHROMIUM === undefined ? 'it is not installed' : undefined);
}

/** Close it at the end. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM as string,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
