/** The folder between the command and the service: what is a claim is handed over once, everything else goes. */
import { linkSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { addClaim, listClaims, removeFile } from '../../src/complaint/folder.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';

const CLAIM = { messageId: 'x@y', hops: [{ queueId: '4F00000001', time: 1 }], recipients: [] };

let folder: Folder;
beforeEach(() => {
  folder = scratchFolder();
});
afterEach(() => folder.remove());

it('hands a claim over', () => {
  addClaim(folder.path, CLAIM);
  const [found] = listClaims(folder.path, Date.now());
  expect(found?.claim).toEqual(CLAIM);
  removeFile(found?.file as string);
  expect(listClaims(folder.path, Date.now())).toEqual([]);
});

it('leaves nothing behind when it cannot', () => {
  expect(() => addClaim(folder.at('missing'), CLAIM)).toThrow('ENOENT');
});

const json = JSON.stringify(CLAIM);
const outside = () => folder.write('outside/claim', json);

it.each<[name: string, make: (file: string) => void]>([
  ['not JSON', (file) => writeFileSync(file, 'x')],
  ['another form', (file) => writeFileSync(file, '{"messageId":"x@y","hops":[{"queueId":7}]}')],
  ['a field too many', (file) => writeFileSync(file, json.replace('{', '{"submitter":"bob",'))],
  ['too large', (file) => writeFileSync(file, json + ' '.repeat(50_000))],
  ['a link', (file) => symlinkSync(outside(), file)],
  ['a file with two names', (file) => linkSync(outside(), file)],
  ['a folder', (file) => mkdirSync(file)],
])('deletes what is no claim: %s', (_name, make) => {
  mkdirSync(folder.at('drop'));
  make(folder.at('drop/a.json'));
  expect(listClaims(folder.at('drop'), Date.now())).toEqual([]);
  expect(readdirSync(folder.at('drop'))).toEqual([]);
});

it('leaves a file that is being written, for an hour', () => {
  const file = folder.write('.begun', '{');
  listClaims(folder.path, Date.now());
  expect(readdirSync(folder.path)).toEqual(['.begun']);
  utimesSync(file, 0, 0);
  listClaims(folder.path, Date.now());
  expect(readdirSync(folder.path)).toEqual([]);
});
