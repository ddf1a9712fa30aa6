/** Which folder may import which, read from the import lines; and what may lie where. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = new URL('../src/', import.meta.url).pathname;

/** From the bottom up: a folder may import from lower lines, and stages not from each other. */
const LEVELS: readonly (readonly string[])[] = [
  ['base'],
  ['model'],
  [
    'follow',
    'parse',
    'correlate',
    'classify',
    'judge',
    'store',
    'enforce',
    'notify',
    'policy',
    'milter',
    'leases',
    'sign',
    'recipients',
    'probe',
    'complaint',
    'metrics',
    'share',
  ],
  ['scan'],
  ['config'],
  ['interpret'],
  ['report'],
  ['daemon'],
  ['setup'],
  ['audit'],
  ['web'],
  ['cli'],
];

/** What only these folders or files may use. */
const RESERVED: readonly { what: string; pattern: RegExp; where: RegExp }[] = [
  { what: 'better-sqlite3', pattern: /from 'better-sqlite3'/, where: /^store\// },
  { what: 'node:child_process', pattern: /from 'node:child_process'/, where: /^base\// },
  { what: 'process.exit', pattern: /process\.exit\(/, where: /^cli\// },
  { what: 'standard output', pattern: /process\.stdout|console\./, where: /^cli\// },
  { what: 'Date.now', pattern: /Date\.now\(/, where: /^base\/time\.ts$/ },
  {
    what: 'sockets',
    pattern: /from 'node:(?:net|tls|http)'/,
    where: /^(?:policy|milter|notify|recipients|probe|metrics|web|share|base)\//,
  },
  { what: 'DNS', pattern: /from 'node:dns/, where: /^(?:probe|recipients|setup)\// },
  { what: 'prom-client', pattern: /from 'prom-client'/, where: /^metrics\// },
  { what: 'nodemailer', pattern: /from 'nodemailer'/, where: /^notify\// },
  { what: 'postal-mime', pattern: /from 'postal-mime'/, where: /^complaint\// },
  { what: 'hono', pattern: /from '(?:hono|@hono\/)/, where: /^web\// },
  { what: 'commander', pattern: /from 'commander'/, where: /^cli\// },
];

const entries = readdirSync(SRC, { recursive: true, encoding: 'utf8' });
const files = entries.filter((file) => file.endsWith('.ts'));

function readSource(file: string): string {
  return readFileSync(join(SRC, file), 'utf8');
}

function listImports(file: string): string[] {
  const found = [...readSource(file).matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(
    ([, path]) => path as string,
  );
  return found.map((path) => relative(SRC, join(SRC, dirname(file), path)));
}

function getFolder(file: string): string {
  return file.split('/')[0] as string;
}

function getLevel(file: string): number {
  return LEVELS.findIndex((folders) => folders.includes(getFolder(file)));
}

describe('folders', () => {
  it('are all in the order above', () => {
    expect(readdirSync(SRC).sort()).toEqual([...LEVELS.flat()].sort());
  });

  it('hold a module as x.ts or as x/, never both', () => {
    expect(files.filter((file) => existsSync(join(SRC, file.slice(0, -'.ts'.length))))).toEqual([]);
  });
});

describe('imports', () => {
  it.each(files)('%s imports downwards only', (file) => {
    const wrong = listImports(file).filter(
      (imported) => getFolder(imported) !== getFolder(file) && getLevel(imported) >= getLevel(file),
    );
    expect(wrong).toEqual([]);
  });

  it('has no circles', () => {
    const graph = new Map(files.map((file) => [file, listImports(file)]));
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
    expect(files.filter((file) => pattern.test(readSource(file)) && !where.test(file))).toEqual([]);
  });
});
