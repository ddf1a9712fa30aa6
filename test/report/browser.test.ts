/** The HTML report in a real browser: on a phone and on a desk, light and dark, sorted, and never off its file. */
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bounced, type Scratch, scratch } from '../service/scratch.ts';
import { findFlaws, hasChromium, startChromium } from '../support/chromium.ts';
import { fillBusyDay, HOSTILE } from './busy-day.ts';

/** No column is wide enough for it. */
const LONG = `${'a-very-long-login-'.repeat(8)}@example.net`;

describe.runIf(hasChromium())('the HTML report in chromium', () => {
  let at: Scratch;
  let browser: Browser;
  let file: string;
  beforeAll(async () => {
    at = scratch();
    fillBusyDay(at);
    at.write(...[1, 2, 3, 4, 5, 6].flatMap((n) => bounced(LONG, `n${n}@example.org`)));
    const { out } = await at.run('report', '--day', '2026-11-10', '--utc', '--format', 'html');
    file = at.path('report.html');
    writeFileSync(file, out);
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser.close();
    await at.remove();
  });

  /** The page at this width, and what went wrong on it. */
  async function open(
    width: number,
    colorScheme: 'light' | 'dark' = 'light',
    javaScriptEnabled = true,
  ) {
    const context = await browser.newContext({
      viewport: { width, height: 800 },
      colorScheme,
      javaScriptEnabled,
    });
    const page = await context.newPage();
    const wrong: string[] = [];
    page.on('console', (message) => wrong.push(message.text()));
    page.on('pageerror', (error) => wrong.push(error.message));
    page.on('request', (request) => {
      if (request.url() !== pathToFileURL(file).href) wrong.push(request.url());
    });
    await page.goto(pathToFileURL(file).href);
    return { page, wrong };
  }

  const read = <T>(page: Page, code: string) => page.evaluate<T>(code);

  it.each([
    [360, 'light'],
    [360, 'dark'],
    [1280, 'light'],
    [1280, 'dark'],
  ] as const)('at %i pixels, %s, does not overflow, and has no error', async (width, scheme) => {
    const { page, wrong } = await open(width, scheme);
    expect(await read<number>(page, 'document.documentElement.scrollWidth')).toBeLessThanOrEqual(
      width,
    );
    const color = await read<string>(page, 'getComputedStyle(document.body).backgroundColor');
    expect(color).toBe(scheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(22, 24, 27)');
    expect(wrong).toEqual([]);
  });

  it('draws three charts in colours, with a text for those who do not see them', async () => {
    const { page } = await open(1280);
    const charts = page.getByRole('img');
    expect(await charts.count()).toBe(3);
    const [first] = await charts.all();
    expect(await first?.getAttribute('aria-labelledby')).toBe('chart-mail');
    const fill = await read<string>(page, `getComputedStyle(document.querySelector('rect')).fill`);
    expect(fill).toBe('rgb(47, 111, 159)');
    const label = await read<string>(page, `document.getElementById('chart-mail').textContent`);
    expect(label).toMatch(/^Recipients over time: delivered \d+, deferred \d+, failed \d+\./);
  });

  it('sorts a table by a click and by a key', async () => {
    const { page, wrong } = await open(1280);
    const column = () =>
      read<string[]>(
        page,
        `[...document.querySelectorAll('#senders + .scroll tbody tr')].map((row) => row.cells[0].textContent)`,
      );
    const before = await column();
    const button = page.locator('#senders + .scroll').getByRole('button', { name: 'Messages' });
    await button.click();
    expect(await column()).toEqual(before.toSorted((a, b) => Number(a) - Number(b)));
    await button.press('Enter');
    expect(await column()).toEqual(before.toSorted((a, b) => Number(b) - Number(a)));
    expect(wrong).toEqual([]);
  });

  it('can be read without a script', async () => {
    const { page } = await open(360, 'light', false);
    expect(await page.getByText('Who sends most').isVisible()).toBe(true);
    expect(await page.getByRole('button').count()).toBe(0);
    expect(await page.getByRole('cell', { name: HOSTILE }).first().isVisible()).toBe(true);
  });

  it('runs no script that is put into it', async () => {
    const page = await (await browser.newContext()).newPage();
    const errors: string[] = [];
    page.on('console', (message) => errors.push(message.text()));
    const html = readFileSync(file, 'utf8').replace(
      '<main>',
      '<main><script>document.title = "x"</script>',
    );
    await page.setContent(html);
    expect(await page.title()).toMatch(/^Postern report/);
    expect(errors.join()).toContain('Content Security Policy');
  });

  describe('is whole and accessible at both widths and in both sets of colours:', () => {
    it.each([
      ['a day with hostile names', ['report', '--day', '2026-11-10', '--utc', '--format', 'html']],
      ['a week', ['report', '--week', '2026-W46', '--utc', '--format', 'html']],
      ['a day without anything', ['report', '--day', '2026-01-01', '--utc', '--format', 'html']],
      ['a replay', ['replay', 'mail.log', '--html']],
      ['a replay of nothing', ['replay', '/dev/null', '--html']],
    ] as const)('%s', async (name, words) => {
      const argv = words.map((word) => (word === 'mail.log' ? at.log : word));
      const { status, out } = await at.run(...argv);
      expect(status).toBe(0);
      const page = await (await browser.newContext()).newPage();
      const errors: string[] = [];
      page.on('console', (message) => errors.push(message.text()));
      page.on('request', (request) => errors.push(request.url()));
      await page.setContent(out);
      expect(await findFlaws(page, `-report-${name}`)).toEqual([]);
      // Each chart has a text for those who do not see it, and each table can be sorted.
      const texts = await read<string[]>(
        page,
        `[...document.querySelectorAll('svg')].map((svg) => document.getElementById(svg.getAttribute('aria-labelledby')).textContent)`,
      );
      for (const text of texts) expect(text).toMatch(/: .*Highest: /);
      const heads = page.locator('thead th');
      expect(await heads.getByRole('button').count()).toBe(await heads.count());
      expect(errors).toEqual([]);
      await page.context().close();
    });
  });

  it('shows a replay in the same way', async () => {
    at.write(
      ...[1, 2, 3, 4, 5, 6].flatMap((n) => bounced('alice@example.net', `n${n}@example.org`)),
    );
    const { out } = await at.run('replay', at.log, '--html');
    const page = await (
      await browser.newContext({ viewport: { width: 360, height: 800 } })
    ).newPage();
    const errors: string[] = [];
    page.on('console', (message) => errors.push(message.text()));
    await page.setContent(out);
    expect(await read<number>(page, 'document.documentElement.scrollWidth')).toBeLessThanOrEqual(
      360,
    );
    expect(await page.getByRole('img').count()).toBe(1);
    expect(await page.getByRole('button', { name: 'Would be caught by' }).count()).toBe(0);
    expect(await page.getByRole('cell', { name: 'alice@example.net' }).count()).toBe(2);
    expect(errors).toEqual([]);
  });
});
