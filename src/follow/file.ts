/**
 * The lines of a file that is given once: plain, gzip'd (told by its first bytes; several members are one file),
 * or standard input. Reads to the end and stops; growing files are the follower's. A file that cannot be read or
 * unpacked throws a PosternError `unreadable`, after the lines before the damage.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { messageOf, PosternError } from '../base/errors.ts';
import type { Line } from '../model/line.ts';
import { LineSplitter } from './lines.ts';

const CHUNK = 1_048_576;
/** Bytes whose lines are handed on together. */
const STEP = 65_536;

/**
 * Batches of lines, at most 64 KiB of the file in each, which is read by `chunkBytes` (1 MiB); `-` is standard input. The last line counts
 * without its newline too. `source` is the name that the lines carry, else the path.
 */
export async function* readLines(
  path: string,
  options: { readonly source?: string; readonly chunkBytes?: number } = {},
): AsyncGenerator<readonly Line[]> {
  const chunkBytes = options.chunkBytes ?? CHUNK;
  const splitter = new LineSplitter(options.source ?? path);
  try {
    for await (const chunk of unpacked(chunksOf(path, chunkBytes), chunkBytes)) {
      // Read in large pieces, handed on in small ones: what lives when V8 collects the young is then some hundred
      // lines and their events instead of thousands, which all were copied twice (garbage collection took 18 % of a replay, now 9 %).
      for (let start = 0; start < chunk.length; start += STEP) {
        const lines = splitter.push(chunk.subarray(start, start + STEP));
        if (lines.length > 0) yield lines;
      }
    }
  } catch (error) {
    const name = path === '-' ? 'standard input' : path;
    throw new PosternError('unreadable', `${name}: cannot be read: ${messageOf(error)}`, {
      place: { file: name },
      cause: error,
    });
  }
  const last = splitter.end();
  if (last !== undefined) yield [last];
}

/** Whether bytes begin as a gzip member does, RFC 1952 2.3.1. */
export function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

function chunksOf(path: string, chunkBytes: number): AsyncIterable<Buffer> {
  return path === '-' ? process.stdin : chunksOfFile(path, chunkBytes);
}

/** One buffer for the whole file, overwritten by each chunk: a stream allocates one for each, 3 % of a replay. */
async function* chunksOfFile(path: string, chunkBytes: number): AsyncGenerator<Buffer> {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.allocUnsafeSlow(chunkBytes);
    for (;;) {
      const length = readSync(file, buffer);
      if (length === 0) return;
      yield buffer.subarray(0, length);
    }
  } finally {
    closeSync(file);
  }
}

async function* unpacked(
  chunks: AsyncIterable<Buffer>,
  chunkBytes: number,
): AsyncGenerator<Buffer> {
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    let head: Buffer = Buffer.alloc(0);
    while (head.length < 2) {
      const { value, done } = await iterator.next();
      if (done === true) break;
      head = Buffer.concat([head, value]);
    }
    const all = joined(head, iterator);
    yield* isGzip(head) ? gunzip(all, chunkBytes) : all;
  } finally {
    await iterator.return?.();
  }
}

/** The unpacker reads ahead, and what it holds must not be overwritten. */
async function* copies(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) yield Buffer.from(chunk);
}

async function* joined(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

async function* gunzip(packed: AsyncIterable<Buffer>, chunkBytes: number): AsyncGenerator<Buffer> {
  const stream = createGunzip({ chunkSize: chunkBytes });
  // A failure of either end destroys the stream with it, and so reaches the loop below.
  pipeline(Readable.from(copies(packed)), stream).catch(() => {});
  yield* stream as AsyncIterable<Buffer>;
}
