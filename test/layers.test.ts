/** Who may import whom, read from the import lines. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PARSERS } from '../src/interpret/mtas.ts';

const SRC = new URL('../src/', import.meta.url).pathname;
const STAGES = ['follow', 'parse', 'correlate', 'judge', 'store', 'enforce', 'notify', 'policy'];

/** Higher numbers may import lower ones. */
const LEVELS: Readonly<Record<string, number>> = { base: 0, model: 1, cli: 4 };

/** What only these folders or files may use. */
const RESERVED: readonly { what: string; pattern: RegExp; where: RegExp }[] = [
  { what: 'better-sqlite3', pattern: /from 'better-sqlite3'/, where: /^store\// },
  { what: 'node:child_process', pattern: /from 'node:child_process'/, where: /^base\/system\.ts$/ },
  { what: 'process.exit', pattern: /process\.exit\(/, where: /^cli\// },
  { what: 'standard output', pattern: /process\.stdout|console\./, where: /^cli\// },
  { what: 'Date.now', pattern: /Date\.now\(/, where: /^base\/time\.ts$/ },
  { what: 'nodemailer', pattern: /from 'nodemailer'/, where: /^notify\// },
  { what: 'commander', pattern: /from 'commander'/, where: /^cli\// },
];

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);

function sourceOf(file: string): string {
  return readFileSync(join(SRC, file), 'utf8');
}

function importsOf(file: string): string[] {
  const found = [...sourceOf(file).matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(
    ([, path]) => path as string,
  );
  return found.map((path) => relative(SRC, join(SRC, dirname(file), path)));
}

function folderOf(file: string): string {
  return file.includes('/') ? (file.split('/')[0] as string) : '';
}

/** A folder beside a file of its name belongs to that file: `config/` to `config.ts`. */
function levelOf(file: string): number {
  const folder = folderOf(file);
  if (LEVELS[folder] !== undefined) return LEVELS[folder];
  return STAGES.includes(folder) ? 2 : 3;
}

describe('imports', () => {
  it.each(files)('%s imports downwards only', (file) => {
    const wrong = importsOf(file).filter((imported) => {
      if (levelOf(imported) > levelOf(file)) return true;
      return (
        levelOf(file) === 2 && levelOf(imported) === 2 && folderOf(imported) !== folderOf(file)
      );
    });
    expect(wrong).toEqual([]);
  });

  it('has no circles', () => {
    const graph = new Map(files.map((file) => [file, importsOf(file)]));
    const done = new Set<string>();
    const circle = (file: string, path: readonly string[]): readonly string[] | undefined => {
      if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
      if (done.has(file)) return undefined;
      for (const next of graph.get(file) ?? []) {
        const found = circle(next, [...path, file]);
        if (found !== undefined) return found;
      }
      done.add(file);
      return undefined;
    };
    expect(
      files.map((file) => circle(file, [])).find((found) => found !== undefined),
    ).toBeUndefined();
  });

  it.each(RESERVED)('$what stays where it belongs', ({ pattern, where }) => {
    expect(files.filter((file) => pattern.test(sourceOf(file)) && !where.test(file))).toEqual([]);
  });
});

describe('registry', () => {
  it('knows every parser in the folder', () => {
    const other = ['parser.ts', 'reader.ts', 'envelope.ts', 'loss.ts'];
    const parsers = readdirSync(join(SRC, 'parse')).filter(
      (file) => file.endsWith('.ts') && !other.includes(file),
    );
    expect(parsers.map((file) => file.replace('.ts', '')).sort()).toEqual(
      Object.keys(PARSERS).sort(),
    );
  });
});
