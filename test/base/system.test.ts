/** Commands and files of the operating system: what holds a command up, what a kill leaves behind, who owns what. */
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceFile, runCommand, startHelper } from '../../src/base/system.ts';
import { HOUR } from '../../src/base/time.ts';

let folder = '';
const at = (name: string) => join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-system-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const isRoot = process.getuid?.() === 0;

describe('a command', () => {
  /** Leaves a process in a session of its own that keeps the pipes, and tells its number. */
  const LEAVES = `setsid sh -c 'echo $$ >"$0"; exec sleep 300' "$1" & while ! test -s "$1"; do :; done;`;

  async function leaving(then: string, timeout: number) {
    const file = at('pid');
    const result = await runCommand(['sh', '-c', `${LEAVES} ${then}`, 'sh', file], { timeout });
    const pid = Number(readFileSync(file, 'utf8'));
    process.kill(pid, 'SIGKILL'); // throws when it does not live
    return result;
  }

  it('that leaves somebody with its pipes has ended when it has ended', async () => {
    expect(await leaving('echo done; exit 3', 30_000)).toMatchObject({
      status: 3,
      stdout: 'done\n',
      timedOut: false,
    });
  });

  it('that hangs, and leaves somebody with its pipes, is over after its time', async () => {
    expect(await leaving('sleep 300', 500)).toMatchObject({ status: null, timedOut: true });
  });

  it('gives all that it wrote before its end', async () => {
    const { stdout } = await runCommand(['sh', '-c', 'head -c 300000 /dev/zero'], {
      timeout: 30_000,
    });
    expect(stdout).toHaveLength(300_000);
  });

  it('that does not exist, or that the system refuses, is a failure', async () => {
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

describe('without a free descriptor', () => {
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

  it('a command is a failed command', async () => {
    const result = await exhausted(() => runCommand(['true'], { timeout: 30_000 }));
    expect(result).toMatchObject({ status: null, failure: expect.stringMatching(/^E[MN]FILE$/) });
  });

  it('a helper is one that could not be started', async () => {
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

describe('replacing a file', () => {
  const LEFT = '.blocked.0123456789ab';
  const old = (name: string, age: number) => {
    writeFileSync(at(name), 'half a');
    utimesSync(at(name), new Date(Date.now() - age), new Date(Date.now() - age));
  };

  it('removes what a kill left of it, once nobody can be at work there', () => {
    old(LEFT, 2 * HOUR);
    old('.blocked.ffffffffffff', HOUR / 2);
    const others = ['.blocked.0123456789', '.blocked.new.0123456789ab', '.blocked.0123456789AB'];
    for (const name of [...others, 'blocked.0123456789ab']) old(name, 2 * HOUR);
    mkdirSync(at('.blocked.aaaaaaaaaaaa'));
    utimesSync(at('.blocked.aaaaaaaaaaaa'), 1, 1);
    replaceFile(at('blocked'), 'new');
    const kept = ['.blocked.ffffffffffff', ...others, 'blocked.0123456789ab'];
    expect(readdirSync(folder).toSorted()).toEqual(
      ['blocked', '.blocked.aaaaaaaaaaaa', ...kept].toSorted(),
    );
    expect(readFileSync(at('blocked'), 'utf8')).toBe('new');
  });

  it('leaves none when it fails', () => {
    const check = () => {
      throw new Error('changed');
    };
    expect(() => replaceFile(at('blocked'), 'new', 0o644, check)).toThrow('changed');
    expect(readdirSync(folder)).toEqual([]);
  });

  /** Ours is the group, not the file: what a service without rights meets in a folder that its group may write. */
  it.runIf(isRoot)('keeps the group where the owner cannot be kept', () => {
    const [service, group] = [64_713, 64_714];
    writeFileSync(at('blocked'), 'old');
    chownSync(at('blocked'), 0, group);
    chmodSync(at('blocked'), 0o640);
    chmodSync(folder, 0o777);
    const groups = process.getgroups?.() ?? [];
    process.setgroups?.([group]);
    process.seteuid?.(service);
    try {
      replaceFile(at('blocked'), 'new');
    } finally {
      process.seteuid?.(0);
      process.setgroups?.(groups);
    }
    const { uid, gid, mode } = statSync(at('blocked'));
    expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: service, gid: group, mode: 0o640 });
  });
});
