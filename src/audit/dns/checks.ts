/** The checks of names and of the DNS records of each local domain, one line each. */
import type { Check } from '../check.ts';
import { domainKeys, exchangers, policies } from './check/domain.ts';
import { heloName, reverseName } from './check/host.ts';
import { spfExcludesUs, spfMissing, spfNotStrict, spfTooWide } from './check/spf.ts';
import type { DnsFacts } from './facts.ts';

export const DNS_CHECKS: readonly Check<DnsFacts>[] = [
  reverseName,
  heloName,
  spfMissing,
  spfNotStrict,
  spfExcludesUs,
  spfTooWide,
  domainKeys,
  policies,
  exchangers,
];
