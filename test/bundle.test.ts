/** dist/cli as scripts/build.mjs makes it: what a small command loads, and where an error came from. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generateLog } from '../bench/generate.ts';

const MAIN = resolve('dist/cli/main.js'); // scripts/prepare.mjs builds it before the tests

/** Runs the program after a line of code. */
function runAfter(code: string, flags: readonly string[], ...args: readonly string[]) {
  const hook = `data:text/javascript,${encodeURIComponent(`import module from 'node:module';${code}`)}`;
  const argv = [...flags, '--import', hook, MAIN, ...args];
  return spawnSync(process.execPath, argv, { encoding: 'utf8', env: { PATH: process.env.PATH } });
}

describe('the bundle', () => {
  it('loads nothing for --version but what it needs to read the command line', () => {
    const code = `process.on('exit', () => console.error(Object.keys(module._cache).join('\\n')));`;
    const { stdout, stderr } = runAfter(code, [], '--version');
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(
      stderr
        .trim()
        .split('\n')
        .map((path) => basename(path))
        .sort(),
    ).toEqual(['main.js', 'rolldown-runtime.js', 'start.js']);
  });

  it('needs no package but those that package.json names', () => {
    const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(Object.keys(dependencies)).toEqual(['better-sqlite3']);
    const code = `process.on('exit', () => console.error(Object.keys(module._cache).join('\\n')));`;
    const { stderr } = runAfter(code, [], 'blocks', '--config', '/nonexistent.yaml');
    const loaded = stderr.split('\n').filter((path) => path.includes('/node_modules/'));
    expect(loaded.filter((path) => !path.includes('/node_modules/better-sqlite3/'))).toEqual([]);
  });

  it.each(['status', 'blocks'])('does not load the wordings of replies for %s', (command) => {
    const code = `process.on('exit', () => console.error(Object.keys(module._cache).join('\\n')));`;
    const { stderr } = runAfter(code, [], command, '--config', '/nonexistent.yaml');
    const loaded = stderr.split('\n').map((path) => basename(path));
    expect(loaded).toContain('common.js');
    expect(loaded).not.toContain('classify.js');
  });

  it('has no letter beyond ASCII, which would double its memory, and means the same', () => {
    for (const name of readdirSync(resolve('dist/cli')).filter((file) => file.endsWith('.js')))
      expect(readFileSync(resolve('dist/cli', name), 'latin1'), name).toMatch(/^[\x00-\x7f]*$/);
    const replies = ['550 Пользователь не найден', '550 用户不存在', '550 użytkownik nieznany'];
    const { stdout } = runAfter('', [], 'classify', ...replies);
    expect(stdout.match(/invalid-recipient/g)).toHaveLength(replies.length);
  });

  it('names the line of the source in a stack trace, if Node is asked to', () => {
    const code = `process.exit = () => { throw new Error('a bug'); };`;
    const { stderr } = runAfter(code, ['--enable-source-maps'], '--version');
    expect(stderr).toMatch(/at \S*.*\/src\/cli\/main\.ts:\d+:\d+\)?\n/);
  });

  it('replays a log with a second thread as without', () => {
    const log = [...generateLog({ mta: 'postfix', prefix: 'rfc3339', lines: 100_000 })].join('');
    const replay = (command: string, ...args: readonly string[]) =>
      spawnSync(command, [...args, MAIN, 'replay', '-'], {
        encoding: 'utf8',
        input: log,
      });
    const one = replay('taskset', '--cpu-list', '0', process.execPath);
    expect(one.stdout).toMatch(/^100000 lines, [3-9]\d{4} events/);
    expect(replay(process.execPath)).toMatchObject({ status: 0, stdout: one.stdout, stderr: '' });
  });

  it('has the licenses of the packages that are in it', () => {
    const licenses = readFileSync(resolve('dist/cli/LICENSES.txt'), 'utf8');
    for (const name of ['commander', 'yaml', 'zod'])
      expect(licenses).toMatch(new RegExp(`^${name} \\S+: \\S+\\n\\n[\\s\\S]*?permi`, 'm'));
  });
});
