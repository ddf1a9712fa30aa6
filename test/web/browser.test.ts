/**
 * The page in a real browser: whole stories clicked and typed, every page at two widths, light and dark, with an
 * accessibility checker. With POSTERN_SHOTS=DIR, each page is left there as a picture.
 */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveWeb } from '../../src/web/serve.ts';
import { bounced, eventually, type RunningService } from '../service/scratch.ts';
import { findFlaws, hasChromium, startChromium } from '../support/chromium.ts';
import { freePorts } from '../support/server.ts';
import { PASSWORD, type Place, place } from './place.ts';

/** A login, a recipient and a note that would be a script if any of them were not escaped. */
const HOSTILE = '"><img/src=x/onerror=alert(1)>';
const PAGES = [
  '/',
  '/blocks?state=all',
  '/story?id=alice%40example.net',
  `/story?id=${encodeURIComponent(`user:${HOSTILE}`)}`,
  '/events',
  '/events?since=nonsense',
  '/report',
  '/rules',
  '/rules/try?rule=invalid-recipients&limit=2',
  '/rules/tuning',
  '/milter',
  '/listings',
  '/audit',
  '/actions',
  '/nowhere',
] as const;

describe.runIf(hasChromium())('in a browser', () => {
  let at: Place;
  let service: RunningService;
  let browser: Browser;
  let serving: Promise<void>;
  let origin: string;
  const ending = new AbortController();
  /** what the browser asked for outside, what went wrong, and dialogs that a script opened */
  const strays: string[] = [];

  beforeAll(async () => {
    const [port] = await freePorts(1);
    origin = `http://127.0.0.1:${port}`;
    at = await place('', `inet:127.0.0.1:${port}`);
    service = at.start();
    for (let count = 0; count < 6; count++) {
      at.write(...bounced('alice@example.net', `nobody${count}@example.org`));
      at.write(...bounced('bob@example.net', `${HOSTILE}${count}@example.org`));
    }
    for (let count = 0; count < 3; count++) at.write(...bounced(HOSTILE, `x${count}@example.org`));
    const running = () => at.desk.store.blocks.allRunning();
    expect(await eventually(() => running().length === 2)).toBe(true);
    await at.run('block', '192.0.2.9', '--note', HOSTILE);
    serving = serveWeb(at.desk, ending.signal);
    browser = await startChromium();
  });

  afterAll(async () => {
    await browser?.close();
    ending.abort();
    await serving;
    await service?.stop();
    await at?.remove();
  });

  async function open(options: Parameters<Browser['newContext']>[0] = {}): Promise<BrowserContext> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      ...options,
    });
    context.on('page', (page) => {
      page.on('request', (request) => {
        if (!request.url().startsWith(`${origin}/`)) strays.push(`asked ${request.url()}`);
      });
      page.on('pageerror', (error) => strays.push(`${page.url()}: ${error.message}`));
      page.on('dialog', (dialog) => {
        strays.push(`${page.url()}: a script opened ${dialog.message()}`);
        void dialog.dismiss();
      });
      page.on('console', (line) => {
        if (line.type() === 'error' && !/status of 40\d/.test(line.text()))
          strays.push(`${page.url()}: ${line.text()}`);
      });
    });
    return context;
  }

  async function logIn(page: Page, path = '/', name = 'ann'): Promise<void> {
    await page.goto(origin + path);
    await page.getByLabel('Name').fill(name);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.waitForURL(origin + path);
  }

  it('a link in a mail leads past the login to the story, and an unblock ends it', async () => {
    const context = await open();
    const page = await context.newPage();
    await logIn(page, '/story?id=alice%40example.net');
    const main = page.getByRole('main');
    await main.getByText('Blocked: block').waitFor();
    await main.getByText('the first event that counts').waitFor();
    await main.getByText('the limit of invalid-recipients is met (in 1h)').waitFor();
    expect(await page.getByRole('table', { name: 'Recipients' }).textContent()).toContain(
      'nobody0@example.org',
    );
    expect(await main.locator('pre').allTextContents()).toContainEqual(
      expect.stringContaining('User unknown'),
    );
    await main.locator('.chart canvas').waitFor();
    // Logged in, a link from another site arrives logged in.
    const mail = await context.newPage();
    await mail.setContent(`<a href="${origin}/story?id=alice%40example.net">alice is blocked</a>`);
    await mail.getByRole('link').click();
    await mail.getByRole('button', { name: 'Unblock' }).waitFor();
    await page.getByRole('button', { name: 'Unblock' }).click();
    await main.getByText('alice@example.net is no longer blocked').waitFor();
    // The tab that was open all the time.
    await mail.getByRole('button', { name: 'Unblock' }).click();
    await mail.getByText('has ended already (ann). Nothing was changed.').waitFor();
    await main.getByText('it ends: postern unblock by ann').waitFor();
    expect((await at.run('explain', 'alice@example.net')).out).toContain(
      'it ends: postern unblock by ann',
    );
    await context.close();
  });

  it('the keyboard is enough: to log in, skip to the list, open a story and block', async () => {
    const context = await open();
    const page = await context.newPage();
    await page.goto(`${origin}/login`);
    const press = (...keys: string[]) =>
      keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
    const focused = () =>
      page.evaluate('document.activeElement.textContent || document.activeElement.name');
    await press('Tab');
    expect(await focused()).toBe('Skip to the content');
    await press('Tab');
    await page.keyboard.type('ann');
    await press('Tab');
    await page.keyboard.type(PASSWORD);
    await press('Enter');
    await page.waitForURL(`${origin}/`);
    await page.goto(`${origin}/story?id=carol%40example.net`);
    await press('Tab', 'Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    await press('Tab');
    expect(await focused()).toContain('until released');
    await press('Tab');
    await page.keyboard.type('at the phone');
    await press('Tab', 'Enter');
    await page.getByText('carol@example.net is blocked').waitFor();
    expect(at.desk.store.blocks.running({ type: 'user', id: 'carol@example.net' })).toMatchObject({
      note: 'at the phone',
    });
    await context.close();
  });

  it('filters, a tried limit and the pages that htmx loads work', async () => {
    const context = await open();
    const page = await context.newPage();
    await logIn(page, '/blocks', 'vic');
    await page.getByLabel('Who, cause or note').fill('bob');
    await page.getByRole('button', { name: 'Show' }).click();
    const rows = page.getByRole('table', { name: 'Blocks' }).getByRole('row');
    expect(await rows.allTextContents()).toEqual([
      expect.stringContaining('No.'),
      expect.stringContaining('bob@example.net'),
    ]);
    await page.goto(`${origin}/rules`);
    await page.getByRole('textbox', { name: 'Limit' }).fill('2');
    await page.getByRole('button', { name: 'Try it' }).click();
    await page.getByText('Limit 2 (tried): 3 keys would have met it').waitFor();
    expect(page.url()).toBe(`${origin}/rules`);
    await page.getByRole('table', { name: 'Near misses' }).getByText(HOSTILE).waitFor();
    await page.goto(`${origin}/report?since=7d`);
    await page.frameLocator('iframe').getByText('bob@example.net').first().waitFor();
    await context.close();
  });

  describe('at 360 and 1280 pixels, light and dark, is whole and accessible:', () => {
    let page: Page;
    beforeAll(async () => {
      page = await (await open()).newPage();
    });
    afterAll(() => page.context().close());

    async function look(path: string): Promise<string[]> {
      await page.goto(origin + path, { waitUntil: 'networkidle' });
      return await findFlaws(page, path);
    }

    it('the login, where the browser gets in', async () => {
      expect(await look('/login')).toEqual([]);
      await logIn(page);
    });

    it.each(PAGES)('%s', async (path) => {
      expect(await look(path)).toEqual([]);
    });
  });

  it('asks nothing of another host, runs nobody’s script, and logs no error', () => {
    expect(strays).toEqual([]);
  });
});
