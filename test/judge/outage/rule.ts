/** A rule with a limit of 50 refused recipients in an hour. */
import { parseRule, type Rule } from '../../../src/judge/rule.ts';

const RULE: Record<string, unknown> = {
  name: 'test',
  description: 'A rule under test.',
  count: 'invalid',
  per: 'submitter',
  distinct: 'recipient',
  limit: 50,
  period: '1h',
  action: 'block',
};

export function rule(fields: Record<string, unknown> = {}): Rule {
  return parseRule(JSON.stringify({ ...RULE, ...fields }), 'test.yaml');
}
