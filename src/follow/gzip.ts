/** Gzip'd files (RFC 1952): how they are recognised, and their unpacked bytes. */
import { readSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

/** ID1 and ID2, the first bytes of every member, RFC 1952 2.3.1. */
const MAGIC = [0x1f, 0x8b] as const;
/** Size of the trailing field ISIZE, bytes. */
const SIZE_FIELD = 4;
/** Packed bytes that are read together. */
const PACKED_CHUNK = 65_536;

/** Whether a file that begins with these bytes is gzip'd. */
export function isGzip(head: Uint8Array): boolean {
  return head[0] === MAGIC[0] && head[1] === MAGIC[1];
}

/** Unpacked bytes of a file of `size` packed ones. An estimate: ISIZE is modulo 4 GiB and of the last member only. */
export function estimateUnpackedSize(fd: number, size: number): number {
  const field = Buffer.alloc(SIZE_FIELD);
  const length = readSync(fd, field, 0, SIZE_FIELD, Math.max(0, size - SIZE_FIELD));
  return length === SIZE_FIELD ? field.readUInt32LE() : 0;
}

/** The unpacked bytes of the open file `fd`, from its beginning. Throws what zlib throws for a damaged file. */
export async function* unpack(
  fd: number,
  chunkBytes: number,
): AsyncGenerator<Buffer, void, undefined> {
  const stream = createGunzip({ chunkSize: Math.max(1024, chunkBytes) });
  const done = pipeline(Readable.from(readPacked(fd)), stream).catch(() => {});
  try {
    yield* stream as AsyncIterable<Buffer>;
  } finally {
    stream.destroy();
    await done;
  }
}

function* readPacked(fd: number): Generator<Buffer> {
  for (let position = 0; ; ) {
    const buffer = Buffer.allocUnsafe(PACKED_CHUNK);
    const bytes = readSync(fd, buffer, 0, buffer.length, position);
    if (bytes === 0) return;
    position += bytes;
    yield buffer.subarray(0, bytes);
  }
}
