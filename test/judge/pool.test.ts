import { describe, expect, it } from 'vitest';
import { Pool, type Pooled } from '../../src/judge/pool.ts';

/** A table that weighs what it is told, and loses half of it each time it makes way. */
class Table implements Pooled {
  readonly #pool: Pool;
  weight = 0;

  constructor(pool: Pool) {
    this.#pool = pool;
    pool.join(this);
  }

  grow(by: number): void {
    this.weight += by;
    this.#pool.changed(by);
  }

  shed(): void {
    const gone = Math.ceil(this.weight / 2);
    this.weight -= gone;
    this.#pool.changed(-gone);
  }
}

describe('a pool', () => {
  it('leaves everybody alone up to its limit', () => {
    const pool = new Pool(100);
    const [one, two] = [new Table(pool), new Table(pool)];
    one.grow(60);
    two.grow(40);
    expect([one.weight, two.weight]).toEqual([60, 40]);
  });

  it('has the heaviest make way, not the one that grows', () => {
    const pool = new Pool(100);
    const [heavy, light] = [new Table(pool), new Table(pool)];
    heavy.grow(90);
    light.grow(20);
    expect([heavy.weight, light.weight]).toEqual([45, 20]);
  });

  it('goes on until all fit', () => {
    const pool = new Pool(10);
    const tables = [new Table(pool), new Table(pool), new Table(pool)];
    for (const table of tables) table.grow(8);
    const sum = tables.reduce((total, { weight }) => total + weight, 0);
    expect(sum).toBeLessThanOrEqual(10);
  });

  it('does not turn for ever around a table that has nothing to give', () => {
    const pool = new Pool(10);
    pool.join({ weight: 20, shed() {} });
    expect(() => pool.changed(20)).not.toThrow();
  });

  it('counts what became lighter', () => {
    const pool = new Pool(100);
    const table = new Table(pool);
    table.grow(100);
    table.grow(-50);
    table.grow(50);
    expect(table.weight).toBe(100);
  });
});
