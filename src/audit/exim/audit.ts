/** The audit of an Exim. */
import type { Config } from '../../config/load.ts';
import { runChecks } from '../check.ts';
import type { MailIdentity } from '../dns/identity.ts';
import type { Finding } from '../finding.ts';
import { EXIM_CHECKS } from './checks.ts';
import { gatherExim } from './facts.ts';
import { findIdentity } from './identity.ts';

interface Options {
  readonly config: Config | undefined;
  /** the configuration file, if it is not the default one */
  readonly source: string | undefined;
  readonly notes: Set<string>;
}

/** All findings and names, or a text that says why nothing could be audited. */
export async function auditExim({
  config,
  source,
  notes,
}: Options): Promise<{ findings: Finding[]; identity: MailIdentity } | string> {
  const facts = await gatherExim({ file: source, config, notes });
  if (typeof facts === 'string') return facts;
  return {
    findings: await runChecks('exim', EXIM_CHECKS, facts),
    identity: findIdentity(facts),
  };
}
