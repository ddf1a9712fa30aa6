/** The folder in which Node.js keeps compiled code: made and read only if nobody else can have written there. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Folder, scratchFolder } from '../support/folder.ts';

describe('compiled code', () => {
  let installed: Folder;

  beforeEach(() => {
    installed = scratchFolder();
    cpSync('dist/cli', installed.at('dist/cli'), { recursive: true });
    cpSync('package.json', installed.at('package.json'));
  });
  afterEach(() => installed.remove());

  const kept = () => {
    const folders = readdirSync(installed.at('dist/compiled'));
    return folders.flatMap((folder) => readdirSync(installed.at(`dist/compiled/${folder}`)));
  };
  /** What Node.js says that it did with compiled code. */
  function run(account?: number): string {
    const argv = [installed.at('dist/cli/main.js'), '--version'];
    const env = { PATH: process.env.PATH, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' };
    const who = account === undefined ? {} : { uid: account, gid: account };
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
      encoding: 'utf8',
      env,
      ...who,
    });
    expect({ status, version: stdout.split('\n').at(-2) ?? '' }, stderr).toEqual({
      status: 0,
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    });
    return stdout + stderr;
  }

  it('is kept by the first command and taken by the next one, in a folder that only its owner may enter', () => {
    expect(run()).toMatch(/writing cache for CommonJS \S+\/start\.js/);
    expect(statSync(installed.at('dist/compiled')).mode & 0o777).toBe(0o700);
    expect(kept()).toHaveLength(1);
    expect(run()).toMatch(/V8 code cache for CommonJS \S+\/start\.js was accepted/);
  });

  it('is not taken for a program that changed', () => {
    run();
    installed.write('dist/cli/start.js', `${installed.read('dist/cli/start.js')}\n;`);
    expect(run()).not.toContain('was accepted');
    expect(run()).toContain('was accepted');
  });

  it.each([0o750, 0o707, 0o777])(
    'is neither kept nor taken where others may enter, mode %o',
    (mode) => {
      run();
      chmodSync(installed.at('dist/compiled'), mode);
      expect(run()).not.toContain('compile cache');
    },
  );

  it('is not kept behind a link', () => {
    mkdirSync(installed.at('elsewhere'), { mode: 0o700 });
    symlinkSync(installed.at('elsewhere'), installed.at('dist/compiled'));
    expect(run()).not.toContain('compile cache');
    expect(readdirSync(installed.at('elsewhere'))).toEqual([]);
  });

  it('is not kept under the name of a file', () => {
    installed.write('dist/compiled', 'a file\n');
    expect(run()).not.toContain('compile cache');
    expect(installed.read('dist/compiled')).toBe('a file\n');
  });

  it.runIf(process.getuid?.() === 0)('is only of the account that owns the program', () => {
    expect(run(4711)).not.toContain('compile cache');
    expect(readdirSync(installed.at('dist'))).toEqual(['cli']);
    chownSync(installed.at('dist'), 4711, 4711);
    expect(run(), 'root does not take what somebody else may have written').not.toContain(
      'compile cache',
    );
    expect(run(4711)).toMatch(/writing cache/);
    expect(statSync(installed.at('dist/compiled')).uid).toBe(4711);
  });
});
