/** The database of the milter: what it keeps, in which order it forgets, and files that are not it. */
import { readdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/store/database.ts';
import { openRecipientStore } from '../../src/store/recipients.ts';
import { scratchFolder } from '../support/folder.ts';
import { NOON } from '../support/recipients.ts';

const folder = scratchFolder();
afterAll(() => folder.remove());

describe('the recipients', () => {
  it('are kept, listed and forgotten', () => {
    const { store } = openRecipientStore(folder.at('a.db'), 100);
    const answers = [
      'a@x.example',
      'b@sub.x.example',
      'c@nox.example',
      '100%@x.example',
      'd_e@x_.example',
    ];
    store.write(
      answers.map((address, index) => ({ address, isValid: index % 2 === 0, time: NOON })),
    );
    const list = (filter: Parameters<typeof store.list>[0]) =>
      [...store.list(filter)].map(({ address }) => address);
    expect(list({})).toEqual(answers.toSorted());
    expect(list({ domain: 'x.example' })).toEqual([
      '100%@x.example',
      'a@x.example',
      'b@sub.x.example',
    ]);
    expect(list({ domain: 'x_.example' })).toEqual(['d_e@x_.example']);
    expect(list({ isValid: false })).toEqual(['100%@x.example', 'b@sub.x.example']);
    expect(list({ limit: 1 })).toHaveLength(1);
    expect(store.forgetAll('x.example')).toBe(3);
    expect(store.forgetAll()).toBe(2);
    store.close();
  });

  it('keep the newer of two answers', () => {
    const { store } = openRecipientStore(':memory:', 100);
    store.write([{ address: 'a@x', isValid: true, time: NOON }]);
    store.write([{ address: 'a@x', isValid: false, time: NOON - 1000 }]);
    expect(store.read('a@x')).toEqual({ address: 'a@x', isValid: true, time: NOON });
    store.write([{ address: 'a@x', isValid: false, time: NOON + 1000 }]);
    expect(store.read('a@x')?.isValid).toBe(false);
  });

  it('are bounded: the oldest go', () => {
    const { store } = openRecipientStore(':memory:', 1500);
    for (let start = 0; start < 5000; start += 500) {
      const part = Array.from({ length: 500 }, (_, index) => start + index);
      store.write(part.map((n) => ({ address: `${n}@x`, isValid: true, time: NOON + n * 1000 })));
    }
    expect(store.size).toBeLessThanOrEqual(2500);
    expect(store.read('0@x')).toBeUndefined();
    expect(store.read('4999@x')).toBeDefined();
  });
});

describe('a file', () => {
  beforeAll(() => openDatabase(folder.at('service.db')).close());

  it('that is damaged is moved aside', () => {
    writeFileSync(
      folder.at('bad.db'),
      'SQLite format 3\0 and then nothing that makes sense'.repeat(100),
    );
    const path = folder.at('torn.db');
    const first = openRecipientStore(path, 10).store;
    first.close();
    writeFileSync(path, 'no database at all'.repeat(1000));
    const { store, moved } = openRecipientStore(path, 10);
    expect(moved).toMatch(/torn\.db\.corrupt-/);
    store.write([{ address: 'a@x', isValid: true, time: NOON }]);
    expect(store.size).toBe(1);
    store.close();
    expect(
      readdirSync(folder.path).filter((name) => name.startsWith('torn.db.corrupt-')),
    ).toHaveLength(1);
  });

  it.each([
    ['of the service', 'service.db', /does not hold recipients/],
    ['in no folder', 'none/x.db', /the folder .* does not exist/],
  ])('%s is refused', (_name, file, words) => {
    expect(() => openRecipientStore(folder.at(file), 10)).toThrow(words);
  });

  it('of recipients is refused by the service', () => {
    openRecipientStore(folder.at('mine.db'), 10).store.close();
    expect(() => openDatabase(folder.at('mine.db'))).toThrow(/is not Postern's/);
  });

  it('that must exist is not made', () => {
    const open = () => openRecipientStore(folder.at('new.db'), 10, { mustExist: true });
    expect(open).toThrow(/has the milter been started/);
  });
});
