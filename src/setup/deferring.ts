/** The rules that put recipients off: without the policy service at RCPT they have no effect. */
import { PosternError } from '../base/errors.ts';
import type { Config } from '../config/load.ts';
import { loadConfiguredRules } from '../config/rules.ts';
import type { Rule } from '../judge/rule.ts';

/** Names of those that are enabled. */
export function listDeferring(rules: readonly Rule[]): string[] {
  return rules
    .filter(({ enabled, action }) => enabled && action === 'defer')
    .map(({ name }) => name);
}

/** The same from the configuration; none while its rules cannot be read, which is a finding of its own. */
export function loadDeferring(config: Config): string[] {
  try {
    return listDeferring(loadConfiguredRules(config));
  } catch (error) {
    if (error instanceof PosternError) return [];
    throw error;
  }
}
