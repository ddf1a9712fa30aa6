/** The audit of a Postfix. */
import type { Config } from '../../config/load.ts';
import { runChecks } from '../check.ts';
import type { MailIdentity } from '../dns/identity.ts';
import type { Finding } from '../finding.ts';
import { POSTFIX_CHECKS } from './checks.ts';
import { gatherPostfix } from './facts.ts';
import { findIdentity } from './identity.ts';

interface Options {
  readonly config: Config | undefined;
  /** folder of main.cf, if it is not the default one */
  readonly source: string | undefined;
  readonly notes: Set<string>;
}

/** All findings and names, or a text that says why nothing could be audited. */
export async function auditPostfix({
  config,
  source,
  notes,
}: Options): Promise<{ findings: Finding[]; identity: MailIdentity } | string> {
  const facts = await gatherPostfix({ folder: source, config, notes });
  if (typeof facts === 'string') return facts;
  return {
    findings: await runChecks('postfix', POSTFIX_CHECKS, facts),
    identity: await findIdentity(facts),
  };
}
