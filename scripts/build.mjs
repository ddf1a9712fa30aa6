// Bundles the program: dist/cli/ of src/ and of the packages that it uses, in parts that commands load.
// Beside it: manual pages, the texts of `postern help`, completions (scripts/manual/).
// docs/performance.md has the measurements behind it; `npm run check` looks at the types.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build } from 'rolldown';
import { writeManual } from './manual/build.ts';

/** What runs before it is known which command is meant: `--version` and `--help` load nothing else. */
const START =
  /\/src\/(?:base\/(?:errors|escape|package)|cli\/(?:commands|options|program|help|io|version))\.ts$|\/commander\//;

/** The log of the services, which commands that end at once do not write. */
const LOG =
  /\/src\/base\/log\.ts$|\/node_modules\/(?:pino|pino-[^/]+|@pinojs\/[^/]+|sonic-boom|thread-stream|safe-stable-stringify|on-exit-leak-free|atomic-sleep|quick-format-unescaped|real-require|process-warning)\//;

/** What replies say, which only those who read a log need. */
const WORDINGS = /\/src\/classify\/(?:classify|table|codes|wordings\/[^/]+)\.ts$/;

/** Modules that at least so many parts need are one file: to open a file takes longer than to read a larger one. */
const COMMON = 8;

/** What the browser gets from `postern web` (src/web/assets.ts). */
const ASSETS = [
  'src/web/browser/desk.css',
  'src/web/browser/desk.js',
  'src/web/browser/icon.svg',
  'node_modules/htmx.org/dist/htmx.min.js',
  'node_modules/uplot/dist/uPlot.iife.min.js',
  'node_modules/uplot/dist/uPlot.min.css',
];

// Compiled code of the program that was here before (src/cli/compiled.ts).
rmSync(join(dirname(import.meta.dirname), 'dist/compiled'), { recursive: true, force: true });

await build({
  cwd: dirname(import.meta.dirname),
  // The second is a thread of `replay`.
  input: { main: 'src/cli/main.ts', 'trial-worker': 'src/report/trial-worker.ts' },
  platform: 'node',
  // A native binding, which finds its binary beside its own files.
  external: ['better-sqlite3'],
  plugins: [
    { name: 'ascii', generateBundle: escapeTexts },
    { name: 'package-files', generateBundle: addPackageFiles },
  ],
  checks: { ineffectiveDynamicImport: false },
  output: {
    // Two folders below package.json, like src/base/package.ts.
    dir: 'dist/cli',
    cleanDir: true,
    // Such files load faster than ES modules.
    format: 'cjs',
    chunkFileNames: '[name].js',
    sourcemap: true,
    // They are read at each start. The source has them, and LICENSES.txt those about licenses.
    comments: false,
    codeSplitting: {
      groups: [
        { name: 'start', test: START, priority: 2 },
        { name: 'common', test: /\/src\/base\/silent-log\.ts$/, priority: 3 },
        { name: 'log', test: LOG, priority: 2 },
        {
          name: 'common',
          test: (id) => !WORDINGS.test(id),
          minShareCount: COMMON,
          priority: 1,
        },
        { name: 'classify', test: WORDINGS },
      ],
    },
  },
});

writeManual();

/**
 * Writes everything beyond ASCII as an escape: V8 keeps a file with a letter beyond Latin-1 in two bytes a letter. Lines
 * stay where they are, so the source map stays right.
 */
function escapeTexts(_options, bundle) {
  const escapeUnit = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  for (const chunk of Object.values(bundle)) {
    if (chunk.type !== 'chunk') continue;
    if (/\\[^\x00-\x7f]|\.raw`[^`]*[^\x00-\x7f`]/.test(chunk.code)) {
      throw new Error(`${chunk.fileName}: an escape would mean something else here`);
    }
    chunk.code = chunk.code.replace(/[^\x00-\x7f]/g, escapeUnit);
  }
}

/**
 * Adds package.json, which says that the files are CommonJS, what the browser gets, and the licenses of the packages that
 * are in the bundle.
 */
function addPackageFiles(_options, bundle) {
  const root = dirname(import.meta.dirname);
  for (const path of ASSETS) {
    const source = readFileSync(join(root, path), 'utf8');
    this.emitFile({ type: 'asset', fileName: `assets/${basename(path)}`, source });
  }
  const assets = ASSETS.map((path) => join(root, path));
  const modules = [...assets, ...Object.values(bundle).flatMap(({ moduleIds = [] }) => moduleIds)];
  const packages = modules.flatMap((id) => /.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id) ?? []);
  const source = [...new Set(packages)].sort().map(readLicense).join('\n\n');
  this.emitFile({ type: 'asset', fileName: 'LICENSES.txt', source });
  this.emitFile({ type: 'asset', fileName: 'package.json', source: '{"type":"commonjs"}\n' });
}

/** Name, version and license of the package in that folder. */
function readLicense(folder) {
  const text = readFileSync(join(folder, 'package.json'), 'utf8');
  const { name, version, license } = JSON.parse(text);
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const terms = file === undefined ? '' : readFileSync(join(folder, file), 'utf8').trim();
  return `${name} ${version}: ${license}\n\n${terms}\n`;
}
