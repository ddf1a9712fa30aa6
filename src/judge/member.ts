/** A rule among those of a judge. */
import type { Rule } from './rule.ts';

export interface Member {
  readonly rule: Rule;
  /** its place among the rules */
  readonly order: number;
}
