/** A map that is renewed holds what a Map would hold, in the same order. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { RenewedMap } from '../../src/base/renewed-map.ts';

/** Sets and deletes keys that come one after the other, as queue IDs do, or again and again. */
const step = fc.record({
  deletes: fc.boolean(),
  key: fc.integer({ min: 0, max: 40 }),
  times: fc.integer({ min: 1, max: 400 }),
});

it('holds what a Map holds, however many entries have come and gone', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const map = new Map<number, number>();
      const renewed = new RenewedMap<number, number>();
      for (const { deletes, key, times } of steps) {
        for (let n = key; n < key + times; n++) {
          if (deletes) expect(renewed.delete(n)).toBe(map.delete(n));
          else {
            map.set(n, key);
            renewed.set(n, key);
          }
        }
        expect([...renewed]).toEqual([...map]);
        expect([...renewed.values()]).toEqual([...map.values()]);
        expect(renewed.size).toBe(map.size);
        expect(renewed.get(key)).toBe(map.get(key));
      }
    }),
  );
});

it('may lose entries while somebody looks at all of them', () => {
  const renewed = new RenewedMap<number, number>();
  for (let n = 0; n < 5000; n++) renewed.set(n, n);
  const seen: number[] = [];
  for (const value of renewed.values()) {
    seen.push(value);
    renewed.delete(value);
  }
  expect(seen).toEqual(Array.from({ length: 5000 }, (_, n) => n));
  expect(renewed.size).toBe(0);
});
