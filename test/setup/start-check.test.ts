/** What stops `postern run` at its start, and what it waits for. */
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PosternError } from '../../src/base/errors.ts';
import { openConfig } from '../../src/config/load.ts';
import { checkStart } from '../../src/setup/start-check.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';

let folder: Folder;
beforeEach(() => {
  folder = scratchFolder('postern-start-');
});
afterEach(() => folder.remove());

/** What it says, one line a problem, with @ for the folder; empty when it may start. */
function start(text: string, status = 2): string[] {
  folder.write('p.yaml', text);
  try {
    checkStart(openConfig(folder.at('p.yaml')));
    return [];
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    expect([error.code, error.exitStatus]).toEqual(['cannot-start', status]);
    return error.message.replaceAll(folder.path, '@').split('\n');
  }
}

const HERE = 'database: postern.db\nlogs: [ mail.log ]\n';
const GONE = 'targets: { postfix: { user: { file: gone/users } } }\n';
const MISSING = 'the folder @/gone does not exist (install -d -m 0750 @/gone)';

describe('the start', () => {
  it.each<[string, string, string[]]>([
    ['waits for a log that is not there', HERE, []],
    ['waits for the folder of a block file', HERE + GONE, []],
    [
      'wants a database to be a file',
      'database: maps\nlogs: [ mail.log ]\n',
      ['@/p.yaml:1: database: @/maps is not a regular file (name a file; Postern creates it)'],
    ],
    [
      'wants each log once, whatever its name',
      'database: postern.db\nlogs: [ one.log, link.log ]\n',
      [
        '@/p.yaml:2: logs: @/link.log is the same file as @/one.log: its lines would count twice (name each log once)',
      ],
    ],
    [
      'tells everything at once',
      `logs: [ maps ]\ndatabase: gone/postern.db\nmta: exim\n`,
      [
        '@/p.yaml:1: logs: @/maps is not a regular file (name the log file that the mail server writes; if it logs only to the journal, write journal: there)',
        `@/p.yaml:2: database: ${MISSING}`,
      ],
    ],
  ])('%s', (_, text, expected) => {
    mkdirSync(folder.at('maps'));
    folder.write('one.log', '');
    symlinkSync(folder.at('one.log'), folder.at('link.log'));
    expect(start(text)).toEqual(expected);
  });

  it.skipIf(process.getuid?.() === 0)('does not begin with a database that it may not use', () => {
    folder.write('postern.db', '');
    chmodSync(folder.at('postern.db'), 0o400);
    const mine = `uid ${process.getuid?.()}`;
    expect(start(HERE, 1)).toEqual([
      `@/p.yaml:1: database: @/postern.db cannot be written by ${mine} (chown or chmod @/postern.db)`,
    ]);
  });

  // systemd starts the service again after status 1, and not after 2.
  it('does not give up for a folder of the database that may still come', () => {
    expect(start('database: gone/postern.db\n', 1)).toEqual([`@/p.yaml:1: database: ${MISSING}`]);
  });
});
