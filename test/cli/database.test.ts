/** Commands on a database that they cannot use: somebody else's, one that is just being made, one that is locked. */
import { readdirSync, readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/commands.ts';
import { APPLICATION_ID } from '../../src/store/header.ts';
import { Store } from '../../src/store/store.ts';
import { openStore } from '../support/database.ts';
import { scratchFolder } from '../support/folder.ts';

const folder = scratchFolder('postern-database-');
afterAll(() => folder.remove());
folder.write('mail.log', '');

/** A database of plain SQL, and a configuration that names it. */
function sqlite(name: string, sql: string): void {
  const db = new Database(folder.at(`${name}.db`));
  db.exec(sql);
  db.close();
  folder.write(`${name}.yaml`, `database: ${name}.db\nlogs: [ mail.log ]\nmode: observe\n`);
}

async function run(name: string, ...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const io = {
    stdout: (text: string) => void out.push(text),
    stderr: (text: string) => void err.push(text),
  };
  const status = await main([...argv, '--config', folder.at(`${name}.yaml`)], io);
  return { status, out: out.join(''), err: err.join('').replaceAll(folder.path, '@') };
}

const besides = (name: string) =>
  readdirSync(folder.path).filter((other) => other.startsWith(`${name}.db-`));

const WRITING = [
  ['block', 'x@example.net'],
  ['unblock', 'y@example.net'],
];
const COMMANDS = [['status'], ['events'], ['run'], ...WRITING];

describe.each([
  ['plain', 'CREATE TABLE mine (a)'],
  ['numbered', 'CREATE TABLE mine (a); PRAGMA user_version = 1'],
  ['logged', 'PRAGMA journal_mode = WAL; CREATE TABLE mine (a)'],
])('a database of another program (%s)', (name, sql) => {
  it.each(COMMANDS)('%s: one line, exit status 2, untouched', async (...argv) => {
    sqlite(name, `DROP TABLE IF EXISTS mine; ${sql}`);
    const before = readFileSync(folder.at(`${name}.db`));
    expect(await run(name, ...argv)).toEqual({
      status: 2,
      out: '',
      err: `postern: @/${name}.db: this SQLite database is not Postern's; name another file as database, or move this one away\n`,
    });
    expect(readFileSync(folder.at(`${name}.db`))).toEqual(before);
    expect(besides(name)).toEqual([]);
  });
});

describe('a database that the service is just making', () => {
  it.each([['status'], ...WRITING])('%s leaves it to the service', async (...argv) => {
    sqlite('begun', `PRAGMA application_id = ${APPLICATION_ID}; PRAGMA journal_mode = WAL`);
    const { status, err } = await run('begun', ...argv);
    expect({ status, err }).toMatchObject({
      status: 1,
      err: expect.stringContaining('there is no database yet'),
    });
    const db = new Database(folder.at('begun.db'), { readonly: true });
    expect(db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get()).toBe(0);
    db.close();
  });

  it('says whose it is from its first page on', () => {
    const store = new Store(folder.at('first.db'));
    const header = readFileSync(folder.at('first.db')).subarray(0, 100);
    expect(header.readUInt32BE(68)).toBe(APPLICATION_ID);
    store.close();
  });
});

describe('a database that another process keeps locked', () => {
  it.each(WRITING)('%s: one line, exit status 1', async (...argv) => {
    sqlite('locked', '');
    const { store, db } = openStore(folder.at('locked.db'));
    store.blocks.start({ key: { type: 'user', id: 'y@example.net' }, cause: 'manual', start: 1 });
    db.exec('BEGIN IMMEDIATE');
    try {
      expect(await run('locked', ...argv)).toEqual({
        status: 1,
        out: '',
        err: 'postern: cannot use the database: database is locked\n',
      });
    } finally {
      store.close();
    }
  });
});
