/** Names, addresses and signing keys of an Exim. */
import { canonicalIp } from '../../model/address.ts';
import { type MailIdentity, publicDomains, type SigningKey } from '../dns/identity.ts';
import type { EximFacts } from './facts.ts';
import { itemsOf } from './model.ts';

export function findIdentity(facts: EximFacts): MailIdentity {
  const { model, option } = facts;
  const host = option('primary_hostname');
  const items = itemsOf(model.lists.get('local_domains')?.value ?? '', model.lists);
  const smtp = model.transports.filter(({ options }) => options.get('driver')?.value === 'smtp');
  const bound = smtp.flatMap(
    ({ options }) => options.get('interface')?.value.split(/\s*[:;]\s+|\s+/) ?? [],
  );
  const hasSmarthost = model.routers.some(
    ({ options }) =>
      options.get('driver')?.value === 'manualroute' &&
      /^(?:\*|! \+local_domains|!\+local_domains)\s/.test(
        `${options.get('route_list')?.value ?? ''} `,
      ),
  );
  return {
    helo: { name: host, evidence: facts.where('primary_hostname') },
    domains: publicDomains(items.filter((item) => !item.startsWith('!'))).filter(
      (domain) => domain !== host.toLowerCase(),
    ),
    addresses: bound.flatMap((address) => canonicalIp(address) ?? []),
    relayNetworks: itemsOf(model.lists.get('relay_from_hosts')?.value ?? '', model.lists),
    hasSmarthost,
    keys: findKeys(smtp),
  };
}

/** Of the transports to other servers; a domain or selector that is expanded is not known here. */
function findKeys(transports: EximFacts['model']['transports']): SigningKey[] | undefined {
  const signing = transports.filter(({ options }) => options.has('dkim_private_key'));
  const keys = signing.flatMap(({ options }): SigningKey[] => {
    const [domain, selector] = ['dkim_domain', 'dkim_selector'].map((name) => options.get(name));
    const isPlain = [domain, selector].every(
      (each) => each !== undefined && !each.value.includes('$'),
    );
    if (domain === undefined || selector === undefined || !isPlain) return [];
    return [{ domain: domain.value, selector: selector.value, evidence: selector.evidence }];
  });
  return signing.length > 0 && keys.length === 0 ? undefined : keys;
}
