import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SavedMap } from '../../src/correlate/saved-map.ts';

/** What a database would store: parts by name, as JSON. */
class Parts {
  readonly #json = new Map<string, string>();
  written: string[] = [];

  save(map: SavedMap<number>): void {
    this.written = [];
    for (const [name, value] of map.takeChanges()) {
      this.written.push(name);
      this.#json.set(name, JSON.stringify(value));
    }
  }

  load(size: number): SavedMap<number> {
    const map = new SavedMap<number>('seen', size);
    map.load((name) => {
      const json = this.#json.get(name);
      return json === undefined ? undefined : JSON.parse(json);
    });
    return map;
  }
}

describe('a saved map', () => {
  it('keeps the newest entries, and drops the oldest in whole segments of 250', () => {
    const map = new SavedMap<number>('seen', 500);
    for (let number = 0; number < 750; number++) map.set(`k${number}`, number);
    expect(map.size).toBeLessThanOrEqual(500);
    expect(map.get('k749')).toBe(749);
    expect(map.get('k500')).toBe(500);
    expect(map.get('k0')).toBeUndefined();
  });

  it('keeps an entry that is set again as long as a new one', () => {
    const map = new SavedMap<number>('seen', 500);
    map.set('old', 1);
    for (let number = 0; number < 400; number++) map.set(`k${number}`, number);
    map.set('old', 2);
    for (let number = 400; number < 640; number++) map.set(`k${number}`, number);
    expect(map.get('old')).toBe(2);
  });

  it('distinguishes keys of any length, and saves them as short ones', () => {
    const map = new SavedMap<number>('seen', 500);
    map.set(`${'x'.repeat(5000)}a`, 1);
    map.set(`${'x'.repeat(5000)}b`, 2);
    expect(map.get(`${'x'.repeat(5000)}a`)).toBe(1);
    const [[, saved] = []] = map.takeChanges();
    expect(JSON.stringify(saved).length).toBeLessThan(200);
  });

  it('writes only what changed', () => {
    const map = new SavedMap<number>('seen', 1000);
    const parts = new Parts();
    for (let number = 0; number < 600; number++) map.set(`k${number}`, number);
    parts.save(map);
    expect(parts.written).toHaveLength(3);
    parts.save(map);
    expect(parts.written).toEqual([]);
    map.set('one more', 1);
    parts.save(map);
    expect(parts.written).toEqual(['seen 2']);
    map.delete('k3');
    parts.save(map);
    expect(parts.written).toEqual(['seen 0']);
  });

  it('ignores what is not a segment', () => {
    const map = new SavedMap<number>('seen', 500);
    map.load(() => ({ number: 'x' }));
    map.load(() => undefined);
    expect(map.size).toBe(0);
  });

  it('gives the same answers after any restart', () => {
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.tuple(fc.constant('set' as const), fc.nat(900)) },
      { weight: 2, arbitrary: fc.tuple(fc.constant('delete' as const), fc.nat(900)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('restart' as const), fc.nat(0)) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const parts = new Parts();
        let restarted = new SavedMap<number>('seen', 600);
        const plain = new SavedMap<number>('seen', 600);
        steps.forEach(([what, key], time) => {
          for (const map of [restarted, plain]) {
            if (what === 'set') map.set(`k${key}`, time);
            if (what === 'delete') map.delete(`k${key}`);
          }
          if (what !== 'restart') return;
          parts.save(restarted);
          restarted = parts.load(600);
        });
        for (let key = 0; key <= 900; key++) {
          expect(restarted.get(`k${key}`)).toBe(plain.get(`k${key}`));
        }
      }),
      { numRuns: 50 },
    );
  });
});
