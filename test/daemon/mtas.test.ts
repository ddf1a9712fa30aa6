/** The tables of mail servers: a mail server that one of them lacks is noticed here, not by an operator. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const SRC = join(import.meta.dirname, '../../src');

const files = readdirSync(SRC)
  .map((folder) => `${folder}/mtas.ts`)
  .filter((file) => existsSync(join(SRC, file)));

it('there is one for lines and one for the daemon', () => {
  expect(files).toEqual(expect.arrayContaining(['daemon/mtas.ts', 'interpret/mtas.ts']));
});

it.each(files)('%s has every mail server', async (file) => {
  const { createParsers } = await import('../../src/interpret/mtas.ts');
  const module: Record<string, unknown> = await import(join(SRC, file));
  const tables = Object.values(module).filter((value) => typeof value === 'object');
  expect(tables).not.toEqual([]);
  for (const table of tables) {
    expect(Object.keys(table as object).sort()).toEqual(Object.keys(createParsers()).sort());
  }
});
