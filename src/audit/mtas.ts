/** The mail servers that `postern audit` knows. */
import type { Config } from '../config/load.ts';
import type { Mta } from '../model/event.ts';
import type { MailIdentity } from './dns/identity.ts';
import { auditExim } from './exim/audit.ts';
import { hardenExim } from './exim/harden.ts';
import type { Finding } from './finding.ts';
import type { Hardening, HardenOptions } from './harden.ts';
import { auditPostfix } from './postfix/audit.ts';
import { hardenPostfix } from './postfix/harden.ts';

/** What the configuration of a mail server shows. */
export interface Audited {
  readonly findings: Finding[];
  readonly identity: MailIdentity;
}

export interface AuditedMta {
  /** All findings, or a text that says why nothing could be audited. */
  audit(options: {
    readonly config: Config | undefined;
    readonly source: string | undefined;
    /** gets sentences about what could not be audited */
    readonly notes: Set<string>;
  }): Promise<Audited | string>;
  /** What is missing of the stringent set, or a text that says why nothing could be read. */
  harden(options: HardenOptions): Promise<Hardening | string>;
}

export const AUDITED_MTAS: Readonly<Record<Mta, AuditedMta>> = {
  postfix: { audit: auditPostfix, harden: hardenPostfix },
  exim: { audit: auditExim, harden: hardenExim },
};
