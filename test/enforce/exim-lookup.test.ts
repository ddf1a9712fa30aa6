/** Looks up in a real Exim what we wrote: `exim -be` with the lookup of the recipe. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildEximTargets, readLsearchKeys, renderLsearchEntry } from '../../src/enforce/exim.ts';
import { renderTable } from '../../src/enforce/table.ts';
import type { BlockTarget } from '../../src/enforce/target.ts';
import type { Block } from '../../src/model/block.ts';

/** An installed Exim, or one unpacked beside Postfix as .ci/run does it. */
const EXIM = [
  process.env.POSTERN_EXIM,
  join(tmpdir(), 'postern-exim/root/usr/sbin/exim4'),
  '/usr/sbin/exim4',
].find((path) => path !== undefined && existsSync(path));
if (EXIM === undefined) console.warn('Exim is not installed: its look-ups are not tested');

const USERS = [
  'alice@example.net',
  'Bob',
  'two words',
  'a:b',
  '#x',
  'a"b\\c',
  '\\',
  'x\\',
  '\\x41',
  '\\n',
  '日本語@example.net',
  '"a b"@example.net',
  '!x',
  '/x',
  "it's",
  '{a}',
  '$x',
  'a,b',
  '=a',
  '-a',
  '.a',
];
const CLIENTS = ['192.0.2.7', '2001:db8::7', '2001:db8:0:1::'];
const OTHERS = ['victim', 'A', 'b', 'a', 'two', '[postern]', 'postern', '2001', '192.0.2.70', ''];

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-lookup-'));
  chmodSync(folder, 0o755); // Exim reads it as another user
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** `\xNN` for each byte, so that nothing in the key means anything to the expansion. */
function expansion(key: string, file: string): string {
  const bytes = [...Buffer.from(key)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`);
  return `\${lookup{${bytes.join('')}}lsearch{${file}}{1}{0}}`;
}

it.runIf(EXIM !== undefined)(
  'a real Exim finds each identity that was written, and nobody else',
  () => {
    const identities = [
      ...USERS.map((id) => ({ type: 'user', id }) as const),
      ...CLIENTS.map((id) => ({ type: 'client', id }) as const),
    ];
    const blocks = identities.map((key, id): Block => ({ id, key, cause: 'manual', start: 0 }));
    const format = { renderEntry: renderLsearchEntry, readKeys: readLsearchKeys };
    const file = join(folder, 'blocked');
    const config = join(folder, 'exim.conf');
    writeFileSync(file, renderTable(format, blocks, '# mine\ncarol: 1\n'), 'latin1');
    writeFileSync(config, 'keep_environment =\n');
    const keys = [...USERS, ...CLIENTS, 'carol', 'ALICE@example.net', ...OTHERS];
    const texts = keys.map((key) => expansion(key, file));
    const { stdout } = spawnSync(EXIM ?? '', ['-C', config, '-be', ...texts], { encoding: 'utf8' });
    const found = keys.filter((_, index) => stdout.split('\n')[index] === '1');
    expect(found).toEqual(keys.filter((key) => !OTHERS.includes(key)));
  },
);

it.runIf(EXIM !== undefined)(
  'a real Exim finds the clients of each network, as we read it',
  async () => {
    const file = join(folder, 'networks');
    const config = join(folder, 'exim.conf');
    writeFileSync(config, 'keep_environment =\n');
    const [target] = buildEximTargets({ blockedNetworks: file }) as [BlockTarget];
    const networks = ['198.51.100.0/25', '2001:db8:9::/64', '203.0.113.0/24', '2001:db8:a::/48'];
    const blocks = networks.map((id, at): Block => {
      return { id: at + 1, key: { type: 'client', id }, cause: 'manual', start: 0 };
    });
    writeFileSync(
      file,
      target.render(blocks, '# mine\n192.0.2.9\n"2001:db8:b::7": x\n10.1.2.3/16\n'),
    );
    const clients = [
      ...['198.51.100.7', '198.51.100.127', '198.51.100.128', '203.0.113.255', '203.0.114.0'],
      ...['2001:db8:9::1', '2001:db8:9:0:ffff::', '2001:db8:9:1::', '2001:db8:a:ffff::1'],
      ...['192.0.2.9', '192.0.2.90', '2001:db8:b::7', '2001:db8:b::8', '10.1.255.1', '10.2.0.1'],
    ];
    const texts = clients.map((client) => `\${lookup{${client}}iplsearch{${file}}{1}{0}}`);
    const { stdout } = spawnSync(EXIM ?? '', ['-C', config, '-be', ...texts], { encoding: 'utf8' });
    const found = clients.map((_, index) => stdout.split('\n')[index] === '1');
    const looked = await target.lookUp(clients.map((id) => ({ type: 'client', id })));
    expect((looked as unknown[]).map((each) => each !== undefined)).toEqual(found);
    expect(clients.filter((_, index) => found[index])).toEqual([
      ...[
        '198.51.100.7',
        '198.51.100.127',
        '203.0.113.255',
        '2001:db8:9::1',
        '2001:db8:9:0:ffff::',
      ],
      ...['2001:db8:a:ffff::1', '192.0.2.9', '2001:db8:b::7', '10.1.255.1'],
    ]);
  },
);
