/** Running commands: what delays their end, what happens if they cannot be started. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/base/commands.ts';
import { startHelper } from '../../src/base/helper.ts';

let folder = '';
const at = (name: string) => join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-commands-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a command', () => {
  /** Leaves a process in its own session that holds the pipes, and writes its process ID to a file. */
  const LEAVES = `setsid sh -c 'echo $$ >"$0"; exec sleep 300' "$1" & while ! test -s "$1"; do :; done;`;

  async function leaving(then: string, timeout: number) {
    const file = at('pid');
    const result = await runCommand(['sh', '-c', `${LEAVES} ${then}`, 'sh', file], { timeout });
    const pid = Number(readFileSync(file, 'utf8'));
    process.kill(pid, 'SIGKILL'); // throws if it has ended
    return result;
  }

  it('that leaves a process with its pipes ends when it ends itself', async () => {
    expect(await leaving('echo done; exit 3', 30_000)).toMatchObject({
      status: 3,
      stdout: 'done\n',
      timedOut: false,
    });
  });

  it('that hangs, and leaves a process with its pipes, ends after the timeout', async () => {
    expect(await leaving('sleep 300', 500)).toMatchObject({ status: null, timedOut: true });
  });

  it('gives everything that it wrote before its end', async () => {
    const { stdout } = await runCommand(['sh', '-c', 'head -c 300000 /dev/zero'], {
      timeout: 30_000,
    });
    expect(stdout).toHaveLength(300_000);
  });

  it('that does not exist, or that the system refuses, is reported as a failure', async () => {
    const none = { status: null, stdout: '', stderr: '', timedOut: false };
    expect(await runCommand([at('none')], { timeout: 1000 })).toEqual({
      ...none,
      failure: 'ENOENT',
    });
    const long = 'x'.repeat(200_000);
    expect(await runCommand(['true', long], { timeout: 1000 })).toEqual({
      ...none,
      failure: 'E2BIG',
    });
  });
});

describe('without a free file descriptor', () => {
  async function exhausted<T>(work: () => Promise<T>): Promise<T> {
    const taken: number[] = [];
    try {
      for (;;) taken.push(openSync('/dev/null', 'r'));
    } catch {
      return await work();
    } finally {
      for (const fd of taken) closeSync(fd);
    }
  }

  it('a command fails', async () => {
    const result = await exhausted(() => runCommand(['true'], { timeout: 30_000 }));
    expect(result).toMatchObject({ status: null, failure: expect.stringMatching(/^E[MN]FILE$/) });
  });

  it('a helper could not be started', async () => {
    const { how, said } = await exhausted(async () => {
      const helper = startHelper(['cat'], undefined);
      helper.send('a line');
      helper.close();
      const { how } = await helper.ended;
      helper.kill();
      return { how, said: await helper.output.toArray().catch(() => []) };
    });
    expect(how).toMatch(/^cannot be started: E[MN]FILE$/);
    expect(said).toEqual([]);
  });
});
