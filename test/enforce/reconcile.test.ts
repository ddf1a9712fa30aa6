import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildEximTargets } from '../../src/enforce/exim.ts';
import { buildPostfixTargets, type PostfixOptions } from '../../src/enforce/postfix.ts';
import { type ReconcileRequest, reconcile } from '../../src/enforce/reconcile.ts';
import type { BlockTarget } from '../../src/enforce/target.ts';
import type { Block, BlockableType } from '../../src/model/block.ts';
import { postmapIn, script } from './real-postmap.ts';

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-reconcile-'));
  file = join(folder, 'blocked');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function block(type: BlockableType, id: string, number: number): Block {
  return { id: number, key: { type, id }, cause: 'manual', start: 0 };
}

const alice = block('user', 'alice', 1);
const bob = block('user', 'bob', 2);
const client = block('client', '192.0.2.7', 3);

const exim = () => buildEximTargets({ blockedUsers: file })[0] as BlockTarget;

function postfix(options: Partial<PostfixOptions>): BlockTarget[] {
  return buildPostfixTargets({ reload: [], postmap: postmapIn(folder), ...options });
}

/** Long after every file was written, ms. */
const LATER = 4e12;

async function run(
  targets: readonly BlockTarget[],
  blocks: readonly Block[],
  more: Partial<ReconcileRequest> = {},
) {
  const request = { blocks, written: new Map(), pending: new Set<string>(), now: LATER, ...more };
  return reconcile(targets, request);
}

async function one(
  target: BlockTarget,
  blocks: readonly Block[],
  more: Partial<ReconcileRequest> = {},
) {
  const [result] = (await run([target], blocks, more)).targets;
  if (result === undefined) throw new Error('no result');
  return result;
}

const ids = (...numbers: number[]) => new Map([['exim.blockedUsers', new Set(numbers)]]);

describe('lines deleted by hand', () => {
  it('are not concluded from a file that is gone', async () => {
    await one(exim(), [alice, bob]);
    rmSync(file);
    const result = await one(exim(), [alice, bob], { written: ids(1, 2) });
    expect(result).toMatchObject({ changed: true, released: [], written: [1, 2] });
  });

  it('are concluded from an empty file', async () => {
    writeFileSync(file, '');
    const result = await one(exim(), [alice, bob], { written: ids(1) });
    expect(result).toMatchObject({ released: [alice], written: [2] });
  });

  it('wait until the file has been left alone: an editor may be writing', async () => {
    await one(exim(), [alice]);
    writeFileSync(file, '');
    const now = statSync(file).mtimeMs + 400;
    const early = await one(exim(), [alice, bob], { written: ids(1), now });
    expect(early).toMatchObject({ changed: false, released: [], written: [1], retryIn: 600 });
    expect(readFileSync(file, 'utf8')).toBe('');
    const late = await one(exim(), [alice, bob], { written: ids(1), now: now + 600 });
    expect(late).toMatchObject({ changed: true, released: [alice], written: [2] });
  });

  describe('by a clock that is behind the file', () => {
    const emptied = async () => {
      await one(exim(), [alice]);
      const content = readFileSync(file);
      writeFileSync(file, '');
      const now = statSync(file).mtimeMs - 3_600_000;
      return { content, result: one(exim(), [alice, bob], { written: ids(1), now, settle: 500 }) };
    };

    it('count if nobody is still writing', async () => {
      const { result } = await emptied();
      expect(await result).toMatchObject({ changed: true, released: [alice], written: [2] });
    });

    it('do not count if an editor was writing', async () => {
      const { content, result } = await emptied();
      await new Promise((resolve) => setImmediate(resolve)); // it has read the file and waits
      writeFileSync(file, content);
      expect(await result).toMatchObject({ changed: true, released: [], written: [1, 2] });
    });
  });

  it('delay nothing while no line is missing', async () => {
    await one(exim(), [alice]);
    const now = statSync(file).mtimeMs;
    expect(await one(exim(), [alice, bob], { written: ids(1), now })).toMatchObject({
      written: [1, 2],
    });
  });

  it('are not concluded from another format that is configured now', async () => {
    const before = postfix({ user: { file, type: 'pcre' } })[0] as BlockTarget;
    await one(before, [alice]);
    const other = postfix({ user: { file, type: 'texthash' } })[0] as BlockTarget;
    const written = new Map([['postfix.user', new Set([1])]]);
    const result = await one(other, [alice], { written });
    expect(result).toMatchObject({ changed: true, released: [], written: [1] });
    expect(readFileSync(file, 'utf8')).toMatch(/\nalice\tHOLD\n$/);
    expect(readFileSync(file, 'utf8')).not.toContain('/^alice$/');
  });

  it('count per block: the same name blocked again is written', async () => {
    await one(exim(), [alice]);
    writeFileSync(file, '');
    const again = { ...alice, id: 7 };
    expect(await one(exim(), [again], { written: ids(1) })).toMatchObject({
      released: [],
      written: [7],
    });
  });
});

describe('an operator who saves at the same moment', () => {
  /** The real target, with an editor that saves between reading and writing, `times` times. */
  function raced(times: number): BlockTarget {
    const target = exim();
    let left = times;
    return {
      ...target,
      render(blocks, old) {
        if (left-- > 0) appendFileSync(file, `hand${left}\n`);
        return target.render(blocks, old);
      },
    };
  }

  it('loses nothing', async () => {
    writeFileSync(file, 'carol\n');
    const result = await one(raced(2), [alice]);
    expect(result).toMatchObject({ changed: true, written: [1] });
    for (const name of ['carol', 'hand0', 'hand1', 'alice']) {
      expect(readFileSync(file, 'utf8').split('\n')).toContain(name);
    }
  });

  it('and does not stop is reported, not fought', async () => {
    writeFileSync(file, 'carol\n');
    const result = await one(raced(99), [alice], { written: ids(5) });
    expect(result).toMatchObject({ changed: false, written: [5] });
    expect(result.failure?.message).toContain('keeps changing');
    expect(readFileSync(file, 'utf8')).toBe('carol\nhand98\nhand97\nhand96\n');
  });
});

describe('the file', () => {
  it('may be behind a link, which stays', async () => {
    const real = join(folder, 'real');
    writeFileSync(real, 'carol\n');
    symlinkSync(real, file);
    await one(exim(), [alice]);
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(readFileSync(real, 'utf8')).toContain('\nalice\n');
  });

  it.each<[string, () => void, RegExp]>([
    ['a folder', () => mkdirSync(file), /blocked: not a regular file/],
    ['a dangling link', () => symlinkSync(join(folder, 'no', 'where'), file), /blocked: .*ENOENT/],
    [
      'below a file',
      () => writeFileSync(join(folder, 'x'), ''),
      /x\/blocked: .*not a folder \(ENOTDIR\)/,
    ],
  ])('that is %s gives a failure', async (name, make, message) => {
    make();
    if (name === 'below a file') file = join(folder, 'x', 'blocked');
    const result = await one(exim(), [alice], { written: ids(1) });
    expect(result.failure?.message).toMatch(message);
    expect(result).toMatchObject({ changed: false, released: [], written: [1] });
  });

  it('of one target that fails does not stop the others', async () => {
    const broken = buildEximTargets({ blockedUsers: join(folder, 'none', 'x') })[0] as BlockTarget;
    const { targets } = await run([broken, exim()], [alice]);
    expect(targets.map(({ failure }) => failure !== undefined)).toEqual([true, false]);
    expect(existsSync(file)).toBe(true);
  });
});

it('names blocks that no target takes', async () => {
  const sender = block('sender', 'x@example.net', 9);
  expect((await run([exim()], [alice, sender])).unrouted).toEqual([sender]);
});

describe('postmap', () => {
  const table = () => ({ user: { file, type: 'lmdb' } as const });

  it('that fails leaves the target pending, and the next run tries again', async () => {
    const bad = script(
      join(folder, 'bad'),
      'echo "postmap: warning: x" >&2; echo "postmap: fatal: no" >&2; exit 1',
    );
    const failed = await one(postfix({ ...table(), postmap: bad })[0] as BlockTarget, [alice]);
    expect(failed).toMatchObject({ changed: true, written: [1], pending: true });
    expect(failed.failure?.message).toBe(`${bad[0]} lmdb:${file}: postmap: fatal: no`);
    const good = postfix(table())[0] as BlockTarget;
    const retried = await one(good, [alice], { pending: new Set(['postfix.user']) });
    expect(retried).toMatchObject({ changed: false, pending: false });
    expect(retried.failure).toBeUndefined();
    expect(good.isIndexed()).toBe(true);
  });

  it('that failed is tried again after a restart, too, though nothing is remembered', async () => {
    await one(postfix({ ...table(), postmap: ['/nonexistent/postmap'] })[0] as BlockTarget, [
      alice,
    ]);
    expect(existsSync(`${file}.lmdb`)).toBe(false);
    await one(postfix(table())[0] as BlockTarget, [alice]);
    expect(existsSync(`${file}.lmdb`)).toBe(true);
  });

  it('that hangs is killed', async () => {
    const hanging = script(join(folder, 'hang'), 'sleep 60');
    const options = { ...table(), postmap: hanging, timeout: 200 };
    const result = await one(postfix(options)[0] as BlockTarget, [alice]);
    expect(result.failure?.message).toMatch(/hang lmdb:.*: no answer within 0.2 s, killed/);
  });

  it('never touches a Berkeley DB that is in use, and cleans up when it fails', async () => {
    const hash = { user: { file, type: 'hash' } as const };
    await one(postfix(hash)[0] as BlockTarget, [alice]);
    const before = readFileSync(`${file}.db`);
    const torn = script(
      join(folder, 'torn'),
      'file=`echo "$1" | cut -d: -f2-`; echo torn >"$file".db; exit 1',
    );
    const result = await one(postfix({ ...hash, postmap: torn })[0] as BlockTarget, [alice, bob]);
    expect(result).toMatchObject({ pending: true });
    expect(readFileSync(`${file}.db`).equals(before)).toBe(true);
    expect(existsSync(`${file}.postern-new`)).toBe(false);
    expect(existsSync(`${file}.postern-new.db`)).toBe(false);
    const pending = new Set([result.name]);
    await one(postfix(hash)[0] as BlockTarget, [alice, bob], { pending });
    expect(readFileSync(`${file}.db`).equals(before)).toBe(false);
  });

  it('is not run for an index that is right', async () => {
    await one(postfix(table())[0] as BlockTarget, [alice]);
    const bad = postfix({ ...table(), postmap: ['/nonexistent/postmap'] })[0] as BlockTarget;
    expect((await one(bad, [alice])).failure).toBeUndefined();
  });

  it('is not run for ever over a file from the future', async () => {
    await one(postfix(table())[0] as BlockTarget, [alice]);
    utimesSync(file, 4e9, 4e9);
    const target = postfix(table())[0] as BlockTarget;
    await one(target, [alice]);
    expect(target.isIndexed()).toBe(true);
  });
});

describe('reload', () => {
  let calls = '';
  let reload: readonly string[] = [];
  beforeEach(() => {
    calls = join(folder, 'calls');
    reload = script(join(folder, 'reload'), `echo "$*" >>'${calls}'; test ! -e '${folder}/broken'`);
  });
  const count = () => (existsSync(calls) ? readFileSync(calls, 'utf8').split('\n').length - 1 : 0);
  const tables = () =>
    postfix({
      user: { file, type: 'texthash' },
      client: { file: join(folder, 'clients'), type: 'cidr' },
      sender: { file: join(folder, 'senders'), type: 'lmdb' },
      reload: [...reload, 'reload'],
    });

  it('is one for all targets, and none when nothing changed', async () => {
    await run(tables(), [alice, client]);
    expect(readFileSync(calls, 'utf8')).toBe('reload\n');
    await run(tables(), [alice, client]);
    expect(count()).toBe(1);
    await run(tables(), [alice]);
    expect(count()).toBe(2);
  });

  it('follows a release, even if the operator left nothing to tidy up', async () => {
    await run(tables(), [alice]);
    const clean = readFileSync(file, 'utf8').replace(/.*block 1.*\nalice.*\n/, '');
    writeFileSync(file, clean);
    const written = new Map([['postfix.user', new Set([1])]]);
    const { targets } = await run(tables(), [alice], { written });
    expect(targets[0]).toMatchObject({ changed: false, released: [alice], pending: false });
    expect(count()).toBe(2);
  });

  it('is none for maps that Postfix watches by itself', async () => {
    await run(tables(), []);
    await run(tables(), [block('sender', 'x@example.net', 4)]);
    expect(count()).toBe(1);
  });

  it('that fails leaves what it was for pending, and is tried again', async () => {
    writeFileSync(join(folder, 'broken'), '');
    const { targets } = await run(tables(), [alice, client]);
    expect(targets.map(({ pending }) => pending)).toEqual([true, true, false]);
    expect(targets[0]?.failure?.message).toMatch(/reload reload: exit status 1/);
    expect(count()).toBe(1);
    rmSync(join(folder, 'broken'));
    const pending = new Set(['postfix.user']);
    const retried = await run(tables(), [alice, client], { pending });
    expect(retried.targets.map((result) => result.pending)).toEqual([false, false, false]);
    expect(count()).toBe(2);
  });
});
