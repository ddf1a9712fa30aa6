// Makes a fresh clone ready: installs what the lockfile names and builds, each only when it is not up to date.
// Runs before `npm start` and `npm test`, so it may use nothing but Node itself.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);

function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (error !== undefined) console.error(`${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

function newest(folder) {
  let time = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile())
      time = Math.max(time, statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs);
  }
  return time;
}

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Postern needs Node 20.19 or newer, this is ${process.version}.`);
  process.exit(1);
}

// npm writes this file last, so an interrupted installation is repeated.
const installed = 'node_modules/.package-lock.json';
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync('package-lock.json').mtimeMs) {
  console.error('installing dependencies (a minute or two: SQLite may have to be compiled)');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

const built = 'dist/cli/main.js';
const sources = Math.max(newest('src'), statSync('tsconfig.build.json').mtimeMs);
if (!existsSync(built) || statSync(built).mtimeMs < sources) {
  console.error('building');
  run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json']);
}
