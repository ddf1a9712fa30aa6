/**
 * What a rule measures as people read it: a number, or percent where the limit is a share of all recipients. What a
 * rule measured that is not there any more is a bare number: nothing tells what it was.
 */
import type { Rule } from './judge/rule.ts';

/** Names of the rules whose limits are percent. */
export function ratiosOf(rules: readonly Rule[]): ReadonlySet<string> {
  return new Set(rules.filter(({ ratio }) => ratio).map(({ name }) => name));
}

/** `100`, or `93.7 %` of a rule in `ratios`. */
export function measured(value: number, rule: string, ratios: ReadonlySet<string>): string {
  return ratios.has(rule) ? `${value} %` : String(value);
}

/** The same for those who need not know about rules: a value of the rule of that name, as text. */
export function measureOf(rules: Iterable<Rule>): (value: number, rule: string) => string {
  const ratios = ratiosOf([...rules]);
  return (value, rule) => measured(value, rule, ratios);
}
