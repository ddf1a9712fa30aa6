/**
 * What a process with root's rights must know of a path before it writes there or believes what stands there: that
 * nobody but root can change where it leads. Looks at owners and modes, from the top down and through links.
 */
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';
import { getErrno, getMessage } from '../../base/errors.ts';

const OTHERS_WRITE = 0o022;
const GROUP_WRITES = 0o020;
const STICKY = 0o1000;
const MOST_LINKS = 40;

/**
 * Why `path` is not under the hand of `owner` (and root) alone, as a sentence that names the part at fault; undefined
 * when it is; what cannot be looked at is not. A part that does not exist ends the way down: only who may write above it
 * can make it. In a folder with the sticky bit (/tmp) what belongs to us is safe from others, so such folders pass, but
 * not with something in them that does not exist. Never throws.
 */
export function distrust(path: string, owner = 0): string | undefined {
  let links = 0;
  const visit = (target: string): string | undefined => {
    const parts = resolve(target).split(sep);
    let above: Stats | undefined;
    for (let count = 1; count <= parts.length; count++) {
      const part = parts.slice(0, count).join(sep) || sep;
      const stats = collectStats(part);
      if (stats === undefined) return makeable(part, above);
      if ('unseen' in stats) return `${part} cannot be looked at (${stats.unseen})`;
      const problem = findProblem(part, stats, owner);
      if (problem !== undefined) return problem;
      above = stats;
      if (!stats.isSymbolicLink()) continue;
      if (++links > MOST_LINKS) return `${part}: too many symbolic links`;
      const next = resolve(dirname(part), readlinkSync(part));
      return visit([next, ...parts.slice(count)].join(sep));
    }
    return undefined;
  };
  return visit(path);
}

function findProblem(part: string, stats: Stats, owner: number): string | undefined {
  if (stats.uid !== 0 && stats.uid !== owner) {
    return `${part} belongs to uid ${stats.uid}, who could lead root astray`;
  }
  // The mode of a link says nothing; the sticky bit of a file neither.
  if (stats.isSymbolicLink() || (stats.isDirectory() && (stats.mode & STICKY) !== 0)) {
    return undefined;
  }
  if (!isOpen(stats)) return undefined;
  return `${part} can be written by others than root (mode ${(stats.mode & 0o7777).toString(8)})`;
}

/** What is wrong with a part that does not exist: others than root could make it. */
function makeable(part: string, above: Stats | undefined): string | undefined {
  if (above === undefined || !isOpen(above)) return undefined;
  return `${part} does not exist, and others than root could make it`;
}

function isOpen({ gid, mode }: Stats): boolean {
  return (mode & (gid === 0 ? OTHERS_WRITE & ~GROUP_WRITES : OTHERS_WRITE)) !== 0;
}

function collectStats(path: string): Stats | { readonly unseen: string } | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    const code = getErrno(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    return { unseen: code ?? getMessage(error) };
  }
}
