/**
 * What a rule measures as people read it: a number, or percent where the limit is a share of all recipients. What a
 * rule measured that is not there any more is a bare number: nothing tells what it was.
 */
import type { Rule } from '../judge/rule.ts';
import type { Measure } from '../model/evidence.ts';

/** How the values of these rules are written. */
export function buildMeasure(rules: Iterable<Rule>): Measure {
  const ratios = new Set([...rules].filter(({ ratio }) => ratio).map(({ name }) => name));
  return (value, rule) => (ratios.has(rule) ? `${value} %` : String(value));
}
