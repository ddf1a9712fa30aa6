/**
 * `postern audit` as a whole: gathers what the mail server says about itself, makes every check, leaves out what the
 * operator has accepted. Changes nothing. What cannot be audited becomes a note, and the rest is audited all the same.
 */
import type { Config } from '../config/load.ts';
import type { Mta } from '../model/event.ts';
import { runChecks } from './check.ts';
import { DNS_CHECKS } from './dns/checks.ts';
import { gatherDns } from './dns/facts.ts';
import { type Finding, sorted } from './finding.ts';
import { AUDITED_MTAS } from './mtas.ts';
import { probe, type Target } from './probe.ts';

export interface AuditOptions {
  readonly mta: Mta;
  /** Postern's configuration; undefined: there is none */
  readonly config: Config | undefined;
  /** folder of main.cf, or Exim's configuration file, if not the usual one */
  readonly source: string | undefined;
  /** `offline`: no question to the DNS; else the server to ask, undefined: those of this host */
  readonly dns: 'offline' | { readonly server: string | undefined };
  /** the server to try from outside; undefined: nothing is tried */
  readonly target?: Target | undefined;
}

export interface Audit {
  readonly findings: readonly Finding[];
  /** how many findings the configuration accepts */
  readonly accepted: number;
  /** sentences about what could not be audited */
  readonly notes: readonly string[];
  /** why nothing could be audited */
  readonly failure?: string;
}

/** Never throws for what it audits. */
export async function audit(options: AuditOptions): Promise<Audit> {
  const notes = new Set<string>();
  const found = await AUDITED_MTAS[options.mta].audit({ ...options, notes });
  if (typeof found === 'string')
    return { findings: [], accepted: 0, notes: [...notes], failure: found };
  const { identity } = found;
  if (options.dns !== 'offline') {
    const facts = await gatherDns(identity, options.dns.server, notes);
    if (facts !== undefined)
      found.findings.push(...(await runChecks(options.mta, DNS_CHECKS, facts)));
  }
  if (options.target !== undefined) {
    const { mta, target } = options;
    found.findings.push(...(await probe({ mta, target, identity, notes })));
  }
  const accepted = new Set(Object.keys(options.config?.audit.accept ?? {}));
  const findings = sorted(found.findings).filter(({ id }) => !accepted.has(id));
  return { findings, accepted: found.findings.length - findings.length, notes: [...notes] };
}
