/** Other records of each local domain: dkim-missing, dmarc-missing, mx. */
import type { Check } from '../../check.ts';
import type { Hit } from '../../finding.ts';
import { type DnsFacts, dnsEvidence } from '../facts.ts';

type DnsCheck = Check<DnsFacts>;

export const domainKeys: DnsCheck = {
  id: 'dkim-missing',
  async find(facts) {
    const { keys, domains } = facts.identity;
    if (keys === undefined) return [];
    const found: Hit[] = [];
    for (const { domain, selector, evidence } of keys) {
      const name = `${selector}._domainkey.${domain}`;
      const texts = await facts.texts(name);
      if (texts === undefined || texts.some((text) => /(?:^|;)\s*p\s*=\s*[A-Za-z0-9+/]/.test(text)))
        continue;
      found.push({
        evidence: {
          ...evidence,
          text: `${evidence.text}: ${name} TXT ${texts.join(' ') || '(none)'}`,
        },
        severity: 'warning',
        why: 'Mail is signed with a key that is not in the DNS, so every signature is invalid. That is worse than no signature.',
        fix: `add to the DNS the public key: ${name} TXT "v=DKIM1; k=rsa; p=..."`,
      });
    }
    if (keys.length > 0 || domains.length === 0) return found;
    return [
      {
        evidence: dnsEvidence(
          `${domains.slice(0, 5).join(', ')}: nothing in the configuration signs mail`,
        ),
        fix: 'apt-get install opendkim opendkim-tools; opendkim-genkey -s mail -d DOMAIN; then smtpd_milters in main.cf, or for Exim dkim_domain, dkim_selector and dkim_private_key in the transport remote_smtp',
      },
    ];
  },
};

/** The DMARC record of a domain, or of the domain above it (RFC 7489 6.6.3, without the list of public suffixes). */
export async function dmarcOf(domain: string, facts: DnsFacts): Promise<string | undefined> {
  const labels = domain.split('.');
  for (let from = 0; from <= labels.length - 2; from++) {
    const texts = await facts.texts(`_dmarc.${labels.slice(from).join('.')}`);
    const record = texts?.find((text) => /^v=DMARC1\b/i.test(text));
    if (record !== undefined) return record;
  }
  return undefined;
}

export const policies: DnsCheck = {
  id: 'dmarc-missing',
  async find(facts) {
    const found: Hit[] = [];
    for (const domain of facts.identity.domains) {
      if ((await facts.texts(`_dmarc.${domain}`)) === undefined) continue;
      if ((await dmarcOf(domain, facts)) !== undefined) continue;
      found.push({
        evidence: dnsEvidence(`_dmarc.${domain} TXT (none)`),
        fix: `begin by collecting reports: _dmarc.${domain} TXT "v=DMARC1; p=none; rua=mailto:postmaster@${domain}"; when they show that all your mail passes: p=quarantine, then p=reject`,
      });
    }
    return found;
  },
};

export const exchangers: DnsCheck = {
  id: 'mx',
  async find(facts) {
    const found: Hit[] = [];
    for (const domain of facts.identity.domains) {
      const names = await facts.exchangers(domain);
      if (names === undefined || names.includes('')) continue; // a null MX says that it takes no mail
      const targets = names.length === 0 ? [domain] : names;
      const dead: string[] = [];
      for (const name of targets) if ((await facts.resolve(name))?.length === 0) dead.push(name);
      if (dead.length === 0) continue;
      const what =
        names.length === 0
          ? `${domain} MX (none), A (none)`
          : `${domain} MX ${names.join(', ')}: ${dead.join(', ')} has no address`;
      found.push({
        evidence: dnsEvidence(what),
        severity: dead.length === targets.length ? 'error' : 'warning',
        fix: `${domain} MX 10 ${facts.identity.helo.name}${names.length > dead.length ? `, or remove ${dead.join(', ')}` : ''}`,
      });
    }
    return found;
  },
};
