/** The key file: its lines, who may read it, what is added and retired. */
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readKeyFile, writeKeyFile } from '../../src/sign/key-file.ts';
import {
  addKey,
  findSigning,
  formatKeys,
  listVerifying,
  parseKeys,
  retireKey,
} from '../../src/sign/keys.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const DAY = 86_400_000;

describe('the lines', () => {
  it('are a digit and a secret, which may hold blanks and #', () => {
    const text = '# ours\n\n0 secret\n7\tcorrect horse # battery staple  \r\n';
    expect(parseKeys(text, 'k')).toEqual([
      { number: '0', secret: 'secret' },
      { number: '7', secret: 'correct horse # battery staple' },
    ]);
  });

  it.each([
    ['secret\n', 'k:1: not a key'],
    ['0 a\n10 secret\n', 'k:2: not a key'],
    ['0\n', 'k:1: not a key'],
    ['0 a\n\n0 b\n', 'k:3: a second key has the number 0'],
    ['# nothing\n', 'k: no key in it'],
    ['', 'k: no key in it'],
  ])('%j: %s', (text, message) => {
    expect(() => parseKeys(text, 'k')).toThrow(message);
  });

  it('never appear in a message', () => {
    expect(() => parseKeys('topsecret\n', 'k')).toThrow(/^(?!.*topsecret)/);
  });
});

describe('keys over time', () => {
  const two = [
    { number: '0', secret: 'old' },
    { number: '1', secret: 'new' },
  ];

  it('the last signs, all verify', () => {
    expect(findSigning(two)?.secret).toBe('new');
    expect(listVerifying(two, NOW)).toEqual(two);
  });

  it('a retired one verifies for twelve days', () => {
    const keys = retireKey(two, '1', NOW);
    expect(findSigning(keys)?.secret).toBe('old');
    expect(listVerifying(keys, NOW + 12 * DAY - 1)).toHaveLength(2);
    expect(listVerifying(keys, NOW + 12 * DAY)).toEqual([two[0]]);
    expect(retireKey(keys, '1', NOW + DAY)).toEqual(keys);
  });

  it('are written and read back', () => {
    const keys = retireKey(two, '0', NOW);
    expect(parseKeys(formatKeys(keys), 'k')).toEqual(keys);
  });

  it('a new one has the next free number, and pushes out what verifies no more', () => {
    const keys = addKey(retireKey(two, '0', NOW - 13 * DAY), NOW);
    expect(keys?.map(({ number }) => number)).toEqual(['1', '2']);
    expect(keys?.at(-1)?.added).toBe(NOW);
    expect(keys?.at(-1)?.secret).toMatch(/^[0-9a-f]{48}$/);
    expect(addKey([{ number: '9', secret: 's' }], NOW)?.at(-1)?.number).toBe('0');
  });

  it('there are ten numbers', () => {
    const ten = Array.from({ length: 10 }, (_, digit) => ({ number: String(digit), secret: 's' }));
    expect(addKey(ten, NOW)).toBeUndefined();
  });
});

describe('the file', () => {
  let folder = '';
  let file = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'postern-keys-'));
    file = join(folder, 'keys');
    writeFileSync(file, '0 topsecret\n', { mode: 0o600 });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it.each([0o600, 0o640, 0o400, 0o440])('may have mode %o', (mode) => {
    chmodSync(file, mode);
    expect(readKeyFile(file)).toEqual([{ number: '0', secret: 'topsecret' }]);
  });

  it.each([0o644, 0o660, 0o604, 0o602, 0o601])('must not have mode %o', (mode) => {
    chmodSync(file, mode);
    expect(() => readKeyFile(file)).toThrow(`has mode ${mode.toString(8)}, so others can`);
  });

  it.runIf(process.getuid?.() === 0)('must not belong to another account', () => {
    chownSync(file, 65534, 0);
    expect(() => readKeyFile(file)).toThrow('belongs to uid 65534');
  });

  it('keeps its mode, and a new one is for its owner alone', () => {
    chmodSync(file, 0o640);
    writeKeyFile(file, readKeyFile(file));
    expect(statSync(file).mode & 0o777).toBe(0o640);
    const fresh = join(folder, 'fresh');
    writeKeyFile(fresh, readKeyFile(file));
    expect(statSync(fresh).mode & 0o777).toBe(0o600);
  });

  it('says how to make one', () => {
    expect(() => readKeyFile(join(folder, 'none'))).toThrow('make one with: postern key add');
    expect(() => readKeyFile(folder)).toThrow('not a regular file');
  });
});
