/**
 * Where Node.js keeps what it has compiled: in a folder beside the program, as Python does in `__pycache__`. A small command
 * starts in 0.11 s instead of 0.13 (docs/performance.md).
 *
 * Whoever can write there can run code as whoever starts Postern. So it is a folder that only its owner may enter, and only
 * the account that owns the program makes or reads it: that account could change the program itself. For every other
 * account, and where the disk is read-only, nothing is kept, and the program starts as it would without this file.
 */
import { lstatSync, mkdirSync } from 'node:fs';
import module from 'node:module';
import { basename, dirname, join } from 'node:path';

/** All that a group or others may do. */
const OTHERS = 0o077;

/** Keeps what is compiled from now on in `dist/compiled`, and takes what was kept. `program`: the folder `dist/cli`. */
export function keepCompiled(program: string): void {
  const dist = dirname(program);
  // The sources, which run from src/cli in development, start as ever.
  if (basename(dist) !== 'dist' || !isOurs(dist)) return;
  const folder = join(dist, 'compiled');
  if (isOurs(folder, OTHERS) || make(folder)) module.enableCompileCache(folder);
}

/** Whether it belongs to the account that runs this process, is no link, and has no permission of these bits. */
function isOurs(folder: string, forbidden = 0): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found?.isDirectory() !== true || found.uid !== process.getuid?.()) return false;
  return (found.mode & forbidden) === 0;
}

/** Whether it could be made. It cannot on a read-only disk, and not if something else has its name. */
function make(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch {
    return false;
  }
}
