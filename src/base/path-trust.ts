/**
 * Whether root may rely on a path: only root can change where it leads. A process with root's rights checks this
 * before it writes to the path or believes what the file says. Looks at owners and modes, from the top down and
 * through symbolic links.
 */
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';
import { getErrno, getMessage } from './errors.ts';

const WRITABLE_BY_OTHERS = 0o022;
const WRITABLE_BY_GROUP = 0o020;
const STICKY = 0o1000;
const PERMISSIONS = 0o7777;
const MOST_LINKS = 40;

/**
 * Why root must not rely on `path`, as a sentence that names the part at fault; undefined if only root and `owner` can
 * change it. What cannot be examined is not trusted. The check ends at a part that does not exist: only an account
 * that may write above it can create it. In a folder with the sticky bit (/tmp) others cannot replace our files, so
 * such a folder is trusted, but not for a file that does not exist yet. Never throws.
 */
export function findDistrust(path: string, owner = 0): string | undefined {
  let links = 0;
  const visit = (target: string): string | undefined => {
    const parts = resolve(target).split(sep);
    let above: Stats | undefined;
    for (let count = 1; count <= parts.length; count++) {
      const part = parts.slice(0, count).join(sep) || sep;
      const stats = readStats(part);
      if (stats === undefined) return findCreator(part, above);
      if ('unseen' in stats) return `${part} cannot be examined (${stats.unseen})`;
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
    return `${part} belongs to uid ${stats.uid}, so root will not follow it`;
  }
  // The mode of a link says nothing, and the sticky bit of a file neither.
  if (stats.isSymbolicLink() || (stats.isDirectory() && (stats.mode & STICKY) !== 0)) {
    return undefined;
  }
  if (!isOpen(stats)) return undefined;
  const mode = (stats.mode & PERMISSIONS).toString(8);
  return `${part} is writable by another account (mode ${mode}), so root will not follow it`;
}

/** What is wrong with a part that does not exist. */
function findCreator(part: string, above: Stats | undefined): string | undefined {
  if (above === undefined || !isOpen(above)) return undefined;
  return `${part} does not exist, and another account could create it`;
}

function isOpen({ gid, mode }: Stats): boolean {
  const others = gid === 0 ? WRITABLE_BY_OTHERS & ~WRITABLE_BY_GROUP : WRITABLE_BY_OTHERS;
  return (mode & others) !== 0;
}

function readStats(path: string): Stats | { readonly unseen: string } | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    const code = getErrno(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    return { unseen: code ?? getMessage(error) };
  }
}
