/**
 * The lines of a file that you name once: plain, gzip'd (recognised by its first bytes; several members are one file)
 * or standard input. Reads to the end and stops; `Follower` is for files that grow. If a file cannot be read or
 * unpacked, throws a PosternError `unreadable` after the whole lines before the damage.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { createGunzip, type Gunzip } from 'node:zlib';
import { getCause, PosternError } from '../base/errors.ts';
import { Lines } from '../model/lines.ts';
import { isGzip } from './gzip.ts';
import { LineSplitter } from './lines.ts';

/** Bytes that are read together. */
const CHUNK = 1_048_576;
/** Bytes whose lines are handed on together. */
const STEP = 65_536;

/**
 * Batches of lines, each from at most 64 KiB of the file at `path`; `-` is standard input. The last line counts without
 * its newline too. `source` is the name that the lines carry (default: the path), `chunkBytes` how much is read at once
 * (default: 1 MiB).
 */
export async function* readLines(
  path: string,
  options: {
    readonly source?: string;
    readonly chunkBytes?: number;
    /** the file at `path`, if it is open already: it is read from its beginning, and stays open; a regular file */
    readonly descriptor?: number | undefined;
    /** gets how many bytes of the file, packed or not, were read since the last call */
    readonly onBytes?: (count: number) => void;
  } = {},
): AsyncGenerator<Lines> {
  const chunkBytes = options.chunkBytes ?? CHUNK;
  const splitter = new LineSplitter(options.source ?? path);
  try {
    for await (const chunk of unpacked(
      noted(readChunks(path, chunkBytes, options.descriptor), options.onBytes),
      chunkBytes,
    )) {
      // Read in large pieces, handed on in small ones: when V8 collects its young generation, only some hundred lines
      // and their events are alive and have to be copied, instead of thousands. Garbage collection took 18 % of a
      // replay before, and takes 9 % now.
      for (let start = 0; start < chunk.length; start += STEP) {
        const lines = splitter.push(chunk.subarray(start, start + STEP));
        if (lines.length > 0) yield lines;
      }
    }
  } catch (error) {
    throw unreadable(path, error);
  }
  const last = splitter.end();
  if (last !== undefined) yield new Lines([last]);
}

/**
 * Opens a regular file for `readLines`; the caller closes it. Undefined for anything else, which `readLines` opens itself:
 * standard input, and pipes such as a shell's `<(xzcat mail.log.2.xz)`, can be read only once. Throws a PosternError
 * `unreadable`.
 */
export function openRegular(path: string): number | undefined {
  if (path === '-') return undefined;
  try {
    return statSync(path).isFile() ? openSync(path, 'r') : undefined;
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): PosternError {
  const name = path === '-' ? 'standard input' : path;
  return new PosternError('environment', `${name}: cannot be read: ${getCause(error)}`, {
    code: 'unreadable',
    place: { file: name },
    cause: error,
  });
}

function noted(
  chunks: AsyncIterable<Buffer>,
  onBytes: ((count: number) => void) | undefined,
): AsyncIterable<Buffer> {
  return onBytes === undefined ? chunks : noteEach(chunks, onBytes);
}

async function* noteEach(chunks: AsyncIterable<Buffer>, onBytes: (count: number) => void) {
  for await (const chunk of chunks) {
    onBytes(chunk.length);
    yield chunk;
  }
}

function readChunks(
  path: string,
  chunkBytes: number,
  descriptor: number | undefined,
): AsyncIterable<Buffer> {
  if (path === '-') return process.stdin;
  return descriptor === undefined
    ? chunksOfFile(path, chunkBytes)
    : chunksOf(descriptor, chunkBytes, 0);
}

async function* chunksOfFile(path: string, chunkBytes: number): AsyncGenerator<Buffer> {
  const file = openSync(path, 'r');
  try {
    yield* chunksOf(file, chunkBytes, null);
  } finally {
    closeSync(file);
  }
}

/**
 * One buffer for the whole file, overwritten by each chunk: a stream allocates one for each, which takes 3 % of a replay.
 * `from`: the byte to begin at; null: where the file is, for pipes.
 */
async function* chunksOf(
  file: number,
  chunkBytes: number,
  from: number | null,
): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(chunkBytes);
  for (let position = from; ; ) {
    const length = readSync(file, buffer, 0, chunkBytes, position);
    if (length === 0) return;
    if (position !== null) position += length;
    yield buffer.subarray(0, length);
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

async function* joined(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

/** Packed bytes that are unpacked together. Damage can cost the lines of one piece; unpacked, it may be 1000 times larger. */
const PIECE = 16_384;

/**
 * Unpacks piece by piece, and hands on the result of one piece before it reads the next: an unpacker that fails drops
 * what has not been taken from it. Ends after the last member and ignores what follows it (padding of a tape).
 */
async function* gunzip(packed: AsyncIterable<Buffer>, chunkBytes: number): AsyncGenerator<Buffer> {
  const unpacker = new Unpacker(chunkBytes);
  try {
    for await (const chunk of packed) {
      for (let start = 0; start < chunk.length; start += PIECE) {
        yield* await unpacker.push(chunk.subarray(start, start + PIECE));
        if (unpacker.failure !== undefined) throw unpacker.failure;
        if (unpacker.isOver) return;
      }
    }
    yield* await unpacker.end();
    if (unpacker.failure !== undefined) throw unpacker.failure;
  } finally {
    unpacker.close();
  }
}

/** Node's unpacker, fed one piece after the other. */
class Unpacker {
  failure: unknown;
  isOver = false;
  readonly #stream: Gunzip;
  #unpacked: Buffer[] = [];
  #wake = (): void => {};

  constructor(chunkBytes: number) {
    this.#stream = createGunzip({ chunkSize: chunkBytes });
    this.#stream.on('data', (chunk: Buffer) => this.#unpacked.push(chunk));
    this.#stream.on('error', (error) => {
      this.failure ??= error;
      this.#wake();
    });
    this.#stream.on('end', () => {
      this.isOver = true;
      this.#wake();
    });
  }

  /** The unpacked bytes of `packed`, which is free again once this resolves. A failure is in `failure`, never thrown. */
  push(packed: Buffer): Promise<Buffer[]> {
    return this.#step((done) => this.#stream.write(packed, done));
  }

  /** The rest, once nothing more comes. */
  end(): Promise<Buffer[]> {
    return this.#step(() => this.#stream.end());
  }

  close(): void {
    this.#stream.destroy();
  }

  async #step(act: (done: (error?: Error | null) => void) => void): Promise<Buffer[]> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      act((error) => {
        this.failure ??= error ?? undefined;
        resolve();
      });
    });
    const unpacked = this.#unpacked;
    this.#unpacked = [];
    return unpacked;
  }
}
