/** What a rule measures as people read it: a number, or percent where the limit is a share of all recipients. */
import type { Rule } from './judge/rule.ts';

/** Names of the rules whose limits are percent. */
export function ratiosOf(rules: readonly Rule[]): ReadonlySet<string> {
  return new Set(rules.filter(({ ratio }) => ratio).map(({ name }) => name));
}

/** `100`, or `93.7 %` of a rule in `ratios`. */
export function measured(value: number, rule: string, ratios: ReadonlySet<string>): string {
  return ratios.has(rule) ? `${value} %` : String(value);
}
