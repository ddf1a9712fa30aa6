/** Entries and shapes for tests of timelines; missing fields are filled in. */
import type { Entry } from '../../src/judge/columns.ts';
import type { Shape } from '../../src/judge/shape.ts';

export function entry(time: number, parts: Partial<Entry> = {}): Entry {
  return {
    time,
    counted: 1,
    whole: 0,
    value: '',
    place: '',
    sender: '',
    host: '',
    ...parts,
  };
}

/** A shape with one limit. */
export function shape(
  measure: Shape['measure'],
  period: number,
  parts: Partial<Shape> = {},
): Shape {
  const hasWhole = parts.hasWhole ?? measure === 'ratio';
  return {
    measure,
    limits: [{ limit: 10, period }],
    reach: period,
    keep: measure === 'ratio' ? 2 * period : period,
    atLeast: 1,
    share: undefined,
    hasWhole,
    defersWhole: hasWhole && parts.hasSenders !== true,
    hasSenders: false,
    mostPerDomain: undefined,
    mostPerHost: undefined,
    movesValues: false,
    entryWeight: 40,
    ...parts,
  };
}
