/** The texts of a page have the numbers that a Map would give them, and come out as they went in. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PageTexts } from '../../src/store/page-texts.ts';

const texts = fc.array(
  fc.oneof(
    fc.constantFrom('', 'a', 'b', 'ab', '2.0.0', 'mx.example.org', 'mX.example.org', 'ß', 'ﬀ😀'),
    fc.string({ maxLength: 5 }),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.nat(100_000).map((length) => 'x'.repeat(length)),
  ),
  { maxLength: 80 },
);

test('each text is kept once, under its number', () => {
  const page = new PageTexts();
  fc.assert(
    fc.property(texts, (list) => {
      page.clear();
      const known = new Map<string, number>();
      for (const text of list) {
        const number = known.get(text) ?? known.size;
        expect(page.number(text)).toBe(number);
        known.set(text, number);
      }
      const all = [...known.keys()];
      expect(page.count).toBe(all.length);
      expect(all.map((_, number) => page.read(number))).toEqual(all);
      expect(all.map((_, number) => page.length(number))).toEqual(all.map(({ length }) => length));
      expect(Buffer.from(page.bytes).toString()).toBe(all.join(''));
      expect(page.isAscii).toBe(/^[\0-\x7f]*$/.test(all.join('')));
    }),
    { numRuns: 300 },
  );
});
