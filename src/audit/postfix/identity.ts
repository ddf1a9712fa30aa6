/** Names, addresses and signing keys of a Postfix. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { canonicalIp } from '../../model/address.ts';
import { expand } from '../../setup/postfix/network-list.ts';
import { splitWords } from '../../setup/postfix/restriction-list.ts';
import { type MailIdentity, publicDomains, type SigningKey } from '../dns/identity.ts';
import { CLASSES } from './domains.ts';
import type { PostfixFacts } from './facts.ts';
import { logicalLines } from './source.ts';

export async function findIdentity(facts: PostfixFacts): Promise<MailIdentity> {
  const own = CLASSES.filter((which) => which !== 'relay_domains');
  const lists = await Promise.all(own.map((which) => facts.domains.list(which)));
  const name = facts.get('smtp_helo_name');
  const host = facts.get('myhostname');
  const bound = ['smtp_bind_address', 'smtp_bind_address6'].map(facts.get);
  return {
    helo: { name, evidence: facts.where(name === host ? 'myhostname' : 'smtp_helo_name') },
    // The name of the host is a destination, too, and no domain that people use.
    domains: publicDomains(lists.flat()).filter((domain) => domain !== host.toLowerCase()),
    addresses: bound.flatMap((address) => canonicalIp(address) ?? []),
    relayNetworks: splitWords(facts.get('mynetworks')).flatMap(expand),
    hasSmarthost: facts.get('relayhost').trim() !== '',
    keys: findKeys(facts),
  };
}

/** Those of opendkim.conf beside the folder of Postfix, when that says them; nothing signs without a milter. */
function findKeys(facts: PostfixFacts): SigningKey[] | undefined {
  const names = ['smtpd_milters', 'non_smtpd_milters', 'content_filter', 'smtpd_proxy_filter'];
  const signs = names.some(
    (name) =>
      facts.get(name).trim() !== '' ||
      facts.listeners.some(({ service }) => service.setting(name).trim() !== ''),
  );
  if (!signs) return [];
  const file = join(dirname(facts.folder), 'opendkim.conf');
  try {
    const lines = logicalLines(readFileSync(file, 'utf8'));
    const find = (key: string) =>
      lines.find(({ text }) => text.split(/\s+/)[0]?.toLowerCase() === key);
    const [domain, selector] = ['domain', 'selector'].map(find);
    if (domain === undefined || selector === undefined) return undefined;
    const word = (text: string) => text.split(/\s+/)[1] ?? '';
    const evidence = { file, line: selector.line, text: selector.text };
    return publicDomains(word(domain.text).split(',')).map((each) => ({
      domain: each,
      selector: word(selector.text),
      evidence,
    }));
  } catch {
    return undefined;
  }
}
