/** The service inside the daemon: it knows of a block when the database does, and of its end. */
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { bounced, type RunningService, type Scratch, scratch } from '../service/scratch.ts';
import { exchange, requestText } from './client.ts';

const ALICE = 'alice@example.net';
const HOLD = 'action=HOLD blocked by postern\n\n';
const DUNNO = 'action=DUNNO\n\n';

let at: Scratch;

beforeEach(() => {
  at = scratch();
});
afterEach(() => at.remove());

async function start(extra = ''): Promise<RunningService> {
  appendFileSync(at.config, `policy: { listen: "unix:${at.path('policy')}" }\n${extra}`);
  const service = at.start();
  await answers(DUNNO, 'nobody@example.net');
  return service;
}

const ask = (user: string) =>
  exchange({ path: at.path('policy') }, requestText({ sasl_username: user })).catch(String);
const answers = (expected: string, user = ALICE) =>
  expect.poll(() => ask(user), { timeout: 30_000 }).toBe(expected);
const attack = () =>
  at.write(...[1, 2, 3, 4, 5].flatMap((n) => bounced(ALICE, `nobody${n}@example.org`)));

/** Like the operator's commands: from another process, through the database. */
const block = (end?: number) =>
  at.withStore((store) =>
    store.blocks.start({
      key: { type: 'user', id: ALICE },
      cause: 'manual',
      start: Date.now(),
      end,
    }),
  );
const unblock = () =>
  at.withStore((store) => {
    for (const { id } of store.blocks.allRunning())
      store.blocks.release(id, Date.now(), 'operator', store.events.newest());
  });

it('holds a user over the limit, and nobody else; still after a restart', async () => {
  const service = await start();
  attack();
  await answers(HOLD);
  expect(await ask('bob@example.net')).toBe(DUNNO);
  await service.stop();
  at.start();
  await answers(HOLD);
});

it('holds though no block file can be written', async () => {
  rmSync(at.path('maps'), { recursive: true });
  writeFileSync(at.path('maps'), 'no folder');
  await start();
  attack();
  await answers(HOLD);
});

it('follows an operator who blocks and unblocks', async () => {
  await start();
  block();
  await answers(HOLD);
  unblock();
  await answers(DUNNO);
});

it('follows an operator who deletes the line', async () => {
  await start();
  attack();
  await answers(HOLD);
  const map = at.path('maps/sasl_access');
  const content = () => readFileSync(map, 'utf8');
  await expect.poll(content, { timeout: 30_000 }).toContain(`${ALICE}\tHOLD`);
  writeFileSync(map, content().replace(/^alice.*\n/m, ''));
  await answers(DUNNO);
});

it('ends a block with its time', async () => {
  await start();
  block(Date.now() + 2000);
  await answers(HOLD);
  await answers(DUNNO);
});

it('answers what the map of that kind says', async () => {
  const text = readFileSync(at.config, 'utf8');
  writeFileSync(
    at.config,
    text.replace('type: texthash }', 'type: texthash, action: REJECT, text: Call us }'),
  );
  await start();
  block();
  await answers('action=REJECT Call us\n\n');
});

it('holds nobody while it only observes', async () => {
  await start('mode: observe\n');
  block();
  await expect.poll(() => at.withStore((store) => store.blocks.allRunning().length)).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(await ask(ALICE)).toBe(DUNNO);
});

it('reports in its state that it cannot listen, and does the rest of its work', async () => {
  appendFileSync(at.config, `policy: { listen: "unix:${at.path('missing/policy')}" }\n`);
  at.start();
  attack();
  const file = at.path('maps/sasl_access');
  const map = () => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  await expect.poll(map, { timeout: 30_000 }).toContain(`${ALICE}\tHOLD`);
  const health = () => at.withStore((store) => store.state.read('health'));
  await expect.poll(health).toMatchObject({ policy: expect.stringContaining('is missing') });
});
