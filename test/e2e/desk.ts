/**
 * What an operator clicks after a mail in the night, beside a real mail server: the block is seen, the evidence read, the
 * queue shown, mail deleted, held and released, the block ended. Each test builds on the one before. The page and
 * the service are the built program.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { formatUsers, hashPassword } from '../../src/web/users.ts';
import { startChromium } from '../support/chromium.ts';
import { readText, until } from '../support/folder.ts';
import { type Postern, setUpPostern } from '../support/postern.ts';
import { RULE } from '../support/rule.ts';
import { freePorts, spawnServer, stopServer } from '../support/server.ts';
import { type Sink, startSink, unknownNobody } from '../support/sink.ts';
import type { Rig } from './pipeline.ts';

const PROGRAM = resolve('dist/cli/main.js'); // scripts/prepare.mjs builds it before the tests
const PASSWORD = 'correct horse battery';
const ALICE = 'alice@example.net';

/** Registers the tests; `start` gets the port of the sink. */
export function testDesk(start: (sinkPort: number) => Promise<Rig>): void {
  let sink: Sink;
  let rig: Rig;
  let postern: Postern;
  let browser: Browser;
  let page: Page;
  let origin: string;
  let isOpen = false;
  const ends: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    const busy = { code: 451, text: '4.3.2 come back later' };
    sink = await startSink({
      onRecipient: (recipient) =>
        recipient.startsWith('wait') && !isOpen ? busy : unknownNobody(recipient),
    });
    ends.push(() => sink.stop());
    rig = await start(sink.port);
    ends.push(() => rig.stop());
    await rig.wire();
    const [port] = await freePorts(1);
    origin = `http://127.0.0.1:${port}`;
    postern = setUpPostern(configuration(rig, `inet:127.0.0.1:${port}`));
    ends.push(() => postern.remove());
    await preparePlace(postern.path);
    await postern.start();
    const web = await spawnPage(postern.path);
    ends.push(() => stopServer(web));
    browser = await startChromium();
    ends.push(() => browser.close());
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  }, 60_000);
  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  });

  const evidence = () => `${postern.log()}\n${rig.log()}`;
  const story = `/story?id=${encodeURIComponent(ALICE)}`;
  const main = () => page.getByRole('main');
  const submit = (...recipients: string[]) =>
    Promise.all(recipients.map((recipient) => rig.submit(ALICE, [recipient])));
  /** What alice sent: bounces to her and the notice may be in the queue, too. */
  const hers = async () =>
    (await rig.queue()).filter(({ recipients }) =>
      recipients.some((recipient) => recipient.endsWith('@example.org')),
    );
  /** Recipients in the queue, as the mail server says. */
  const queued = async (isHeld?: boolean) =>
    (await hers())
      .filter(({ held }) => isHeld === undefined || held === isHeld)
      .flatMap(({ recipients }) => recipients)
      .sort();
  const queueId = async (recipient: string) =>
    (await rig.queue()).find(({ recipients }) => recipients.includes(recipient))?.queueId ?? '';
  /** Loads the story again, with the queue as it is now. */
  const look = async () => {
    await page.goto(origin + story);
    await page.getByRole('table', { name: 'Queued messages' }).waitFor();
  };
  /** Ticks the messages to these recipients only. */
  const choose = async (...recipients: string[]) => {
    const rows = page.getByRole('table', { name: 'Queued messages' }).getByRole('row');
    for (const row of (await rows.all()).slice(1)) {
      const text = (await row.textContent()) ?? '';
      await row
        .getByRole('checkbox')
        .setChecked(recipients.some((recipient) => text.includes(recipient)));
    }
  };
  const click = async (name: string) => {
    await page.getByRole('button', { name, exact: true }).click();
    await page.locator('[data-focus]').waitFor();
    return (await page.locator('[data-focus]').textContent()) ?? '';
  };

  it('a login leads to the story that a mail named: blocked, with the evidence', async () => {
    await submit('wait1@example.org', 'wait2@example.org', 'wait3@example.org');
    await until('the deferrals', async () => (await queued()).length === 3, { evidence });
    for (let count = 0; count < 5; count++) await submit(`nobody${count}@example.org`);
    const isBlocked = async () => (await postern.command('blocks')).stdout.includes(ALICE);
    await until('the block', isBlocked, { evidence });
    await page.goto(origin + story);
    await page.getByLabel('Name').fill('ann');
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Log in' }).click();
    await main().getByText('Blocked: block 1').waitFor();
    await main().getByText('Have the password changed').waitFor();
    expect(await page.getByRole('table', { name: 'Recipients' }).textContent()).toContain(
      'User unknown',
    );
    await main().getByText('What went out before').waitFor();
  });

  it('what waits is shown as the mail server has it, and held', async () => {
    await until('the hold', async () => (await queued(true)).length === 3, { evidence });
    await look();
    const table = page.getByRole('table', { name: 'Queued messages' });
    for (const { queueId: id, recipients } of await hers())
      expect(await table.getByRole('row', { name: id }).textContent()).toContain(recipients[0]);
    expect(await table.getByRole('cell', { name: 'held' }).count()).toBe(3);
  });

  it('nothing is deleted that is not ticked twice; what is, is gone', async () => {
    await choose('wait1@');
    expect(await click('Delete')).toContain('Nothing was deleted');
    expect(await queued()).toHaveLength(3);
    await look();
    await choose('wait1@');
    await page.getByLabel('delete for good').check();
    expect(await click('Delete')).toMatch(/ {2}deleted\s+1 message deleted\./);
    expect(await queued()).toEqual(['wait2@example.org', 'wait3@example.org']);
  });

  it('mail that has left the queue since it was listed is said to be gone', async () => {
    await look();
    const gone = await queueId('wait2@example.org');
    await rig.remove(gone);
    isOpen = true;
    const said = await click('Release');
    expect(said).toContain(`No message with the queue ID ${gone} is in the queue.`);
    expect(said).toContain('1 message released.');
    expect(said).toContain('1 message left the queue, 0 still there');
    expect(sink.recipients).toContain('wait3@example.org');
    isOpen = false;
  });

  it('mail that comes while the block runs is held, and released after the unblock', async () => {
    await until(
      'mail to be held',
      async () => {
        await submit('friend@example.org');
        return (await queued(true)).includes('friend@example.org');
      },
      { evidence },
    );
    await page.goto(origin + story);
    expect(await click('Unblock')).toContain(`${ALICE} is no longer blocked (block 1).`);
    await page.getByRole('table', { name: 'Queued messages' }).waitFor();
    sink.clear();
    expect(await click('Release')).toContain('0 still there');
    expect(sink.recipients).toContain('friend@example.org');
  });

  it('mail is held by hand, and asked for again', async () => {
    await submit('wait4@example.org');
    await until('the deferral', async () => (await queued()).length === 1, { evidence });
    await look();
    expect(await click('Hold')).toContain('1 message held.');
    expect(await queued(true)).toEqual(['wait4@example.org']);
    await look();
    await click('Release');
    expect(await queued(false)).toEqual(['wait4@example.org']);
    isOpen = true;
    await look();
    expect(await click('Release')).toContain('1 message left the queue, 0 still there');
  });

  it('who did what stands in explain, on the page and in the log', async () => {
    const { stdout } = await postern.command('explain', '1', '--utc');
    const deeds = [...stdout.matchAll(/^ {2}\S+ \S+ {2}(.* by .*)$/gm)].map(([, what]) => what);
    expect(deeds).toEqual([
      'delete 1 queued message by ann',
      'release 1 queued message by ann',
      'it ends: postern unblock by ann',
      expect.stringMatching(/^release \d+ queued messages? by ann$/),
      'hold 1 queued message by ann',
      'release 1 queued message by ann',
      'release 1 queued message by ann',
    ]);
    await page.goto(origin + story);
    await main().getByText('delete 1 queued message by ann').waitFor();
    await main().getByText('it ends: postern unblock by ann').waitFor();
    expect(readText(join(postern.path, 'web.out'))).toMatch(
      /"who":"ann","what":"delete 1 queued message"/,
    );
  });
}

/** Starts the page of the configuration there, and waits until it listens. */
async function spawnPage(path: string, prefix: readonly string[] = []) {
  const output = join(path, 'web.out');
  const argv = [process.execPath, PROGRAM, 'web', '--config', join(path, 'postern.yaml')];
  const web = spawnServer([...prefix, ...argv], { output });
  const log = () => readText(output);
  await until('the page to start', () => log().includes('"web page"'), { evidence: log });
  return web;
}

/** A page without a browser, for one person who acts. */
export interface DeskPage {
  logIn(): Promise<void>;
  get(path: string): Promise<string>;
  /** Sends a form; returns the page that follows. */
  act(name: string, fields: Readonly<Record<string, string>>): Promise<string>;
  stop(): Promise<void>;
}

/** Starts one beside a mail server, as another account; `prepare` gets the folder with its configuration. */
export async function startDeskPage(
  rig: Rig,
  { account, prepare }: { account: { uid: number; gid: number }; prepare(path: string): void },
): Promise<DeskPage> {
  const [port] = await freePorts(1);
  const origin = `http://127.0.0.1:${port}`;
  const place = setUpPostern(configuration(rig, `inet:127.0.0.1:${port}`));
  await preparePlace(place.path);
  prepare(place.path);
  const { uid, gid } = account;
  const web = await spawnPage(place.path, [
    ...['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'],
  ]);
  let cookie = '';
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(origin + path, { redirect: 'manual', ...init, headers: { cookie, origin } });
  const send = (path: string, fields: Readonly<Record<string, string>>) =>
    ask(path, { method: 'POST', body: new URLSearchParams(fields) });
  const get = async (path: string) => await (await ask(path)).text();
  return {
    get,
    async logIn() {
      const { headers } = await send('/login', { name: 'ann', password: PASSWORD, next: '/' });
      cookie = headers.get('set-cookie')?.split(';')[0] ?? '';
    },
    async act(name, fields) {
      const token = /name="token" value="(\w+)"/.exec(await get('/'))?.[1] ?? '';
      const { headers } = await send(`/act/${name}`, { ...fields, token });
      return await get(headers.get('location') ?? '/');
    },
    async stop() {
      await stopServer(web);
      await place.remove();
    },
  };
}

async function preparePlace(path: string): Promise<void> {
  mkdirSync(join(path, 'rules'));
  writeFileSync(join(path, 'rules/rule.yaml'), RULE);
  const password = await hashPassword(PASSWORD, { log: 4, r: 8, p: 1 });
  const users = new Map([['ann', { name: 'ann', role: 'act', password } as const]]);
  writeFileSync(join(path, 'web.users'), formatUsers(users));
}

function configuration(rig: Rig, listen: string): string {
  return `${rig.yaml}
database: postern.db
rules: rules
trustedNetworks: [ 198.51.100.0/24, "2001:db8:1::/64" ]
notify: { to: abuse@example.net, from: postern@example.net, smtp: { host: 127.0.0.1, port: ${rig.port} } }
web: { users: web.users, listen: "${listen}" }
`;
}
