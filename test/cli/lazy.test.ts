/** What each command loads before it does anything: small commands start fast because they load little. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadedWith } from '../support/static-imports.ts';

const GROUPS = readdirSync(new URL('../../src/cli/groups', import.meta.url))
  .map((file) => `cli/groups/${file}`)
  .sort();

function packagesOf(loaded: ReadonlySet<string>): string[] {
  return [...loaded].filter((name) => !name.endsWith('.ts') && !name.startsWith('node:')).sort();
}

describe('loads no more than it needs:', () => {
  it('--help and --version', () => {
    const loaded = [...loadedWith('cli/commands.ts')].filter((name) => !name.startsWith('node:'));
    expect(loaded.sort()).toEqual([
      'base/errors.ts',
      'base/package.ts',
      'cli/commands.ts',
      ...GROUPS,
      'cli/help.ts',
      'cli/options.ts',
      'cli/program.ts',
      'cli/version.ts',
      'commander',
    ]);
  });

  it('nothing but modules of Node.js before it has looked at the version', () => {
    const loaded = [...loadedWith('cli/main.ts')].filter((name) => !name.startsWith('node:'));
    expect(loaded.sort()).toEqual(['cli/compiled.ts', 'cli/main.ts', 'cli/node-version.ts']);
  });

  it.each<[string, string[]]>([
    ['classify', ['ipaddr.js']],
    ['parse', ['ipaddr.js', 'zod']],
    ['replay', ['ipaddr.js', 'yaml', 'zod']],
    ['blocks', ['better-sqlite3', 'ipaddr.js', 'yaml', 'zod']],
    ['block', ['better-sqlite3', 'ipaddr.js', 'yaml', 'zod']],
    ['unblock', ['better-sqlite3', 'ipaddr.js', 'yaml', 'zod']],
    ['explain', ['better-sqlite3', 'ipaddr.js', 'yaml', 'zod']],
    ['events', ['better-sqlite3', 'ipaddr.js', 'yaml', 'zod']],
    ['status', ['better-sqlite3', 'ipaddr.js', 'yaml', 'zod']],
    ['report', ['better-sqlite3', 'ipaddr.js', 'yaml', 'zod']],
    ['init', ['ipaddr.js', 'yaml', 'zod']],
    ['check', ['ipaddr.js', 'yaml', 'zod']],
  ])('%s', (command, packages) => {
    const loaded = packagesOf(loadedWith(`cli/${command}.ts`));
    expect(loaded.filter((name) => !packages.includes(name))).toEqual([]);
  });

  it('nothing that stores, blocks or tells, where only files are read', () => {
    const loaded = [...loadedWith('cli/replay.ts')];
    expect(loaded.filter((name) => /^(?:store|notify)\//.test(name))).toEqual([]);
    // The allow list: who is never blocked.
    expect(loaded.filter((name) => name.startsWith('enforce/'))).toEqual(['enforce/allow-list.ts']);
  });
});
