/** A file that is read again when it has changed. */
import { readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ChangedFile, readStamp } from '../../src/base/changed-file.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';

let folder: Folder;
let file: string;
beforeEach(() => {
  folder = scratchFolder();
  file = folder.write('file', 'one');
});
afterEach(() => folder.remove());

function open(): ChangedFile<string> {
  return new ChangedFile(file, (path) => readFileSync(path, 'utf8'), 'nothing');
}

it('is read once, and again after each change', () => {
  const changed = open();
  expect(changed.value).toBe('nothing');
  expect([changed.look(), changed.look()]).toEqual([true, false]);
  writeFileSync(file, 'two');
  utimesSync(file, 1, 1); // of the same size, and with any time
  expect([changed.look(), changed.look(), changed.value]).toEqual([true, false, 'two']);
});

it('keeps what was read while it cannot be read, and is read when it is back', () => {
  const changed = open();
  changed.look();
  rmSync(file);
  expect(() => changed.look()).toThrow('ENOENT');
  expect(() => changed.look()).toThrow('ENOENT');
  expect([readStamp(file), changed.value]).toEqual(['ENOENT', 'one']);
  writeFileSync(file, 'three');
  expect([changed.look(), changed.value]).toEqual([true, 'three']);
});
