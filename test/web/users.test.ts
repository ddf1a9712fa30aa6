/** Who may use the page: the file, the command that writes it, and the settings of the page. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/base/commands.ts';
import { parseConfig } from '../../src/config/load.ts';
import { hashPassword, isPassword, parseUsers } from '../../src/web/users.ts';
import { type Scratch, scratch } from '../service/scratch.ts';

const PROGRAM = resolve('dist/cli/main.js');

describe('a password', () => {
  it('is known again, in either form of its letters, and no other one is', async () => {
    const password = await hashPassword('Zw\u00f6lf Boxk\u00e4mpfer');
    expect(password).toMatch(/^scrypt,15,8,3,[\w-]{22},[\w-]{43}$/);
    const user = { name: 'ann', role: 'act', password } as const;
    expect(await isPassword('Zwo\u0308lf Boxka\u0308mpfer', user)).toBe(true);
    expect(await isPassword('Zwolf Boxkampfer', user)).toBe(false);
  });
});

describe('the file', () => {
  it.each([
    ['ann:root:-', 'users:1: expected name:role:password'],
    ['# ok\n\nann:act', 'users:3: expected name:role:password'],
    ['ann:act:secret', 'users:1: expected name:role:password'],
    ['a b:act:-', 'users:1: expected name:role:password'],
    ['ann:act:-\nann:view:-', 'users:2: expected each name once'],
  ])('%j is refused', (text, message) => {
    expect(() => parseUsers(text, 'users')).toThrow(message);
  });
});

describe('postern web password', () => {
  let at: Scratch;
  afterEach(() => at.remove());
  const run = (input: string, ...words: string[]) => {
    writeFileSync(at.path('input'), input);
    // What is typed never stands in an argument.
    const argv = ['/bin/sh', '-c', 'exec "$0" "$@" < "$POSTERN_INPUT"', process.execPath, PROGRAM];
    const env = { ...process.env, POSTERN_INPUT: at.path('input') };
    return runCommand([...argv, 'web', ...words, '--config', at.config], { timeout: 30_000, env });
  };

  it('says in plain words that the folder of the file does not exist', async () => {
    at = scratch({ extra: 'web: { users: no/web.users }\n' });
    expect(await at.run('web', 'password', 'pat', '--proxy')).toMatchObject({
      status: 1,
      err: `postern: ${at.path('no/web.users')}: cannot write: the folder does not exist (ENOENT)\n`,
    });
  });

  it('writes a file that only its owner and the service may read', async () => {
    at = scratch({ extra: 'web: { users: web.users }\n' });
    expect(await run('short\n', 'password', 'ann')).toMatchObject({ status: 2 });
    const done = await run('correct horse battery\n', 'password', 'ann', '--role', 'act');
    expect(done).toMatchObject({ status: 0, stdout: 'ann may use the page (role: act).\n' });
    expect(statSync(at.path('web.users')).mode & 0o777).toBe(0o640);
    const users = parseUsers(readFileSync(at.path('web.users'), 'utf8'), 'web.users');
    expect(await isPassword('correct horse battery', users.get('ann'))).toBe(true);
    expect((await at.run('web', 'password', 'pat', '--proxy')).out).toContain('(role: view)');
    expect((await at.run('web', 'users')).out).toBe(
      'ann  act\npat  view  by the reverse proxy only\n',
    );
    expect((await at.run('web', 'remove', 'ann')).status).toBe(0);
    expect((await at.run('web', 'remove', 'ann')).err).toContain('ann is not in');
  });

  it('says what is missing: a name, or the section', async () => {
    at = scratch();
    expect((await at.run('web', 'users')).err).toContain('web: expected a section, found nothing');
    writeFileSync(at.config, `${readFileSync(at.config, 'utf8')}\nweb: {}\n`);
    expect((await at.run('web', 'password', 'a:b')).err).toContain('expected a name of letters');
    rmSync(at.config);
  });
});

describe('docs/web.md', () => {
  it.each(
    [...readFileSync('docs/web.md', 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml]) =>
      (yaml as string).replace(/^ {3}/gm, ''),
    ),
  )('shows settings that are right: %j', (yaml) => {
    expect(parseConfig(yaml, '/etc/postern/postern.yaml').web).toBeDefined();
  });

  it('shows what explain prints', () => {
    // What test/web/app.test.ts finds in the real output.
    expect(readFileSync('docs/web.md', 'utf8')).toMatch(
      /^ {4}2\d{3}-\d\d-\d\d \d\d:\d\d\+01:00 {2}it ends: postern unblock by ann$/m,
    );
  });
});

describe('the settings', () => {
  const problems = (web: string) => {
    try {
      parseConfig(`web: ${web}\n`, '/etc/postern/postern.yaml');
      return 'none';
    } catch (error) {
      return (error as Error).message;
    }
  };

  it.each([
    ['{}', 'none'],
    ['{ listen: "inet:0.0.0.0:8025" }', 'add anyAddress: true'],
    ['{ listen: "inet:0.0.0.0:8025", anyAddress: true }', 'expected origin'],
    ['{ listen: "inet:0.0.0.0:8025", anyAddress: true, origin: "https://p.example.net" }', 'none'],
    ['{ origin: "https://p.example.net/path" }', 'expected an address such as https'],
    ['{ proxy: { from: [ 127.0.0.1 ] } }', 'expected no loopback address'],
    ['{ proxy: { from: [ "::ffff:127.0.0.1" ] } }', 'expected no loopback address'],
    ['{ proxy: { userHeader: "a b" } }', 'expected the name of a header'],
  ])('%s: %s', (web, expected) => {
    expect(problems(web)).toContain(expected);
  });
});
