/**
 * Logins with characters that mean something in a table: whoever was blocked is found by the real mail server, and
 * nobody else is. A login that a table cannot hold is refused, and then neither it nor anybody else is found.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildEximTargets } from '../../src/enforce/exim.ts';
import { buildPostfixTargets } from '../../src/enforce/postfix.ts';
import type { BlockTarget } from '../../src/enforce/target.ts';
import type { Block } from '../../src/model/block.ts';
import { eximProgram } from '../support/exim.ts';
import { lookUp, POSTMAP, postmapIn, REAL_TYPES } from './real-postmap.ts';

const EXIM = existsSync(eximProgram()) ? eximProgram() : undefined;

/** Each of these has harmed a table before, alone or beside another. */
const PARTS = [
  'a',
  'b',
  ':',
  '"',
  ' ',
  '#',
  '\\',
  '@',
  '*',
  '/',
  '!',
  ',',
  '$',
  '{',
  '.',
  '^',
  '|',
  "'",
  'é',
  'x41',
];
const login = fc
  .array(fc.constantFrom(...PARTS), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join(''))
  .filter((text) => text === text.trim());
/** Some are blocked, all are looked up. */
const cases = fc.record({
  blocked: fc.uniqueArray(login, { minLength: 1, maxLength: 40 }),
  others: fc.uniqueArray(login, { maxLength: 40 }),
});

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-logins-'));
  chmodSync(folder, 0o755);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes the blocks and returns the logins that the target took. */
async function write(target: BlockTarget, logins: readonly string[]): Promise<string[]> {
  const keys = logins.map((id) => ({ type: 'user', id }) as const);
  const blocks = keys.map((key, at): Block => ({ id: at + 1, key, cause: 'manual', start: 0 }));
  writeFileSync(target.file, Buffer.from(target.render(blocks, ''), 'latin1'));
  await target.buildIndex();
  return keys.filter((key) => 'line' in target.renderEntry(key)).map(({ id }) => id);
}

/** `\xNN` for each byte, so that nothing in the key means anything to the expansion. */
function findByExim(file: string, logins: readonly string[]): string[] {
  const config = join(folder, 'exim.conf');
  writeFileSync(config, 'keep_environment =\n');
  const texts = logins.map((id) => {
    const bytes = [...Buffer.from(id)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`);
    return `\${lookup{${bytes.join('')}}lsearch{${file}}{1}{0}}`;
  });
  const { stdout } = spawnSync(EXIM ?? '', ['-C', config, '-be', ...texts], { encoding: 'utf8' });
  const answers = stdout.split('\n');
  return logins.filter((_, index) => answers[index] === '1');
}

it.runIf(EXIM !== undefined)(
  'Exim finds exactly who was blocked',
  { timeout: 120_000 },
  async () => {
    const [target] = buildEximTargets({ blockedUsers: join(folder, 'blocked') }) as [BlockTarget];
    const refused = new Set<string>();
    await fc.assert(
      fc.asyncProperty(cases, async ({ blocked, others }) => {
        const taken = await write(target, blocked);
        const all = [...new Set([...blocked, ...others])];
        expect(findByExim(target.file, all)).toEqual(all.filter((id) => taken.includes(id)));
        for (const id of blocked) if (!taken.includes(id)) refused.add(id);
        const looked = await target.lookUp(all.map((id) => ({ type: 'user', id })));
        expect(all.filter((_, at) => (looked as unknown[])[at] !== undefined)).toEqual(
          all.filter((id) => taken.includes(id)),
        );
      }),
      { numRuns: 40 },
    );
    // Only a key that begins with * means others as well, and what reads as an address is one.
    expect([...refused].filter((id) => !id.startsWith('*') && isIP(id) === 0)).toEqual([]);
  },
);

it
  .runIf(POSTMAP !== undefined)
  .each(['lmdb', 'texthash', 'regexp'].filter((type) => REAL_TYPES.includes(type)))(
  'Postfix finds exactly who was blocked, in %s',
  { timeout: 120_000 },
  async (type) => {
    const postmap = postmapIn(folder);
    const table = { file: join(folder, type), type: type as 'lmdb' };
    const [target] = buildPostfixTargets({ user: table, postmap, reload: [] }) as [BlockTarget];
    await fc.assert(
      fc.asyncProperty(cases, async ({ blocked, others }) => {
        const taken = await write(target, blocked);
        const all = [...new Set([...blocked, ...others])];
        const expected = all.filter((id) => taken.includes(id));
        expect([...lookUp(postmap, `${type}:${table.file}`, all).keys()]).toEqual(expected);
        const looked = await target.lookUp(all.map((id) => ({ type: 'user', id })));
        expect(all.filter((_, at) => (looked as unknown[])[at] !== undefined)).toEqual(expected);
      }),
      { numRuns: 10 },
    );
  },
);
