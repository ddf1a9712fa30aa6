/** Whether several servers have the same rules: those that count together. */
import { sha256 } from '../../base/digest.ts';
import { findJoint } from '../../judge/joint.ts';
import type { Rule } from '../../judge/rule.ts';

/** The same text for the same shared rules, whatever their files are called. */
export function digestRules(rules: readonly Rule[]): string {
  const shared = rules
    .filter((rule) => findJoint(rule).types !== undefined)
    .map(({ name, count, per, limits, distinct, durations }) =>
      JSON.stringify([name, count, per, limits, distinct, durations]),
    );
  return sha256(shared.sort().join('\n')).slice(0, 16);
}
