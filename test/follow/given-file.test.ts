import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test, vi } from 'vitest';
import { PosternError } from '../../src/base/errors.ts';
import { readLines } from '../../src/follow/given-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'postern-file-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function linesOf(path: string, chunkBytes?: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const batch of readLines(path, chunkBytes === undefined ? {} : { chunkBytes })) {
    expect(batch.length).toBeGreaterThan(0);
    lines.push(...batch.map((line) => line.bytes));
  }
  return lines;
}

const text = Array.from({ length: 5000 }, (_, index) => `line ${index}`).join('\n');
const expected = text.split('\n');
const middle = 20_001;
/** what does not compress well: each line has a digest */
const noise = Array.from({ length: 20_000 }, (_, index) =>
  createHash('sha1').update(`${index}`).digest('hex'),
).join('\n');

test.each([
  ['plain', Buffer.from(text)],
  ['gzip', gzipSync(text)],
  [
    'gzip of two members',
    Buffer.concat([gzipSync(text.slice(0, middle)), gzipSync(text.slice(middle))]),
  ],
])('%s, in large and in tiny chunks', async (name, bytes) => {
  const path = join(folder, name.replaceAll(' ', '-'));
  writeFileSync(path, bytes);
  expect(await linesOf(path)).toEqual(expected);
  expect(await linesOf(path, 64)).toEqual(expected);
});

test.each([
  ['empty', '', []],
  ['one byte', 'x', ['x']],
  ['one newline', '\n', ['']],
])('%s', async (name, content, lines) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  expect(await linesOf(path)).toEqual(lines);
});

test('lines carry the path, or the source that was asked for', async () => {
  const path = join(folder, 'source');
  writeFileSync(path, 'a\nb\n');
  for (const source of [undefined, 'mail.log']) {
    const batches = [];
    for await (const batch of readLines(path, source === undefined ? {} : { source }))
      batches.push(...batch);
    expect(batches).toEqual([
      { source: source ?? path, line: 1, offset: 0, bytes: 'a' },
      { source: source ?? path, line: 2, offset: 2, bytes: 'b' },
    ]);
  }
});

test.each([
  ['missing', () => {}, 0],
  ['a-folder/.', (path: string) => rmSync(path, { force: true }), 0],
  ['cut-short.gz', (path: string) => writeFileSync(path, gzipSync(text).subarray(0, 5000)), 1000],
  ['hardly-begun.gz', (path: string) => writeFileSync(path, gzipSync(noise).subarray(0, 3000)), 20],
  ['cut-late.gz', (path: string) => writeFileSync(path, gzipSync(noise).subarray(0, -9)), 19_999],
  [
    'damaged-midway.gz',
    (path: string) => writeFileSync(path, gzipSync(noise).fill(0xff, 300_000, 300_064)),
    5000,
  ],
  [
    'damaged.gz',
    (path: string) =>
      writeFileSync(path, Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 255, 255, 255])),
    0,
  ],
])('%s is unreadable', async (name, prepare, atLeast) => {
  const path = name === 'a-folder/.' ? folder : join(folder, name);
  if (path !== folder) prepare(path);
  let lines = 0;
  const reading = async () => {
    for await (const batch of readLines(path)) lines += batch.length;
  };
  const error = await reading().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PosternError);
  expect(error).toMatchObject({ code: 'unreadable', exitStatus: 1, place: { file: path } });
  expect(lines).toBeGreaterThanOrEqual(atLeast);
});

test('zeros after a gzip member are padding', async () => {
  const path = join(folder, 'padded.gz');
  writeFileSync(path, Buffer.concat([gzipSync(text), Buffer.alloc(100_000)]));
  expect(await linesOf(path)).toEqual(expected);
});

test('leaving the loop early closes the file', async () => {
  const path = join(folder, 'early');
  writeFileSync(path, text);
  for await (const batch of readLines(path, { chunkBytes: 100 })) {
    expect([...batch][0]?.bytes).toBe('line 0');
    break;
  }
});

test.each([
  ['plain', [Buffer.from('a'), Buffer.from('b\nc')]],
  ['gzip in small pieces', [...gzipSync('ab\nc')].map((byte) => Buffer.from([byte]))],
])('- is standard input: %s', async (_, chunks) => {
  const stdin = vi.spyOn(process, 'stdin', 'get').mockReturnValue(Readable.from(chunks) as never);
  expect(await linesOf('-')).toEqual(['ab', 'c']);
  stdin.mockRestore();
});
