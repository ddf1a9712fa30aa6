/** A database as bytes that go from one place to another, and what a terminal shows meanwhile. */
import { fstatSync, readSync } from 'node:fs';
import type { Io } from './io.ts';
import { Progress } from './progress.ts';

const CHUNK = 1 << 20;
/** Files from this size on, bytes, take SQLite more than about two seconds. */
const LONG = 256 * CHUNK;

/** Gives `take` all of a file, part by part, and shows how far it is. */
export function pump(fd: number, io: Io, take: (chunk: Uint8Array) => void): void {
  const chunk = Buffer.alloc(CHUNK);
  const { size } = fstatSync(fd);
  const progress = new Progress(io, 'megabyte');
  let done = 0;
  for (let read = readSync(fd, chunk); read > 0; read = readSync(fd, chunk)) {
    take(chunk.subarray(0, read));
    const before = Math.floor(done / CHUNK);
    done += read;
    progress.add(Math.floor(done / CHUNK) - before, size === 0 ? 0 : done / size);
  }
  progress.end();
}

/** SQLite does not say how far it is: a terminal shows what it does, if the file is so large that it takes a while. */
export function watchLong<T>(io: Io, size: number, what: string, work: () => T): T {
  const isLong = size >= LONG;
  if (isLong) io.progress?.(`${what} ${Math.floor(size / CHUNK)} megabytes`);
  const end = () => {
    if (isLong) io.progress?.('');
  };
  let result: T | undefined;
  try {
    result = work();
    return result;
  } finally {
    if (result instanceof Promise) void result.then(end, end);
    else end();
  }
}
