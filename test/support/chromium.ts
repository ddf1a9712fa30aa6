/** A real browser for the tests of pages: Debian's chromium, without any network of its own. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { available } from './server.ts';

const PROGRAM = '/usr/bin/chromium';
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Whether there is a browser; says why the tests are not run if there is none. */
export const hasChromium = () =>
  available('browser', existsSync(PROGRAM) ? undefined : `${PROGRAM} is missing`);

export function startChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: PROGRAM, args: FLAGS });
}
