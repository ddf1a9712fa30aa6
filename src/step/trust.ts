/**
 * What a process with root's rights must know of a path before it writes there or believes what stands there: that
 * nobody but root can change where it leads. Looks at owners and modes, from the top down and through links.
 */
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';
import { errnoOf } from '../base/errors.ts';

const OTHERS_WRITE = 0o022;
const GROUP_WRITES = 0o020;
const STICKY = 0o1000;
const MOST_LINKS = 40;

/**
 * Why `path` is not under the hand of `owner` (and root) alone, as a sentence that names the part at fault; undefined
 * when it is. A part that does not exist ends the way down: only who may write above it can make it.
 * In a folder with the sticky bit (/tmp) what belongs to us is safe from others, so such folders pass.
 */
export function distrust(path: string, owner = 0): string | undefined {
  let links = 0;
  const visit = (target: string): string | undefined => {
    const parts = resolve(target).split(sep);
    for (let count = 1; count <= parts.length; count++) {
      const part = parts.slice(0, count).join(sep) || sep;
      const stats = statsOf(part);
      if (stats === undefined) return undefined;
      const problem = problemOf(part, stats, owner);
      if (problem !== undefined) return problem;
      if (!stats.isSymbolicLink()) continue;
      if (++links > MOST_LINKS) return `${part}: too many symbolic links`;
      const next = resolve(dirname(part), readlinkSync(part));
      return visit([next, ...parts.slice(count)].join(sep));
    }
    return undefined;
  };
  return visit(path);
}

function problemOf(part: string, stats: Stats, owner: number): string | undefined {
  if (stats.uid !== 0 && stats.uid !== owner) {
    return `${part} belongs to uid ${stats.uid}, who could lead root astray`;
  }
  // The mode of a link says nothing; the sticky bit of a file neither.
  if (stats.isSymbolicLink() || (stats.isDirectory() && (stats.mode & STICKY) !== 0)) {
    return undefined;
  }
  const open = stats.gid === 0 ? OTHERS_WRITE & ~GROUP_WRITES : OTHERS_WRITE;
  if ((stats.mode & open) === 0) return undefined;
  return `${part} can be written by others than root (mode ${(stats.mode & 0o7777).toString(8)})`;
}

function statsOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
