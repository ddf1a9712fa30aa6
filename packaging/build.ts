/**
 * `npm run package [-- --arch=amd64,arm64] [--format=deb,rpm] [--out=DIR] [--fast]`: makes the packages. Everything that
 * goes in is built or pinned, and dated by the last commit, so that the same commit gives the same bytes. `--fast`
 * compresses little, for tests. Needs dpkg-deb, and rpmbuild for an rpm. Prints the path of each package.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildDeb } from './deb.ts';
import { fetchNode } from './node.ts';
import { buildRpm } from './rpm.ts';
import { ARCHITECTURES, type Architecture, layTree, type Package } from './tree.ts';

const FORMATS = { deb: buildDeb, rpm: buildRpm } as const;

function main(): void {
  const { values } = parseArgs({
    options: {
      arch: { type: 'string', default: 'amd64,arm64' },
      format: { type: 'string', default: 'deb' },
      out: { type: 'string', default: 'packages' },
      fast: { type: 'boolean', default: false },
    },
  });
  // Whoever builds it: dpkg-deb looks at the modes.
  process.umask(0o022);
  const out = resolve(values.out);
  mkdirSync(out, { recursive: true });
  const work = mkdtempSync(join(tmpdir(), 'postern-package-'));
  try {
    for (const arch of choose('--arch', values.arch, ARCHITECTURES)) {
      const made = makeTree(join(work, arch), arch);
      for (const format of choose('--format', values.format, Object.keys(FORMATS) as Format[])) {
        console.log(FORMATS[format](made, { out, work, fast: values.fast }));
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

type Format = keyof typeof FORMATS;

function choose<T extends string>(option: string, text: string, all: readonly T[]): T[] {
  const words = text.split(',');
  const wrong = words.find((word) => !all.includes(word as T));
  if (wrong !== undefined) throw new Error(`${option}=${wrong}: expected ${all.join(', ')}`);
  return words as T[];
}

function makeTree(root: string, arch: Architecture): Package {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const made = { root, arch, version, time: lastCommit() };
  layTree(made, fetchNode(arch));
  return made;
}

/** Seconds since the epoch; SOURCE_DATE_EPOCH says it where there is no history. */
function lastCommit(): number {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given !== undefined) return Number(given);
  return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { encoding: 'utf8' }));
}

main();
