import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SavedMap } from '../../src/correlate/ledger.ts';

/** What a database would hold: parts by name, as JSON. */
class Parts {
  readonly #json = new Map<string, string>();
  written: string[] = [];

  save(ledger: SavedMap<number>): void {
    this.written = [];
    for (const [name, value] of ledger.takeChanges()) {
      this.written.push(name);
      this.#json.set(name, JSON.stringify(value));
    }
  }

  load(size: number): SavedMap<number> {
    const ledger = new SavedMap<number>('seen', size);
    ledger.load((name) => {
      const json = this.#json.get(name);
      return json === undefined ? undefined : JSON.parse(json);
    });
    return ledger;
  }
}

describe('a ledger', () => {
  it('keeps the newest, and forgets the oldest by whole segments of 250', () => {
    const ledger = new SavedMap<number>('seen', 500);
    for (let number = 0; number < 750; number++) ledger.set(`k${number}`, number);
    expect(ledger.size).toBeLessThanOrEqual(500);
    expect(ledger.get('k749')).toBe(749);
    expect(ledger.get('k500')).toBe(500);
    expect(ledger.get('k0')).toBeUndefined();
  });

  it('keeps what is set again as long as what is new', () => {
    const ledger = new SavedMap<number>('seen', 500);
    ledger.set('old', 1);
    for (let number = 0; number < 400; number++) ledger.set(`k${number}`, number);
    ledger.set('old', 2);
    for (let number = 400; number < 640; number++) ledger.set(`k${number}`, number);
    expect(ledger.get('old')).toBe(2);
  });

  it('tells keys of any length apart, at the price of a short one', () => {
    const ledger = new SavedMap<number>('seen', 500);
    ledger.set(`${'x'.repeat(5000)}a`, 1);
    ledger.set(`${'x'.repeat(5000)}b`, 2);
    expect(ledger.get(`${'x'.repeat(5000)}a`)).toBe(1);
    const [[, saved] = []] = ledger.takeChanges();
    expect(JSON.stringify(saved).length).toBeLessThan(200);
  });

  it('writes only what changed', () => {
    const ledger = new SavedMap<number>('seen', 1000);
    const parts = new Parts();
    for (let number = 0; number < 600; number++) ledger.set(`k${number}`, number);
    parts.save(ledger);
    expect(parts.written).toHaveLength(3);
    parts.save(ledger);
    expect(parts.written).toEqual([]);
    ledger.set('one more', 1);
    parts.save(ledger);
    expect(parts.written).toEqual(['seen 2']);
    ledger.delete('k3');
    parts.save(ledger);
    expect(parts.written).toEqual(['seen 0']);
  });

  it('passes over what is no part of it', () => {
    const ledger = new SavedMap<number>('seen', 500);
    ledger.load(() => ({ number: 'x' }));
    ledger.load(() => undefined);
    expect(ledger.size).toBe(0);
  });

  it('says after any restart what it said before', () => {
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
          for (const ledger of [restarted, plain]) {
            if (what === 'set') ledger.set(`k${key}`, time);
            if (what === 'delete') ledger.delete(`k${key}`);
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
