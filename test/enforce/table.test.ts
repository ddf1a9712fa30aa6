import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLsearchKeys, renderLsearchEntry } from '../../src/enforce/exim.ts';
import { readListed, renderTable } from '../../src/enforce/table.ts';
import type { Block } from '../../src/model/block.ts';

const format = { renderEntry: renderLsearchEntry, readKeys: readLsearchKeys };
const render = (blocks: readonly Block[], old: string) => renderTable(format, blocks, old);
const listed = (content: string) => {
  const { own, byHand } = readListed(format, content);
  return { own: [...own], byHand: [...byHand] };
};

function block(id: string, number = 1, cause = 'invalid-recipients'): Block {
  const start = Date.UTC(2026, 10, 10, 9, 5, 7);
  return { id: number, key: { type: 'user', id }, cause, start };
}

const both = [block('alice', 1), block('bob', 2)];
const file = render(both, '');
const withoutComments = (text: string) => text.replace(/^#.*\n/gm, '');

it('says who writes the file, how to undo it, and why each line is there', () => {
  expect(file).toMatch(/^# \[postern\] Postern keeps this file/);
  expect(file).toContain('postern unblock ID');
  expect(file).toContain('block 1: invalid-recipients, since 2026-11-10T09:05:07.000Z [');
  expect(withoutComments(file)).toBe('alice\nbob\n');
});

describe('what counts as ours', () => {
  it.each<[string, string, { own: string[]; byHand: string[] }]>([
    ['untouched', file, { own: ['alice', 'bob'], byHand: [] }],
    ['CRLF', file.replaceAll('\n', '\r\n'), { own: ['alice', 'bob'], byHand: [] }],
    ['no final newline', file.slice(0, -1), { own: ['alice', 'bob'], byHand: [] }],
    ['an edited line', file.replace('\nbob', '\nbob: 0'), { own: ['alice'], byHand: ['bob'] }],
    ['a deleted comment', file.replace(/.*block 2.*\n/, ''), { own: ['alice'], byHand: ['bob'] }],
    [
      'a damaged comment',
      file.replace('since', 'sins').replace(/\[[0-9a-f]+\]\nbob/, '[]\nbob'),
      { own: ['alice'], byHand: ['bob'] },
    ],
    [
      'a line put in between',
      file.replace('\nbob', '\ncarol\nbob'),
      { own: ['alice'], byHand: ['carol', 'bob'] },
    ],
    ['a deleted line', file.replace('\nalice', ''), { own: ['bob'], byHand: [] }],
    [
      'a continued line',
      file.replace('bob\n', 'bob\n# x\n\n   more\n'),
      { own: ['alice'], byHand: ['bob'] },
    ],
    [
      'no header',
      file.slice(file.indexOf('# [postern] block')),
      { own: ['alice', 'bob'], byHand: [] },
    ],
    ['NUL bytes', `\0\n${file}`, { own: ['alice', 'bob'], byHand: ['\0'] }],
    ['nothing', '', { own: [], byHand: [] }],
  ])('%s', (_, content, expected) => {
    expect(listed(content)).toEqual(expected);
    expect(listed(render(both, content)).byHand).toEqual(expected.byHand);
    expect(new Set([...listed(render(both, content)).own, ...expected.byHand])).toContain('alice');
  });
});

it('takes its own lines out of the middle and leaves the rest', () => {
  const mixed = `${render(both, '# mine\ncarol\n')}dave: x\n`;
  expect(withoutComments(render([both[1] as Block], mixed))).toBe('carol\nbob\ndave: x\n');
  expect(render([], mixed).endsWith('# mine\ncarol\ndave: x\n')).toBe(true);
});

it('keeps one of two copies', () => {
  expect(render(both, file + file)).toBe(file);
});

it('writes two identities with one key once', () => {
  const uid: Block = { ...block('alice', 3), key: { type: 'uid', id: 'alice' } };
  expect(withoutComments(render([...both, uid], ''))).toBe('alice\nbob\n');
});

it('tells a new block of the same identity by its number', () => {
  const again = render([block('alice', 9)], file);
  expect(again).toContain('block 9: ');
  expect(withoutComments(again)).toBe('alice\n');
});

it('lets no cause break out of its comment', () => {
  const text = render([block('alice', 1, 'x\nvictim\u2028é')], '');
  expect(withoutComments(text)).toBe('alice\n');
});

const lines = fc.array(
  fc.oneof(
    fc.constantFrom(
      'alice',
      'bob',
      'carol: 1',
      '',
      '#',
      '# [postern] ',
      '  x',
      '# [postern] block 1: x [0]',
    ),
    fc.constantFrom(...file.split('\n')),
    fc.string({ maxLength: 12 }).map((text) => text.replaceAll('\n', '')),
  ),
  { maxLength: 12 },
);
const ending = fc.constantFrom('\n', '\r\n');

it('whatever the file held: a second run changes nothing, hand-made lines stay, blocks are in it', () => {
  fc.assert(
    fc.property(lines, ending, fc.boolean(), fc.subarray(both), (texts, end, last, blocks) => {
      const old = texts.join(end) + (last ? end : '');
      const once = render(blocks, old);
      expect(render(blocks, once)).toBe(once);
      const { own, byHand } = listed(once);
      for (const { key } of blocks) expect([...own, ...byHand]).toContain(key.id);
      const isTheirs = (line: string) => !line.startsWith('# [postern] ');
      const before = listed(old);
      expect(byHand).toEqual(before.byHand);
      const theirs = old
        .split('\n')
        .filter(isTheirs)
        .filter((line) => line.trim() !== '');
      const kept = once.split('\n');
      const ownLines = new Set(before.own);
      for (const line of theirs) {
        if (!ownLines.has(line.trim())) expect(kept).toContain(line);
      }
    }),
  );
});
