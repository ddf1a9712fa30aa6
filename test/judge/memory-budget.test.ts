import { describe, expect, it } from 'vitest';
import { MemoryBudget, type MemoryHolder } from '../../src/judge/memory-budget.ts';

/** A table with a given weight, which loses half of it each time it makes room. */
class Table implements MemoryHolder {
  readonly #budget: MemoryBudget;
  weight = 0;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
    budget.join(this);
  }

  grow(by: number): void {
    this.weight += by;
    this.#budget.changed(by);
  }

  shed(): void {
    const gone = Math.ceil(this.weight / 2);
    this.weight -= gone;
    this.#budget.changed(-gone);
  }
}

describe('a budget', () => {
  it('leaves all tables alone up to its limit', () => {
    const budget = new MemoryBudget(100);
    const [one, two] = [new Table(budget), new Table(budget)];
    one.grow(60);
    two.grow(40);
    expect([one.weight, two.weight]).toEqual([60, 40]);
  });

  it('takes from the heaviest table, not from the one that grows', () => {
    const budget = new MemoryBudget(100);
    const [heavy, light] = [new Table(budget), new Table(budget)];
    heavy.grow(90);
    light.grow(20);
    expect([heavy.weight, light.weight]).toEqual([45, 20]);
  });

  it('continues until all tables fit', () => {
    const budget = new MemoryBudget(10);
    const tables = [new Table(budget), new Table(budget), new Table(budget)];
    for (const table of tables) table.grow(8);
    const sum = tables.reduce((total, { weight }) => total + weight, 0);
    expect(sum).toBeLessThanOrEqual(10);
  });

  it('does not loop for ever over a table that has nothing to give', () => {
    const budget = new MemoryBudget(10);
    budget.join({ weight: 20, shed() {} });
    expect(() => budget.changed(20)).not.toThrow();
  });

  it('counts what became lighter', () => {
    const budget = new MemoryBudget(100);
    const table = new Table(budget);
    table.grow(100);
    table.grow(-50);
    table.grow(50);
    expect(table.weight).toBe(100);
  });
});
