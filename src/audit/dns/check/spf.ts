/** The SPF record of each local domain: spf-missing, spf-not-strict, spf-excludes-us, spf-too-wide. */
import type { Check } from '../../check.ts';
import type { Hit } from '../../finding.ts';
import type { Severity } from '../../ids.ts';
import { type DnsFacts, dnsEvidence } from '../facts.ts';
import { contains, parseSpf } from '../spf.ts';
import { dmarcOf } from './domain.ts';

type DnsCheck = Check<DnsFacts>;

/** `ip4:192.0.2.1 ip6:2001:db8::1` */
function ownTerms({ addresses }: DnsFacts): string {
  return addresses.map((each) => `${each.includes(':') ? 'ip6' : 'ip4'}:${each}`).join(' ');
}

/** Each domain that has exactly one record. */
async function eachRecord(
  facts: DnsFacts,
  judge: (domain: string, record: string) => Promise<Hit[]> | Hit[],
): Promise<Hit[]> {
  const found: Hit[] = [];
  for (const domain of facts.identity.domains) {
    const record = await facts.spf(domain);
    if (typeof record === 'string') found.push(...(await judge(domain, record)));
  }
  return found;
}

export const spfMissing: DnsCheck = {
  id: 'spf-missing',
  async find(facts) {
    const found: Hit[] = [];
    for (const domain of facts.identity.domains) {
      const record = await facts.spf(domain);
      if (typeof record === 'string' || (await facts.texts(domain)) === undefined) continue;
      const several = record?.join('" and "');
      found.push({
        evidence: dnsEvidence(
          `${domain} TXT ${several === undefined ? '(no v=spf1)' : `"${several}"`}`,
        ),
        ...(several === undefined
          ? {}
          : {
              why: 'The domain has several SPF records, which is an error (RFC 7208, 4.5). Other servers treat that as no SPF, or refuse the mail.',
            }),
        fix: `add to the DNS${several === undefined ? '' : ', in place of all of them'}: ${domain} TXT "v=spf1 ${facts.identity.hasSmarthost ? 'include:(what your smarthost names)' : ownTerms(facts)} -all"`,
      });
    }
    return found;
  },
};

const ENDS: Readonly<Record<string, Severity>> = { '+': 'error', '?': 'warning', '~': 'advice' };

export const spfNotStrict: DnsCheck = {
  id: 'spf-not-strict',
  find: (facts) =>
    eachRecord(facts, async (domain, record) => {
      const terms = parseSpf(record);
      const all = terms.find(({ name }) => name === 'all');
      if (all === undefined && terms.some(({ name }) => name === 'redirect')) return [];
      const severity = ENDS[all?.qualifier ?? '?'];
      // With an enforced DMARC policy, ~all is as good, and spares forwarded mail that is signed.
      const isEnforced = /;\s*p\s*=\s*(?:reject|quarantine)\b/i.test(
        (await dmarcOf(domain, facts)) ?? '',
      );
      if (severity === undefined || (severity === 'advice' && isEnforced)) return [];
      const fixed = all === undefined ? `${record} -all` : record.replace(/[+?~]?all\b/i, '-all');
      return [
        {
          evidence: dnsEvidence(`${domain} TXT "${record}"`),
          severity,
          fix: `${domain} TXT "${fixed}"`,
        },
      ];
    }),
};

export const spfExcludesUs: DnsCheck = {
  id: 'spf-excludes-us',
  find: (facts) =>
    eachRecord(facts, async (domain, record) => {
      if (facts.identity.hasSmarthost) return [];
      const excluded: string[] = [];
      for (const address of facts.addresses) {
        const outcome = await facts.judge(domain, address);
        if (outcome !== 'pass' && outcome !== 'unknown') excluded.push(address);
      }
      if (excluded.length === 0) return [];
      const terms = excluded
        .map((each) => `${each.includes(':') ? 'ip6' : 'ip4'}:${each}`)
        .join(' ');
      const fixed = record.replace(/^v=spf1/i, `v=spf1 ${terms}`);
      return [
        {
          evidence: dnsEvidence(`${domain} TXT "${record}" does not permit ${excluded.join(', ')}`),
          fix: `${domain} TXT "${fixed}"`,
        },
      ];
    }),
};

/** Shorter prefixes hold whole providers. */
const SHORTEST = { ip4: 16, ip6: 32 } as const;

export const spfTooWide: DnsCheck = {
  id: 'spf-too-wide',
  find: (facts) =>
    eachRecord(facts, async (domain, record) => {
      const terms = parseSpf(record).filter(({ qualifier }) => qualifier === '+');
      const wide = terms.filter(
        ({ name, length }) =>
          (name === 'ip4' || name === 'ip6') && length >= 0 && length < SHORTEST[name],
      );
      const evidence = dnsEvidence(`${domain} TXT "${record}"`);
      const hits: Hit[] = wide.map(({ name, value, length }) => ({
        evidence,
        severity: length < 8 ? 'error' : 'warning',
        fix: `name in place of ${name}:${value}/${length} only the addresses that send: ${ownTerms(facts)}`,
      }));
      const foreign = terms.some(({ name }) => name === 'mx')
        ? await foreignExchangers(domain, facts)
        : [];
      if (foreign.length > 0)
        hits.push({
          evidence: dnsEvidence(`${domain} TXT "${record}", MX ${foreign.join(', ')}`),
          why: `The mechanism mx permits ${foreign.join(', ')}, which only receives mail as far as this server knows. Name the addresses that send, so that nobody else can.`,
          fix: `${domain} TXT "${record.replace(/(?:^|\s)\+?mx\b\S*/i, ` ${ownTerms(facts)}`)}"`,
        });
      return hits;
    }),
};

/** MX hosts none of whose addresses is ours. */
async function foreignExchangers(domain: string, facts: DnsFacts): Promise<string[]> {
  const found: string[] = [];
  for (const name of (await facts.exchangers(domain)) ?? []) {
    const addresses = name === '' ? undefined : await facts.resolve(name);
    if (addresses === undefined || addresses.length === 0) continue;
    if (!addresses.some((each) => facts.addresses.some((own) => contains(own, each))))
      found.push(name);
  }
  return found;
}
