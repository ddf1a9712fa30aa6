/** What every block target must do, over all of them: real files in scratch folders, the real postmap where it is installed. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildEximTargets } from '../../src/enforce/exim.ts';
import { buildPostfixTargets } from '../../src/enforce/postfix.ts';
import { type ReconcileRequest, reconcile } from '../../src/enforce/reconcile.ts';
import { type BlockTarget, getTargetKind } from '../../src/enforce/target.ts';
import type { Block, BlockableType } from '../../src/model/block.ts';
import { postmapIn } from '../enforce/real-postmap.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-target-'));
  mkdirSync(join(folder, 'maps'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Case {
  readonly title: string;
  readonly type: BlockableType;
  /** a line that an operator might write, and another of the same kind */
  readonly byHand: readonly [string, string];
  make(file: string): BlockTarget;
}

const PASSWD = 'root:x:0:0::/:/bin/sh\nwww-data:x:33:33::/:/bin/sh\nbackup:x:34:34::/:/bin/sh\n';

function exim(type: BlockableType): Case {
  const option = type === 'sender' ? 'blockedSenders' : 'blockedUsers';
  return {
    title: `Exim ${type}`,
    type,
    byHand: ['carol@example.com: stolen', '"dave@example.com"'],
    make: (file) => buildEximTargets({ [option]: file })[0] as BlockTarget,
  };
}

function postfix(kind: BlockableType, type: 'hash' | 'btree' | 'lmdb' | 'texthash'): Case;
function postfix(kind: 'client', type: 'cidr'): Case;
function postfix(kind: BlockableType, type: 'pcre' | 'regexp'): Case;
function postfix(kind: 'uid', type: 'list'): Case;
function postfix(kind: BlockableType, type: 'hash' | 'cidr' | 'pcre' | 'list' | string): Case {
  const lines: Record<string, Case['byHand']> = {
    cidr: ['198.51.100.0/24 REJECT go away', '203.0.113.9 DUNNO'],
    pcre: ['/^carol@/ REJECT', '/^dave@example\\.com$/ HOLD'],
    regexp: ['/^carol@/ REJECT', '/^dave@example\\.com$/ HOLD'],
    list: ['carol, erin', 'dave'],
  };
  return {
    title: `Postfix ${kind} in ${type}`,
    type: kind,
    byHand: lines[type] ?? ['Carol@example.com REJECT gone', 'dave@example.com\tHOLD'],
    make(file) {
      const passwd = join(folder, 'passwd');
      writeFileSync(passwd, PASSWD);
      const options = { passwd, getent: [], reload: [], postmap: postmapIn(folder) };
      const table = { file, type: type as 'hash' };
      return buildPostfixTargets({ ...options, [kind]: table })[0] as BlockTarget;
    },
  };
}

const CASES: readonly Case[] = [
  exim('user'),
  exim('client'),
  exim('uid'),
  exim('sender'),
  postfix('user', 'lmdb'),
  postfix('user', 'hash'),
  postfix('user', 'texthash'),
  postfix('user', 'pcre'),
  postfix('client', 'cidr'),
  postfix('client', 'btree'),
  postfix('sender', 'lmdb'),
  postfix('sender', 'regexp'),
  postfix('uid', 'list'),
  postfix('uid', 'texthash'),
];

/** Three identities of each kind. */
const IDS: Readonly<Record<BlockableType, readonly [string, string, string]>> = {
  user: ['alice@example.net', 'bob', 'o"brien@example.net'.replace('"', "'")],
  client: ['192.0.2.7', '2001:db8::7', '203.0.113.77'],
  uid: ['www-data', 'backup', 'nobody'],
  sender: ['alice@example.net', '"a b"@example.net', 'bob+tag@example.org'],
};

function blocksOf(type: BlockableType, ids: readonly string[]): Block[] {
  return ids.map((id, index) => ({
    id: index + 1,
    key: { type, id },
    cause: 'invalid-recipients',
    start: Date.UTC(2026, 10, 10, 9, 5, 7),
  }));
}

async function run(
  target: BlockTarget,
  blocks: readonly Block[],
  more?: Partial<ReconcileRequest>,
) {
  const { targets } = await reconcile([target], {
    blocks,
    written: new Map(),
    pending: new Set(),
    now: 0, // long before any file time: nothing counts as being edited
    ...more,
  });
  const [result] = targets;
  if (result === undefined) throw new Error('no result');
  return result;
}

const read = (target: BlockTarget) => readFileSync(target.file, 'latin1');
const linesOf = (target: BlockTarget) =>
  read(target)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

describe.each(CASES)('$title', ({ type, byHand, make }) => {
  let target: BlockTarget;
  beforeEach(() => {
    target = make(join(folder, 'maps', 'blocked'));
  });

  it('makes a file without blocks, so that the MTA finds one', async () => {
    const result = await run(target, []);
    expect(result).toMatchObject({ changed: true, written: [], pending: false });
    expect(result.failure).toBeUndefined();
    expect(linesOf(target)).toEqual([]);
    expect(read(target)).toContain('postern unblock');
    expect(target.isIndexed()).toBe(true);
  });

  it('adds blocks one at a time and takes them out again', async () => {
    const blocks = blocksOf(type, IDS[type]);
    for (let count = 1; count <= blocks.length; count++) {
      const result = await run(target, blocks.slice(0, count));
      expect(result).toMatchObject({ changed: true, released: [], inexpressible: [] });
      expect(result.failure).toBeUndefined();
      expect(result.written).toHaveLength(count);
      expect(linesOf(target)).toHaveLength(count);
    }
    await run(target, blocks.slice(1));
    expect(linesOf(target)).toHaveLength(2);
    await run(target, []);
    expect(linesOf(target)).toEqual([]);
  });

  it('leaves an unchanged file alone', async () => {
    const blocks = blocksOf(type, IDS[type]);
    await run(target, blocks);
    const before = statSync(target.file);
    const files = readdirSync(dirname(target.file));
    const result = await run(target, blocks);
    expect(result).toMatchObject({ changed: false, written: [1, 2, 3] });
    const after = statSync(target.file);
    expect([after.ino, after.mtimeMs, after.ctimeMs]).toEqual([
      before.ino,
      before.mtimeMs,
      before.ctimeMs,
    ]);
    expect(readdirSync(dirname(target.file))).toEqual(files);
  });

  it('keeps lines made by hand, byte for byte and in their order', async () => {
    const byHandText = `# m\xfcller: mine\r\n${byHand[0]}\n\n  # indented\n`;
    writeFileSync(target.file, byHandText + byHand[1], 'latin1'); // no final newline
    const blocks = blocksOf(type, IDS[type]);
    const result = await run(target, blocks);
    expect(result.failure).toBeUndefined();
    expect(read(target)).toContain(`${byHandText}${byHand[1]}\n`);
    await run(target, []);
    expect(read(target).endsWith(`${byHandText}${byHand[1]}\n`)).toBe(true);
  });

  it('does not write an identity twice that is listed by hand', async () => {
    const [block] = blocksOf(type, IDS[type]) as [Block];
    await run(target, [block]);
    const [line] = linesOf(target) as [string];
    writeFileSync(target.file, `${line.toUpperCase().replaceAll('/HOLD', '/')}\n`);
    const result = await run(target, [block], { written: new Map([[target.name, new Set([1])]]) });
    expect(result).toMatchObject({ written: [1], released: [] });
    expect(linesOf(target)).toHaveLength(1);
    await run(target, []);
    expect(linesOf(target)).toHaveLength(1); // it was theirs
  });

  it('takes a line deleted by hand for a release, and does not write it again', async () => {
    const blocks = blocksOf(type, IDS[type]);
    const first = await run(target, blocks);
    const lines = read(target).split('\n');
    const gone = lines.indexOf(linesOf(target)[1] as string);
    writeFileSync(target.file, lines.toSpliced(gone, 1).join('\n'), 'latin1');
    const written = new Map([[target.name, new Set(first.written)]]);
    const result = await run(target, blocks, { written });
    expect(result.released).toEqual([blocks[1]]);
    expect(result.written).toEqual([1, 3]);
    expect(linesOf(target)).toHaveLength(2);
    expect(target.isIndexed()).toBe(true);
  });

  it('reports a missing folder and continues when it exists', async () => {
    rmSync(dirname(target.file), { recursive: true });
    const blocks = blocksOf(type, IDS[type]);
    const result = await run(target, blocks);
    expect(result.failure?.message).toContain(target.file);
    expect(result.failure?.message).toContain('folder does not exist');
    expect(result.changed).toBe(false);
    mkdirSync(dirname(target.file));
    expect((await run(target, blocks)).written).toEqual([1, 2, 3]);
  });

  it('keeps owner and mode', async () => {
    writeFileSync(target.file, '');
    chmodSync(target.file, 0o604);
    const before = statSync(target.file);
    await run(target, blocksOf(type, IDS[type]));
    const { mode, uid, gid } = statSync(target.file);
    expect([mode, uid, gid]).toEqual([before.mode, before.uid, before.gid]);
  });

  it('survives hostile names: a line that means only them, or none', async () => {
    const all = blocksOf(type, HOSTILE);
    const result = await run(target, all);
    expect(result.failure).toBeUndefined();
    // Others are for another target.
    const blocks = all.filter(({ key }) => target.accepts.includes(getTargetKind(key)));
    const refused = result.inexpressible.map(({ block }) => block.id);
    expect([...result.written, ...refused].sort((a, b) => a - b)).toEqual(
      blocks.map(({ id }) => id),
    );
    const keys = linesOf(target).map((line) => target.readKeys(line));
    expect(keys.every((found) => found.length === 1)).toBe(true);
    for (const victim of VICTIMS[type]) expect(keys.flat()).not.toContain(victim);
    expect(new Set(keys.flat()).size).toBe(keys.length);
    expect((await run(target, blocks)).changed).toBe(false);
  });

  it('makes a file that the MTA can read, whatever user it runs as', async () => {
    await run(target, blocksOf(type, IDS[type]));
    expect(statSync(target.file).mode & 0o777).toBe(0o644);
  });

  it('leaves no temporary file behind', async () => {
    await run(target, blocksOf(type, IDS[type]));
    const strange = readdirSync(dirname(target.file)).filter(
      (name) => !/^blocked(?:\.(?:db|lmdb))?$/.test(name),
    );
    expect(strange).toEqual([]);
    expect(existsSync(target.file)).toBe(true);
  });
});

/** None of the hostile names may come out as one of these. */
const VICTIMS: Readonly<Record<BlockableType, readonly string[]>> = {
  user: ['victim', 'victim@example.net'],
  client: ['victim', '0.0.0.0/0', '::/0', '127.0.0.1', '*'],
  uid: ['victim', 'root'],
  sender: ['victim', 'victim@example.net', '@example.net', 'example.net', 'x@', '*'],
};

const HOSTILE: readonly string[] = [
  '',
  ' ',
  '#',
  '# victim@example.net',
  '*',
  '*@example.net',
  '@example.net',
  'example.net',
  'x@',
  'victim@example.net HOLD\nvictim',
  'a\nvictim@example.net',
  'a\r\nvictim@example.net',
  'a\u2028victim',
  'a\u0085victim',
  'a\0b',
  'victim@example.net HOLD',
  'victim@example.net: 1',
  'victim: 1',
  ' victim',
  'victim ',
  '"victim',
  'victim"',
  '"victim@example.net" x',
  '\\',
  '\\"',
  'a\\',
  'a\\ victim',
  '"a b"@example.net',
  '"a\\" victim"@example.net',
  '!victim',
  '/etc/passwd',
  'static:all',
  'hash:/etc/aliases',
  '{victim}',
  'a,victim',
  '.*',
  '.*@example.net',
  '^',
  '(?:victim)',
  '/victim/ HOLD',
  '/./',
  '$(touch /tmp/x)',
  '`id`@example.net',
  '$\u007blookup{x}}@example.net',
  '$1',
  '0.0.0.0/0',
  '::/0',
  '0x7f.1',
  '2001:db8::g',
  'if /victim/',
  'endif',
  '../../etc/passwd',
  '[postern] block 1: x [00000000]',
  'unknown',
  '日本語@example.net',
  'stra\u00dfe@example.net',
  'a\ufffdb@example.net',
  'x'.repeat(321),
  'y'.repeat(320),
];
