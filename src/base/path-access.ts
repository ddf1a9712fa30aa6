/** Which part of a path keeps an ordinary account from reading a file, from owners and modes alone. Opens nothing. */
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';

const OTHERS_ENTER = 0o001;
const OTHERS_READ = 0o004;
const PERMISSIONS = 0o7777;
const MOST_LINKS = 40;

/**
 * Why an account that neither owns `path` nor shares a group with it cannot read it, as a sentence; undefined if it
 * can, or if a part does not exist. Follows links. A part that this process cannot look at is behind one that is named.
 */
export function findBarrier(path: string): string | undefined {
  let links = 0;
  const visit = (target: string): string | undefined => {
    const parts = resolve(target).split(sep);
    for (let count = 1; count <= parts.length; count++) {
      const part = parts.slice(0, count).join(sep) || sep;
      const stats = readStats(part);
      if (stats === undefined) return undefined;
      if (stats.isSymbolicLink()) {
        if (++links > MOST_LINKS) return undefined;
        const next = resolve(dirname(part), readlinkSync(part));
        return visit([next, ...parts.slice(count)].join(sep));
      }
      const problem = describe(part, stats);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
  return visit(path);
}

function describe(part: string, stats: Stats): string | undefined {
  const mode = (stats.mode & PERMISSIONS).toString(8);
  if (!stats.isDirectory())
    return (stats.mode & OTHERS_READ) !== 0 ? undefined : `${part} has mode ${mode}`;
  return (stats.mode & OTHERS_ENTER) !== 0 ? undefined : `the folder ${part} has mode ${mode}`;
}

function readStats(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
