/** The audit of an Exim. */
import type { Config } from '../../config/load.ts';
import { runChecks } from '../check.ts';
import type { Finding } from '../finding.ts';
import { EXIM_CHECKS } from './checks.ts';
import { gatherExim } from './facts.ts';

interface Options {
  readonly config: Config | undefined;
  /** the configuration file, if it is not the default one */
  readonly source: string | undefined;
  readonly notes: Set<string>;
}

/** All findings, or a text that says why nothing could be audited. */
export async function auditExim({ config, source, notes }: Options): Promise<Finding[] | string> {
  const facts = await gatherExim({ file: source, config, notes });
  return typeof facts === 'string' ? facts : await runChecks('exim', EXIM_CHECKS, facts);
}
