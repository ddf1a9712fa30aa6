/** A reader that does not end when it is told to, or leaves a process behind: the step continues. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../../src/base/log.ts';
import { systemClock } from '../../../src/base/time.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { runStep } from '../../../src/daemon/enforce/step.ts';
import { until } from '../../support/folder.ts';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'postern-session-')));
  mkdirSync(join(folder, 'state'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function start(script: string, once: boolean) {
  const controller = new AbortController();
  const text = `mta: exim
enforcer: separate
database: state/postern.db
targets: { exim: { blockedUsers: users, blockedSenders: senders } }`;
  const done = runStep({
    config: parseConfig(text, join(folder, 'postern.yaml')),
    clock: systemClock,
    log: silentLog,
    reader: ['/bin/sh', '-c', `${script}`, join(folder, 'pids')],
    once,
    patience: 50,
    signal: controller.signal,
  });
  return { controller, done };
}

/** The process numbers that the reader has written to its file, as soon as they are complete. */
async function pidsOf(count: number): Promise<number[]> {
  const file = join(folder, 'pids');
  const pids = () =>
    existsSync(file) ? readFileSync(file, 'utf8').split(' ').filter(Boolean) : [];
  return await until('the reader', () => pids().length === count && pids().map(Number));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // Its parent may not have waited for it yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('a reader that is told to end', () => {
  it.each([
    ['ignores it', 'printf "$$ " >> "$0"; exec sleep 300', 1],
    ['has a child that ignores it', 'sleep 300 & printf "$! $$ " >> "$0"; exec sleep 300', 2],
    ['ends and leaves a child behind', 'sleep 300 & printf "$! " >> "$0"; read all; cat', 1],
  ])('and %s is killed', async (_what, script, count) => {
    const { controller, done } = start(script, false);
    const pids = await pidsOf(count);
    controller.abort();
    await expect(done).resolves.toBe(true);
    await until('its end', () => !pids.some(isAlive));
  });

  it('and leaves a process in another session behind is not waited for', async () => {
    const script = `setsid sh -c 'printf "$$ " >> "$0"; exec sleep 300' "$0" & read all; cat`;
    const { controller, done } = start(script, false);
    const [pid = 0] = await pidsOf(1);
    controller.abort();
    await expect(done).resolves.toBe(true);
    process.kill(pid, 'SIGKILL'); // throws when it does not live
  });
});

it('a reader that has ended is not waited for, whatever process has its end of the pipe', async () => {
  const { done } = start(`setsid sh -c 'printf "$$ " >> "$0"; exec sleep 300' "$0" & exit 3`, true);
  await expect(done).resolves.toBe(false);
  const [pid = 0] = await pidsOf(1);
  process.kill(pid, 'SIGKILL');
});
