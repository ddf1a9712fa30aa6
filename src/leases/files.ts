/** The files of one source: one, or those of a name with `*`, since FreeRADIUS begins a file of another name each day. */
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Of more files, only the last by name count, which are the newest: a session seldom lasts longer than two days. */
const MOST_FILES = 3;

/**
 * The files that a name means, in the order of their names. `*` in the last part stands for any characters; without one,
 * the name is the file. Throws what readdir(3) fails with.
 */
export function listLeaseFiles(name: string): string[] {
  const pattern = basename(name);
  if (!pattern.includes('*')) return [name];
  const isOne = new RegExp(`^${pattern.replaceAll(/[^\w*]/g, '\\$&').replaceAll('*', '.*')}$`, 's');
  const folder = dirname(name);
  const names = readdirSync(folder).filter((each) => isOne.test(each) && !each.startsWith('.'));
  return names
    .sort()
    .slice(-MOST_FILES)
    .map((each) => join(folder, each));
}
