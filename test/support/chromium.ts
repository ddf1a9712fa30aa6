/** A real browser for the tests of pages: Debian's chromium, without any network of its own. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
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

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Widths of a phone and of a screen, in both sets of colours. */
export const LOOKS = [
  [360, 'dark'],
  [360, 'light'],
  [1280, 'dark'],
  [1280, 'light'],
] as const;

/** What axe-core finds on a page, one line each. By the debugger's own way: a strict page allows no script from elsewhere. */
export async function checkAccess(page: Page): Promise<string[]> {
  return await page.evaluate(
    `${AXE}; axe.run(document, { resultTypes: ['violations'], iframes: false }).then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html.slice(0, 200))))`,
  );
}

/** What is wrong with a page at each of these looks: too wide, or not accessible. POSTERN_SHOTS=DIR keeps pictures. */
export async function findFlaws(page: Page, name: string): Promise<string[]> {
  const flaws: string[] = [];
  for (const [width, colorScheme] of LOOKS) {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme });
    const over = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
    if (over > 0) flaws.push(`${over} pixels too wide at ${width}`);
    flaws.push(...(await checkAccess(page)).map((flaw) => `${width} ${colorScheme} ${flaw}`));
    const { POSTERN_SHOTS: folder } = process.env;
    const path = `${folder}/${`${width}-${colorScheme}${name}`.replace(/\W+/g, '-').slice(0, 50)}.png`;
    if (folder !== undefined) await page.screenshot({ path, fullPage: true });
  }
  return flaws;
}
