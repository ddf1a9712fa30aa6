import { mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findFamily, lookAt, readHead } from '../../src/follow/log-files.ts';
import {
  type FollowPosition,
  isFollowPosition,
  takeFingerprint,
} from '../../src/follow/position.ts';
import { locate, positionBeforeLive } from '../../src/follow/rotation.ts';

let folder: string;
let log: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-rotation-'));
  log = join(folder, 'mail.log');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a file that was changed at `second`. */
function put(name: string, text: string, second = 1000): string {
  const path = join(folder, name);
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(text) : text);
  utimesSync(path, second, second);
  return path;
}

function positionIn(
  path: string,
  text: string,
  rest: Partial<FollowPosition> = {},
): FollowPosition {
  const { device, inode, modified } = lookAt(path) as NonNullable<ReturnType<typeof lookAt>>;
  const fingerprint = takeFingerprint(Buffer.from(text));
  const offset = text.length;
  return {
    version: 1,
    path,
    device,
    inode,
    fingerprint,
    offset,
    line: 1,
    modified,
    before: null,
    ...rest,
  };
}

const names = (files: readonly { path: string }[]) => files.map((file) => basename(file.path));

test.each([
  ['numbers', ['mail.log.10.gz', 'mail.log.9.gz', 'mail.log.2', 'mail.log.1']],
  ['dates', ['mail.log-20251231.gz', 'mail.log-20260101', 'mail.log-2026010112']],
  ['before the extension', ['mail.2.log', 'mail.1.log']],
])('rotated files are sorted by age: %s', (_, expected) => {
  for (const name of [...expected].sort()) put(name, name);
  put('mail.log', 'live');
  for (const other of ['mail.log.1.xz', 'mail.log.bak', 'mail.log.1.', 'mail.err.1', 'xmail.log.1'])
    put(other, 'x');
  const family = findFamily(log);
  expect(names(family.rotated)).toEqual(expected);
  expect(family.live?.path).toBe(log);
});

test('after a change of scheme the names that were written to last are the younger ones', () => {
  put('mail.log-20260101', 'a', 100);
  put('mail.log.2', 'b', 200);
  put('mail.log.1', 'c', 300);
  expect(names(findFamily(log).rotated)).toEqual(['mail.log-20260101', 'mail.log.2', 'mail.log.1']);
  put('mail.log-20260102', 'd', 400);
  expect(names(findFamily(log).rotated)[0]).toBe('mail.log.2');
});

test('a plain file counts, not the gzip file that is being made from it', () => {
  put('mail.log.1', 'whole');
  put('mail.log.1.gz', 'wh');
  expect(names(findFamily(log).rotated)).toEqual(['mail.log.1']);
});

test('a link to a dated file: that file is the live one and nothing else', () => {
  put('mail-20260101.log', 'old');
  symlinkSync(put('mail-20260102.log', 'new'), log);
  const family = findFamily(log);
  expect(names(family.rotated)).toEqual(['mail-20260101.log']);
  expect(family.live).toMatchObject({ path: log, size: 3 });
});

test.each([10, 1024])('the first %i bytes of a file, packed or not', (bytes) => {
  const text = 'words and more words '.repeat(10_000);
  expect(readHead(put('mail.log.1', text), bytes).toString()).toBe(text.slice(0, bytes));
  expect(readHead(put('mail.log.2.gz', text), bytes).toString()).toBe(text.slice(0, bytes));
  expect(readHead(put('mail.log.3.gz', ''), bytes).length).toBe(0);
  expect(readHead(join(folder, 'missing'), bytes).length).toBe(0);
});

test('the same inode with another beginning is another file; the same beginning elsewhere is the file', () => {
  const position = positionIn(put('mail.log', 'one\n'), 'one\n');
  expect(locate(log, position, false)).toMatchObject({
    foundBy: 'inode',
    self: { path: log },
    next: [],
  });
  put('mail.log', 'two\nthree\n');
  expect(locate(log, position, false)).toMatchObject({ foundBy: 'none', self: undefined });
  put('mail.log.1.gz', 'one\nmore\n');
  const found = locate(log, position, false);
  expect(found).toMatchObject({ foundBy: 'content', self: { path: `${log}.1.gz` } });
  expect(names(found.next)).toEqual(['mail.log']);
});

test('a file that is shorter than the position is not it', () => {
  const position = { ...positionIn(put('mail.log', 'one\ntwo\n'), 'one\n'), offset: 8 };
  put('mail.log', 'one\n');
  expect(locate(log, position, false).foundBy).toBe('none');
});

test('a file that is gone: unread is what came after the one before it, else what changed since', () => {
  put('mail.log.3', 'read\n', 100);
  put('mail.log.2', 'unread\n', 300);
  put('mail.log.1', '', 400);
  put('mail.log', 'live\n', 500);
  const before = { device: '1', inode: '1', fingerprint: takeFingerprint(Buffer.from('read\n')) };
  const gone = { ...positionIn(log, 'gone\n'), inode: '1', modified: 200_000 };
  expect(names(locate(log, { ...gone, before }, false).next)).toEqual(['mail.log.2', 'mail.log']);
  const nowhere = { ...before, fingerprint: takeFingerprint(Buffer.from('removed\n')) };
  const byTime = locate(log, { ...gone, before: nowhere }, false);
  expect(names(byTime.next)).toEqual(['mail.log.2', 'mail.log']);
  expect(byTime.before?.fingerprint).toEqual(before.fingerprint);
});

test('a first position is before the live file and behind every rotated one', () => {
  put('mail.log.1', 'old\n');
  put('mail.log', 'new\n');
  const position = positionBeforeLive(log);
  expect(isFollowPosition(JSON.parse(JSON.stringify(position)))).toBe(true);
  expect(names(locate(log, position, false).next)).toEqual(['mail.log']);
});

test.each([
  ['nothing', undefined],
  ['null', null],
  ['a text', 'x'],
  ['an older form', { version: 0 }],
  ['a negative offset', { ...samplePosition(), offset: -1 }],
  ['a broken fingerprint', { ...samplePosition(), fingerprint: null }],
  ['a broken predecessor', { ...samplePosition(), before: {} }],
  ['a newer version', { ...samplePosition(), version: 2 }],
])('%s is no position', (_, value) => {
  expect(isFollowPosition(samplePosition())).toBe(true);
  expect(isFollowPosition(value)).toBe(false);
});

function samplePosition(): FollowPosition {
  const fingerprint = takeFingerprint(new Uint8Array());
  return {
    version: 1,
    path: 'x',
    device: '1',
    inode: '2',
    fingerprint,
    offset: 0,
    line: 0,
    modified: 0,
    before: null,
  };
}
