/** The audit of a Postfix. */
import type { Config } from '../../config/load.ts';
import { runChecks } from '../check.ts';
import type { Finding } from '../finding.ts';
import { POSTFIX_CHECKS } from './checks.ts';
import { gatherPostfix } from './facts.ts';

interface Options {
  readonly config: Config | undefined;
  /** folder of main.cf, if it is not the default one */
  readonly source: string | undefined;
  readonly notes: Set<string>;
}

/** All findings, or a text that says why nothing could be audited. */
export async function auditPostfix({
  config,
  source,
  notes,
}: Options): Promise<Finding[] | string> {
  const facts = await gatherPostfix({ folder: source, config, notes });
  return typeof facts === 'string' ? facts : await runChecks('postfix', POSTFIX_CHECKS, facts);
}
