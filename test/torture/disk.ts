/** A small file system for a test; needs root. */
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../../src/base/commands.ts';

export interface SmallDisk {
  readonly path: string;
  /** uses up all space but `rest` bytes */
  fill(rest?: number): void;
  /** frees the space again */
  free(): void;
  unmount(): Promise<void>;
}

/** Undefined, with a line on standard error, if nothing can be mounted here. */
export async function smallDisk(path: string, kibibytes: number): Promise<SmallDisk | undefined> {
  mkdirSync(path, { recursive: true });
  const argv = ['mount', '-t', 'tmpfs', '-o', `size=${kibibytes}k,mode=0755`, 'tmpfs', path];
  const result = await runCommand(argv, { timeout: 10_000 });
  if (result.status !== 0) {
    process.stderr.write(`NOT RUN: a full disk: ${result.failure ?? result.stderr.trim()}\n`);
    return undefined;
  }
  const filler = join(path, 'filler');
  return {
    path,
    fill(rest = 0) {
      const fd = openSync(filler, 'a');
      const block = Buffer.alloc(4096);
      try {
        const { bavail, bsize } = statfsSync(path);
        const most = rest === 0 ? Number.POSITIVE_INFINITY : bavail * bsize - rest;
        for (let taken = 0; taken < most; taken += block.length) writeSync(fd, block);
      } catch {
        // Expected: other processes may use up space at the same time.
      } finally {
        closeSync(fd);
      }
    },
    free: () => rmSync(filler, { force: true }),
    async unmount() {
      await runCommand(['umount', '-l', path], { timeout: 10_000 });
    },
  };
}
