// Makes a fresh clone ready and runs a program in it:
//
//     node scripts/prepare.mjs [PROGRAM [ARGUMENT ...]]
//
// Installs what the lock file names and builds, each only if it is not up to date. Uses nothing but Node itself. If this
// Node is too old, npm fetches Node 24, and everything runs with that.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST = [22, 18];
const script = fileURLToPath(import.meta.url);
process.chdir(dirname(dirname(script)));

const [major, minor] = process.versions.node.split('.').map(Number);
const [program, ...args] = process.argv.slice(2);
if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  await pass(fetchNode(), [script, ...process.argv.slice(2)]);
} else {
  prepare();
  if (program !== undefined) await pass(program, args);
}

/**
 * Path of a Node 24 in this folder, which npm fetches the first time (some 10 s). It is not left in npm's cache: that
 * is in root's home, where the accounts without rights that some tests use may not go.
 */
function fetchNode() {
  console.error(`Node ${process.version} is too old for Postern: using Node 24, fetched by npm`);
  const name = `node-${process.platform}-${process.arch}`;
  const node = resolve('.node/node_modules', name, 'bin/node');
  if (!existsSync(node)) {
    const quiet = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--silent'];
    run('npm', ['install', '--prefix', '.node', ...quiet, `${name}@24`]);
  }
  return node;
}

function prepare() {
  // npm writes this file last, so an interrupted installation is repeated.
  const installed = 'node_modules/.package-lock.json';
  if (!isNewer(installed, statSync('package-lock.json').mtimeMs)) {
    console.error('installing dependencies');
    // No package needs its install script: SQLite's binding brings its binaries, and npm would call a compiler for it.
    run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  const sources = Math.max(...['src', 'scripts', 'docs'].map(findNewest));
  if (!isNewer('dist/cli/main.js', sources)) {
    console.error('building');
    run('npm', ['run', '--silent', 'build']);
  }
}

function isNewer(file, time) {
  return existsSync(file) && statSync(file).mtimeMs >= time;
}

function findNewest(folder) {
  const files = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) =>
    entry.isFile(),
  );
  return Math.max(...files.map(({ parentPath, name }) => statSync(join(parentPath, name)).mtimeMs));
}

function run(command, parameters) {
  const stdio = ['ignore', 'inherit', 'inherit'];
  const { status, error } = spawnSync(command, parameters, { stdio, env: environment() });
  if (error !== undefined) console.error(`${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

/** Runs a command in place of this process: signals go to it, its exit status becomes ours. */
function pass(command, parameters) {
  const child = spawn(command, parameters, { stdio: 'inherit', env: environment(command) });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(`${command}: ${error.message}`);
      process.exit(1);
    });
    child.on('exit', (status) => {
      process.exitCode = status ?? 1;
      resolve();
    });
  });
}

/** With this Node first in the search path: programs that start `node` get the same one. */
function environment(node = process.execPath) {
  const folder = dirname(node.endsWith('/node') ? node : process.execPath);
  return { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` };
}
