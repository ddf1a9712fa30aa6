/** What `postern status` says of the logs, over a scratch installation. */
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { positionBeforeLive } from '../../src/follow/rotation.ts';
import { bounced, type Scratch, scratch } from './scratch.ts';

let at: Scratch;

beforeEach(() => {
  at = scratch();
});
afterEach(() => at.remove());

async function status() {
  const { status, out, err } = await at.run('status');
  return { exit: status, text: out + err };
}

const shown = async () => (await status()).text;
const patience = { timeout: 30_000 };

it('shows a log that cannot be read after a rotation, until it can be', async () => {
  at.write(...bounced('alice@example.net', 'nobody@example.org'));
  at.start();
  await expect.poll(shown, patience).toContain(`log ${at.log}: 0 bytes behind`);
  renameSync(at.log, `${at.log}.1`);
  mkdirSync(at.log);
  await expect.poll(shown, patience).toContain(`log ${at.log}: CANNOT BE READ`);
  const failing = await status();
  expect(failing.exit).toBe(1);
  expect(failing.text).toContain(`  ${at.log}: cannot be read (it is a folder, not a file)`);
  // Nothing that grows: it would be written twice a second.
  const health = () => at.withStore((store) => store.state.read('health'));
  await expect.poll(health, patience).toEqual({
    logs: [{ path: at.log, failure: 'it is a folder, not a file' }],
    losses: 0,
  });
  rmSync(at.log, { recursive: true });
  at.write(...bounced('alice@example.net', 'nobody@example.org'));
  await expect.poll(shown, patience).toContain(`log ${at.log}: 0 bytes behind`);
  await expect.poll(status, patience).toMatchObject({ exit: 0 });
});

it('reports in one line a log that is a link to itself', async () => {
  at.withStore(() => {});
  symlinkSync(at.log, at.log);
  const { exit, text } = await status();
  expect(exit).toBe(1);
  expect(text).toContain(`log ${at.log}: CANNOT BE READ\n`);
  expect(text).toMatch(new RegExp(`^  ${at.log}: cannot be read \\(ELOOP: .*\\)$`, 'm'));
  expect(text).not.toContain('    at ');
});

it('reports a log below a file as missing', async () => {
  at.withStore(() => {});
  writeFileSync(at.path('file'), '');
  writeFileSync(at.config, `database: postern.db\nlogs: [ file/mail.log ]\n`);
  expect(await shown()).toContain(`${at.path('file/mail.log')}: there is no such log`);
});

it('a log without a line is not behind, and not rotated', async () => {
  writeFileSync(at.log, '');
  at.withStore((store) => store.state.savePosition(at.log, positionBeforeLive(at.log)));
  expect(await shown()).toContain(`log ${at.log}: 0 bytes behind`);
  writeFileSync(at.log, 'line\n');
  expect(await shown()).toContain(`log ${at.log}: 5 bytes behind`);
});

it('does not repeat what a service reported that has ended', async () => {
  writeFileSync(at.log, '');
  const logs = [{ path: at.log, failure: 'EACCES: permission denied' }];
  at.withStore((store) =>
    store.state.write('health', { logs, losses: 2, policy: 'unix:/p: gone' }),
  );
  const { text } = await status();
  expect(text).toContain('postern run is not running');
  expect(text).toContain('lost lines 2 times');
  expect(text).not.toMatch(/EACCES|policy/);
});

it('counts what a copytruncate left unread while the service was stopped', async () => {
  at.write(...bounced('alice@example.net', 'nobody@example.org'));
  const service = at.start();
  await expect.poll(shown, patience).toContain(`log ${at.log}: 0 bytes behind`);
  await service.stop();
  const lines = bounced('bob@example.net', 'nobody@example.org');
  const unread = lines.reduce((bytes, line) => bytes + line.length + 1, 0);
  at.write(...lines);
  copyFileSync(at.log, `${at.log}.1`);
  truncateSync(at.log);
  expect(await shown()).toContain(`log ${at.log}: ${unread} bytes behind`);
  at.write('one more');
  expect(await shown()).toContain(`log ${at.log}: ${unread + 9} bytes behind`);
  const again = at.start();
  await expect.poll(shown, patience).toContain(`log ${at.log}: 0 bytes behind`);
  await again.stop();
});

it('says how large the database is, and how much of it is free', async () => {
  at.withStore(() => {});
  expect(await shown()).toMatch(/^database: \d+\.\d MB, 0\.0 MB of it free$/m);
  const { out } = await at.run('status', '--format', 'json');
  expect(JSON.parse(out).database).toEqual({ bytes: expect.any(Number), free: 0, shrinks: true });
});

it.each([
  ['a FIFO', ['mkfifo']],
  ['a device', ['mknod', 'c', '1', '5']],
])('shows that a log is %s, and the service neither hangs nor ends', async (kind, make) => {
  at.write(...bounced('alice@example.net', 'nobody@example.org'));
  at.start();
  await expect.poll(shown, patience).toContain(`log ${at.log}: 0 bytes behind`);
  renameSync(at.log, `${at.log}.1`);
  const [program = '', ...rest] = make;
  spawnSync(program, [at.log, ...rest]);
  await expect.poll(shown, patience).toContain(`log ${at.log}: CANNOT BE READ`);
  const failing = await status();
  expect(failing.exit).toBe(1);
  expect(failing.text).toContain(`  ${at.log}: cannot be read (it is ${kind}, not a file)`);
  rmSync(at.log);
  at.write(...bounced('alice@example.net', 'nobody@example.org'));
  await expect.poll(shown, patience).toContain(`log ${at.log}: 0 bytes behind`);
  await expect.poll(status, patience).toMatchObject({ exit: 0 });
});

it('quotes no line of a log that is a FIFO now', async () => {
  at.write(...[1, 2, 3, 4, 5].flatMap((n) => bounced('alice@example.net', `n${n}@example.org`)));
  at.start();
  const explained = async () => (await at.run('explain', 'alice@example.net')).out;
  await expect.poll(explained, patience).toContain('Log lines');
  rmSync(at.log);
  spawnSync('mkfifo', [at.log]);
  expect(await explained()).not.toContain('Log lines');
});

describe('a line of the year 9999', () => {
  const future = (lines: readonly string[]) =>
    lines.map((line) => line.replace(/^\S+/, '9999-12-31T23:59:59.000Z'));

  it('is said, and counts for nothing', async () => {
    at.write(...bounced('alice@example.net', 'a@example.org'));
    at.write(...future(bounced('alice@example.net', 'b@example.org')));
    at.write(...bounced('alice@example.net', 'c@example.org'));
    at.start();
    await expect
      .poll(shown, patience)
      .toContain(
        '5 lines with a time far in the future, up to 9999-12-31T23:59:59.000Z: not counted; check the clock',
      );
    const { exit, text } = await status();
    expect(exit).toBe(1);
    expect(text).toContain('0 bytes behind');
    expect(text).toMatch(/^newest event: 20/m);
    expect(text).toContain('open messages: 0 ');
    const recipients = at.withStore((store) =>
      [...store.events.query({ kinds: ['bounced'] })].map(({ event }) => event.recipient),
    );
    expect(recipients).toEqual(['a@example.org', 'c@example.org']);
  });

  it('does not keep the rule from what comes after it, also after a restart', async () => {
    at.write(...future(bounced('alice@example.net', 'a@example.org')));
    const service = at.start();
    await expect.poll(shown, patience).toContain('5 lines with a time far in the future');
    await service.stop();
    at.start();
    at.write(...[1, 2, 3, 4, 5].flatMap((n) => bounced('alice@example.net', `n${n}@example.org`)));
    await expect.poll(shown, patience).toContain('blocks: 1 ');
  });
});

it('a stamp without a year keeps its year behind a line of the year 9999', async () => {
  const now = new Date();
  const [, day = '', month, , time] = now.toUTCString().split(' ');
  const stamp = `${month} ${String(Number(day)).padStart(2)} ${time}`;
  const stamped = (text: string, lines: readonly string[]) =>
    lines.map((line) => line.replace(/^\S+/, text));
  at.write(...stamped('9999-11-30T10:00:00Z', bounced('alice@example.net', 'a@example.org')));
  at.write(...stamped(stamp, bounced('bob@example.net', 'b@example.org')));
  appendFileSync(at.config, 'zone: UTC\n');
  at.start();
  await expect.poll(shown, patience).toContain(`newest event: ${now.toISOString().slice(0, 10)}`);
});

/** A foreign client of its own for each number is refused. */
function refuse(now: string, n: number): string {
  const client = `unknown[${[11 + (n >> 16), (n >> 8) & 255, n & 255, 7].join('.')}]`;
  return `${now} mx postfix/smtpd[9]: NOQUEUE: reject: RCPT from ${client}: 550 5.1.1 <x@example.net>: Recipient address rejected: User unknown in virtual mailbox table; from=<y@example.org> to=<x@example.net> proto=ESMTP helo=<z>`;
}

it('says that the rules had no memory for more keys', async () => {
  const rule =
    'name: harvest\ncount: invalid\nper: client\nlimit: 20\nperiod: 1d\naction: observe\n';
  writeFileSync(at.path('rules/rule.yaml'), rule);
  const now = new Date().toISOString();
  at.write(Array.from({ length: 330_000 }, (_, n) => refuse(now, n)).join('\n'));
  at.start();
  await expect
    .poll(shown, { timeout: 200_000, interval: 1000 })
    .toContain('more users, clients and other keys than the rules have memory for');
}, 240_000);
