/** A database while it is made: nobody may take it for that of another program. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { isForeign } from '../../src/store/header.ts';
import { scratchFolder } from '../support/folder.ts';

const DATABASES = 40;
const folder = scratchFolder();
afterAll(() => folder.remove());

const MAKE = `
  const { openDatabase } = await import(process.argv[1]);
  for (let at = 0; at < ${DATABASES}; at++) openDatabase(process.argv[2] + at).close();
`;

it('shows from its first page whose it is', async () => {
  const module = pathToFileURL(resolve('src/store/database.ts')).href;
  const argv = ['--input-type=module', '--eval', MAKE, module, folder.at('postern.db')];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(child, 'exit');
  let foreign = 0;
  while (child.exitCode === null) {
    for (let at = 0; at < DATABASES; at++) if (isForeign(folder.at(`postern.db${at}`))) foreign++;
    await nextTurn();
  }
  expect(await ended).toEqual([0, null]);
  expect(foreign).toBe(0);
});
