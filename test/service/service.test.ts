/** The service over a scratch installation: real files, real SQLite, real time. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import {
  accepted,
  bounce,
  bounced,
  eventually,
  type RunningService,
  type Scratch,
  scratch,
} from './scratch.ts';

let installed: Scratch;
let service: RunningService | undefined;

afterEach(() => installed.remove());

function place(options: Parameters<typeof scratch>[0] = {}): Scratch {
  installed = scratch(options);
  return installed;
}

function start(at: Scratch): void {
  service = at.start();
}

async function stop(): Promise<void> {
  await service?.stop();
}

function map(at: Scratch, name = 'maps/sasl_access'): string {
  return existsSync(at.path(name)) ? readFileSync(at.path(name), 'utf8') : '';
}

function lists(at: Scratch, user: string): boolean {
  return map(at)
    .split('\n')
    .some((line) => line.startsWith(user));
}

const run = (at: Scratch, ...argv: string[]) => at.run(...argv);

const names = (count: number) =>
  Array.from({ length: count }, (_, index) => `nobody${index}@example.org`);

it('blocks a user over the limit, notifies once however often it is started, and leaves others alone', async () => {
  const at = place();
  start(at);
  at.write(...names(5).flatMap((name) => bounced('alice@example.net', name)));
  at.write(...names(4).flatMap((name) => bounced('bob@example.net', name)));
  expect(await eventually(() => at.mails().length > 0)).toBe(true);
  expect(map(at)).toMatch(/^alice@example\.net\tHOLD /m);
  expect(lists(at, 'bob@example.net')).toBe(false);
  for (let times = 0; times < 2; times++) {
    await stop();
    start(at);
    at.write(...bounced('alice@example.net', `again${times}@example.org`));
    const seen = () =>
      at.withStore(
        (store) => [...store.events.query({ recipient: `again${times}@example.org` })].length > 0,
      );
    expect(await eventually(seen)).toBe(true);
  }
  await stop();
  const mails = at.mails();
  expect(mails).toHaveLength(1);
  const [mail = ''] = mails;
  const decoded = mail.replaceAll('=\r\n', '').replaceAll('=\n', '').replaceAll('=3D', '=');
  for (const part of [
    'Auto-Submitted: auto-generated',
    'alice@example.net',
    '192.0.2.7',
    'nobody4@example.org',
    'User unknown',
    'postern unblock alice@example.net',
    'status=bounced',
  ]) {
    expect(decoded).toContain(part);
  }
});

it('attributes a bounce after a restart to the right user', async () => {
  const at = place();
  start(at);
  for (const name of names(4)) at.write(...bounced('alice@example.net', name));
  at.write(...accepted('alice@example.net'));
  expect(await eventually(() => at.withStore((store) => store.state.messageCount() === 1))).toBe(
    true,
  );
  await stop();
  at.write(...bounce('late@example.org'));
  start(at);
  expect(await eventually(() => lists(at, 'alice@example.net'))).toBe(true);
});

it('takes a line deleted by hand as unblock, and earlier events do not count again', async () => {
  const at = place();
  start(at);
  at.write(...names(5).flatMap((name) => bounced('alice@example.net', name)));
  expect(await eventually(() => lists(at, 'alice@example.net'))).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 1200)); // a file that is being edited is left alone for a second
  const kept = map(at)
    .split('\n')
    .filter((line) => !line.includes('alice@') && !line.includes('block 1'));
  writeFileSync(at.path('maps/sasl_access'), kept.join('\n'));
  expect(
    await eventually(() => at.withStore((store) => store.blocks.allRunning().length === 0)),
  ).toBe(true);
  at.write(...bounced('alice@example.net', 'one-more@example.org'));
  const seen = () =>
    at.withStore(
      (store) => [...store.events.query({ recipient: 'one-more@example.org' })].length > 0,
    );
  expect(await eventually(seen)).toBe(true);
  await stop();
  expect(lists(at, 'alice@example.net')).toBe(false);
  expect(
    at.withStore((store) => store.blocks.findByKey({ type: 'user', id: 'alice@example.net' })),
  ).toMatchObject([{ releasedBy: 'file' }]);
});

it('follows block and unblock while it runs, and the commands work without it', async () => {
  const at = place();
  start(at);
  expect(await eventually(() => existsSync(at.path('maps/sasl_access')))).toBe(true);
  expect(await run(at, 'block', 'carol@example.net', '--note', 'ticket 7')).toMatchObject({
    status: 0,
  });
  expect(await eventually(() => lists(at, 'carol@example.net'))).toBe(true);
  expect((await run(at, 'blocks')).out).toMatch(/^1 {2}carol@example\.net {2}manual "ticket 7"/);
  expect(await run(at, 'unblock', 'carol@example.net')).toMatchObject({ status: 0 });
  expect(await eventually(() => !lists(at, 'carol@example.net'))).toBe(true);
  await stop();
  expect(await run(at, 'block', '2001:db8::7')).toMatchObject({ status: 0 });
  expect(map(at, 'maps/client_access')).toMatch(/^2001:db8::\/64\s+HOLD/m);
  expect(await run(at, 'unblock', '2001:db8::7')).toMatchObject({ status: 0 });
  expect(map(at, 'maps/client_access')).not.toMatch(/^2001/m);
  expect(await run(at, 'unblock', '2001:db8::7')).toMatchObject({ status: 1 });
});

it('counts from zero after unblock of a block that a rule began while it ran', async () => {
  const at = place();
  start(at);
  at.write(...names(5).flatMap((name) => bounced('alice@example.net', name)));
  expect(await eventually(() => lists(at, 'alice@example.net'))).toBe(true);
  expect(await run(at, 'unblock', 'alice@example.net')).toMatchObject({ status: 0 });
  expect(await eventually(() => !lists(at, 'alice@example.net'))).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 1000)); // the service looks twice a second
  at.write(...names(4).flatMap((name) => bounced('alice@example.net', `second-${name}`)));
  const seen = () =>
    at.withStore(
      (store) => [...store.events.query({ recipient: 'second-nobody3@example.org' })].length > 0,
    );
  expect(await eventually(seen)).toBe(true);
  expect(lists(at, 'alice@example.net')).toBe(false);
  at.write(...bounced('alice@example.net', 'fifth@example.org'));
  expect(await eventually(() => lists(at, 'alice@example.net'))).toBe(true);
});

it('never blocks the allow list, postmaster and loopback, and reports that', async () => {
  const at = place({ extra: 'allow: { users: [ alice@example.net ] }' });
  start(at);
  for (const user of ['alice@example.net', 'postmaster@example.net']) {
    at.write(...names(6).flatMap((name) => bounced(user, name)));
  }
  expect(
    await eventually(() => at.withStore((store) => store.verdicts.between(0, 1e15).length === 2)),
  ).toBe(true);
  await stop();
  expect(
    at.withStore((store) => store.verdicts.between(0, 1e15).map(({ outcome }) => outcome)),
  ).toEqual(['allowed', 'allowed']);
  expect(lists(at, 'alice')).toBe(false);
  expect((await run(at, 'explain', 'alice@example.net')).out).toContain('the allow list names it');
  expect(await run(at, 'block', 'alice@example.net')).toMatchObject({ status: 1 });
});

it('stops at the cap of blocks per hour and notifies', async () => {
  const at = place({ extra: 'caps: { blocksPerHour: 2 }' });
  start(at);
  for (let user = 0; user < 4; user++) {
    at.write(...names(5).flatMap((name) => bounced(`user${user}@example.net`, name)));
  }
  expect(await eventually(() => at.mails().some((mail) => mail.includes('cap of 2 blocks')))).toBe(
    true,
  );
  await stop();
  expect(at.withStore((store) => store.blocks.allRunning().map(({ key }) => key.id))).toEqual([
    'user0@example.net',
    'user1@example.net',
  ]);
  expect(lists(at, 'user2@example.net')).toBe(false);
});

it('observe mode notifies and changes nothing', async () => {
  const at = place({ extra: 'mode: observe' });
  start(at);
  at.write(...names(5).flatMap((name) => bounced('alice@example.net', name)));
  expect(await eventually(() => at.mails().length === 1)).toBe(true);
  await stop();
  expect(existsSync(at.path('maps/sasl_access'))).toBe(false);
  expect(at.mails()[0]?.replaceAll(/=\r?\n/g, '')).toContain('only observes');
});

it('records old events and blocks nobody for them', async () => {
  const at = place();
  at.write(...names(9).flatMap((name) => bounced('alice@example.net', name, 3 * 86_400_000)));
  start(at);
  expect(
    await eventually(() => at.withStore((store) => store.verdicts.between(0, 1e15).length === 1)),
  ).toBe(true);
  await stop();
  expect(at.withStore((store) => store.verdicts.between(0, 1e15))).toMatchObject([
    { outcome: 'stale' },
  ]);
  expect(lists(at, 'alice@example.net')).toBe(false);
});

it('ends a block that expires', async () => {
  const rule =
    'name: r\ndescription: d\ncount: invalid\nper: user\nlimit: 3\nperiod: 1h\naction: block\nfor: 1s\n';
  const at = place({ rule });
  start(at);
  at.write(...names(3).flatMap((name) => bounced('alice@example.net', name)));
  expect(await eventually(() => lists(at, 'alice@example.net'))).toBe(true);
  expect(await eventually(() => !lists(at, 'alice@example.net'))).toBe(true);
  await stop();
  expect(at.withStore((store) => store.blocks.history(1))).toMatchObject([
    { releasedBy: 'expiry' },
  ]);
});

it('shows in status what is failing, and continues by itself when it is repaired', async () => {
  const at = place();
  writeFileSync(
    at.path('postern.yaml'),
    readFileSync(at.config, 'utf8').replace('maps/sasl_access', 'gone/sasl_access'),
  );
  start(at);
  at.write(...names(5).flatMap((name) => bounced('alice@example.net', name)));
  const failing = async () => (await run(at, 'status')).out.includes('the folder does not exist');
  let said = false;
  for (let times = 0; times < 100 && !said; times++) {
    said = await failing();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(said).toBe(true);
  expect((await run(at, 'status')).status).toBe(1);
  const { mkdirSync } = await import('node:fs');
  mkdirSync(at.path('gone'));
  expect(await eventually(() => map(at, 'gone/sasl_access').includes('alice@example.net'))).toBe(
    true,
  );
});
