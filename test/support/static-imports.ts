/** What a source file loads before it does anything, read from the import lines. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const SRC = join(import.meta.dirname, '../../src');

const IMPORT = /^(?:import|export) (?!type\b)[^;']*? from '([^'\s]+)'/gm;

/** Modules that are loaded with `file`, those of packages by name; types and `import()` do not load. Paths below src/. */
export function loadedWith(file: string, seen = new Set<string>()): Set<string> {
  seen.add(file);
  const text = readFileSync(join(SRC, file), 'utf8');
  for (const [, path = ''] of text.matchAll(IMPORT)) {
    const module = path.startsWith('.') ? join(dirname(file), path) : path;
    if (!path.startsWith('.')) seen.add(module);
    else if (!seen.has(module)) loadedWith(module, seen);
  }
  return seen;
}
