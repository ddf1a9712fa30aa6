/** The files that come with the program: rules, lists, recipes, units. */
import { join } from 'node:path';

/** The folder of package.json. It is two folders above this file, and above each file of the bundle (scripts/build.mjs). */
const PACKAGE = join(import.meta.dirname, '../..');

/** Absolute path of a file or folder of the package; `path` is relative to package.json. */
export function packagePath(path: string): string {
  return join(PACKAGE, path);
}
