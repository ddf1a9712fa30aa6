/** What `postern status` says of the logs, over a scratch installation. */
import {
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
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
const patience = { timeout: 15_000 };

it('shows a log that cannot be read after a rotation, until it can be', async () => {
  at.write(...bounced('alice@example.net', 'nobody@example.org'));
  at.start();
  await expect.poll(shown, patience).toContain(`log ${at.log}: 0 bytes behind`);
  renameSync(at.log, `${at.log}.1`);
  mkdirSync(at.log);
  await expect.poll(shown, patience).toContain(`log ${at.log}: CANNOT BE READ`);
  const failing = await status();
  expect(failing.exit).toBe(1);
  expect(failing.text).toContain(`  ${at.log}: cannot be read (EISDIR: `);
  // Nothing that grows: it would be written twice a second.
  expect(at.withStore((store) => store.state.read('health'))).toEqual({
    logs: [{ path: at.log, failure: expect.stringMatching(/^EISDIR/) }],
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
