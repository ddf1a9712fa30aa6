/** What runs on a Node.js that is too old, of which one must be at hand: `npm test` on it, and the program itself. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isOldNode } from '../src/cli/node-version.ts';

it.each([
  ['20.19.2', true],
  ['22.17.9', true],
  ['22.18.0', false],
  ['24.1.0', false],
])('Node %s is too old: %s', (version, expected) => {
  expect(isOldNode(version)).toBe(expected);
});

const OLD_NODE = '/usr/bin/node';
const found = spawnSync(OLD_NODE, ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? '';
const hasOldNode = found !== '' && isOldNode(found.slice(1));
if (!hasOldNode) console.log(`no old Node.js at ${OLD_NODE}, nothing to try there`);

describe.runIf(hasOldNode)('on an old Node.js', () => {
  function runOld(...argv: string[]) {
    return spawnSync(OLD_NODE, argv, { encoding: 'utf8' });
  }

  it('the program says what it needs in one line, status 2', () => {
    const { status, stdout, stderr } = runOld(resolve('dist/cli/main.js'), 'status');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toBe(
      `postern: needs Node.js 22.18 or newer, this is ${found}; docs/install.md says how to get Node.js 24\n`,
    );
  });

  it('prepare.mjs says which Node it takes in one line, and runs the program with that', () => {
    const { status, stdout, stderr } = runOld('scripts/prepare.mjs', 'node', '--version');
    expect(stdout).toMatch(/^v24\./);
    expect(stderr).toBe(`Node ${found} is too old for Postern: using Node 24, fetched by npm\n`);
    expect(status).toBe(0);
  }, 120_000);

  it('prepare.mjs gives the exit status of the program', () => {
    expect(runOld('scripts/prepare.mjs', 'node', '-e', 'process.exit(7)').status).toBe(7);
  }, 120_000);
});

describe('bin/postern', () => {
  it('starts the program wherever it is called from, and through a link', () => {
    const { stdout, status } = spawnSync(resolve('bin/postern'), ['--version'], {
      cwd: '/',
      encoding: 'utf8',
    });
    expect(stdout).toMatch(/^[0-9]+\.[0-9]+\.[0-9]+\n$/);
    expect(status).toBe(0);
  });
});
