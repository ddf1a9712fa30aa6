/** A block on a person with several logins: a line for each, in the file and in what the real mail servers look up. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exceptAllowed, makeAllowList } from '../../src/enforce/allow-list.ts';
import { buildEximTargets } from '../../src/enforce/exim.ts';
import { buildPostfixTargets } from '../../src/enforce/postfix.ts';
import { reconcile } from '../../src/enforce/reconcile.ts';
import { readOwnEntries } from '../../src/enforce/table.ts';
import type { BlockTarget } from '../../src/enforce/target.ts';
import type { Block } from '../../src/model/block.ts';
import { eximProgram } from '../support/exim.ts';
import { lookUp, postmapIn, REAL_TYPES } from './real-postmap.ts';

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-spellings-'));
  chmodSync(folder, 0o755); // Exim reads it as another user
  file = join(folder, 'blocked');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Long after every file was written, ms. */
const LATER = 4e12;
const ALICE: Block = {
  id: 7,
  key: { type: 'user', id: 'alice@example.net' },
  cause: 'manual',
  start: 0,
  spellings: ['alice', 'alice+phone'],
};
const BOB: Block = { id: 8, key: { type: 'user', id: 'bob' }, cause: 'manual', start: 0 };

const exim = () => buildEximTargets({ blockedUsers: file })[0] as BlockTarget;

async function run(target: BlockTarget, blocks: readonly Block[], written?: readonly number[]) {
  const known = new Map(written === undefined ? [] : [[target.name, new Set(written)]]);
  const request = { blocks, written: known, pending: new Set<string>(), now: LATER };
  const [result] = (await reconcile([target], request)).targets;
  return {
    ...result,
    released: result?.released.map(({ id }) => id),
    lines: readFileSync(file, 'latin1')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#')),
  };
}

describe('a person with several logins', () => {
  it('has a line for each, all of one block', async () => {
    const result = await run(exim(), [ALICE, BOB]);
    expect(result.lines).toEqual(['alice@example.net', 'alice', 'alice+phone', 'bob']);
    expect(result.written).toEqual([7, 8]);
    const entries = readOwnEntries(exim(), readFileSync(file, 'latin1'));
    expect(entries.map(({ id, cause }) => `${id} ${cause}`)).toEqual([
      '7 manual',
      '7 manual',
      '7 manual',
      '8 manual',
    ]);
  });

  it('stays blocked while nobody touches the file', async () => {
    await run(exim(), [ALICE, BOB]);
    const again = await run(exim(), [ALICE, BOB], [7, 8]);
    expect(again).toMatchObject({ changed: false, released: [], written: [7, 8] });
  });

  it('gets a line for a login that is seen later', async () => {
    await run(exim(), [ALICE, BOB]);
    const more = { ...ALICE, spellings: ['alice', 'alice+phone', 'alice+tablet'] };
    const result = await run(exim(), [more, BOB], [7, 8]);
    expect(result.released).toEqual([]);
    expect(result.lines).toContain('alice+tablet');
  });

  it('keeps its lines when other logins are the newest ones', async () => {
    await run(exim(), [ALICE, BOB]);
    const result = await run(exim(), [{ ...ALICE, spellings: ['alice+a'] }, BOB], [7, 8]);
    expect(result.released).toEqual([]);
    expect(result.lines).toEqual(['alice@example.net', 'bob', 'alice+a']);
  });

  it.each(['alice@example.net', 'alice', 'alice+phone'])(
    'is unblocked by whoever deletes the line of %s',
    async (login) => {
      await run(exim(), [ALICE, BOB]);
      const lines = readFileSync(file, 'latin1').split('\n');
      writeFileSync(file, lines.filter((line) => line !== login).join('\n'));
      const result = await run(exim(), [ALICE, BOB], [7, 8]);
      expect(result).toMatchObject({ released: [7], lines: ['bob'], written: [8] });
    },
  );

  it('is not unblocked by whoever edits one line', async () => {
    await run(exim(), [ALICE]);
    writeFileSync(file, readFileSync(file, 'latin1').replace('alice+phone\n', 'alice+phone: x\n'));
    const result = await run(exim(), [ALICE], [7]);
    expect(result.released).toEqual([]);
    expect(result.lines).toEqual(['alice@example.net', 'alice', 'alice+phone: x']);
  });

  it('has no line for a login that is allowed', async () => {
    const allow = makeAllowList({ uids: ['alice'], oneNamespace: true });
    const result = await run(exceptAllowed(exim(), allow), [ALICE]);
    expect(result.lines).toEqual(['alice@example.net', 'alice+phone']);
    expect(result.inexpressible).toMatchObject([{ reason: 'it is listed in allow.uids' }]);
  });

  it('is blocked by the logins that the file can hold', async () => {
    const result = await run(exim(), [{ ...ALICE, spellings: ['*alice'] }]);
    expect(result).toMatchObject({ lines: ['alice@example.net'], written: [7] });
    expect(result.inexpressible?.map(({ block }) => block.key.id)).toEqual(['*alice']);
  });
});

const TYPED = ['alice@example.net', 'alice', 'alice+phone', 'ALICE', 'Alice@Example.NET'];
const OTHERS = ['alicia', 'alice@example.org', 'alice+tablet'];

describe.each(['lmdb', 'hash', 'texthash', 'pcre'] as const)('%s', (type) => {
  it.runIf(REAL_TYPES.includes(type))('a real Postfix finds each login as typed', async () => {
    const postmap = postmapIn(folder);
    const [target] = buildPostfixTargets({ user: { file, type }, reload: [], postmap });
    expect((await run(target as BlockTarget, [ALICE])).failure).toBeUndefined();
    // Postfix folds what it looks up, postmap -q does not.
    const keys = [...TYPED, ...OTHERS].map((login) => login.toLowerCase());
    const found = lookUp(postmap, `${type}:${file}`, keys);
    expect([...found.keys()].sort()).toEqual(['alice', 'alice+phone', 'alice@example.net']);
  });
});

it.runIf(existsSync(eximProgram()))(
  'a real Exim finds each login as typed, and cut as the recipe for /var/mail does',
  async () => {
    await run(exim(), [{ ...ALICE, key: { type: 'user', id: 'alice' }, spellings: TYPED }]);
    const config = join(folder, 'exim.conf');
    writeFileSync(config, 'keep_environment =\n');
    const look = (key: string) => `\${lookup{${key}}lsearch{${file}}{1}{0}}`;
    const cut = (login: string) => `\${sg{${login}}{\\N\\W.*$\\N}{}}`;
    const texts = [...TYPED.map(look), ...TYPED.map(cut).map(look), look('alicia')];
    const { stdout } = spawnSync(eximProgram(), ['-C', config, '-be', ...texts], {
      encoding: 'utf8',
    });
    expect(stdout.trim().split('\n')).toEqual([...TYPED, ...TYPED].map(() => '1').concat('0'));
  },
);
