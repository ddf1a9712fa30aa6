/** A backup that somebody has prepared, so that it does something when it is used. */
import Database from 'better-sqlite3';
import { afterAll, expect, it } from 'vitest';
import { checkCopy } from '../../src/store/backup.ts';
import { openStore } from '../support/database.ts';
import { scratchFolder } from '../support/folder.ts';

const folder = scratchFolder();
afterAll(() => folder.remove());

it.each([
  [
    'trigger no_blocks',
    'CREATE TRIGGER no_blocks AFTER INSERT ON block BEGIN DELETE FROM block; END',
  ],
  ['view all_blocks', 'CREATE VIEW all_blocks AS SELECT * FROM block'],
])('is refused with a %s', (name, statement) => {
  const copy = folder.at(`${name}.db`);
  const { store } = openStore(':memory:');
  store.copyTo(copy);
  store.close();
  expect(checkCopy(copy)).toMatchObject({ blocks: 0 });
  const db = new Database(copy);
  db.exec(statement);
  db.close();
  expect(() => checkCopy(copy)).toThrow(`not as Postern made it: it has ${name}`);
});
