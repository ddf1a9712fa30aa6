/** Names of the host itself: ptr, helo-name. */
import type { Check } from '../../check.ts';
import type { Hit } from '../../finding.ts';
import { type DnsFacts, dnsEvidence } from '../facts.ts';

export const reverseName: Check<DnsFacts> = {
  id: 'ptr',
  async find(facts) {
    if (facts.identity.hasSmarthost) return [];
    const found: Hit[] = [];
    for (const address of facts.addresses) {
      const names = await facts.names(address);
      if (names === undefined) continue;
      const answers = await Promise.all(names.map((name) => facts.resolve(name)));
      if (answers.some((answer) => answer === undefined || answer.includes(address))) continue;
      found.push({
        evidence: dnsEvidence(
          `${address} PTR ${names.join(', ') || '(none)'}${names.length > 0 ? ', which does not lead back' : ''}`,
        ),
        fix: `have the owner of the network (your provider) set: ${address} PTR ${facts.identity.helo.name}; and keep ${facts.identity.helo.name} ${address.includes(':') ? 'AAAA' : 'A'} ${address}`,
      });
    }
    return found;
  },
};

export const heloName: Check<DnsFacts> = {
  id: 'helo-name',
  async find({ identity: { helo, hasSmarthost }, resolve }) {
    if (hasSmarthost) return [];
    const isFull =
      /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i.test(helo.name) && !/\.?localdomain$/i.test(helo.name);
    const addresses = isFull ? await resolve(helo.name) : [];
    if (addresses === undefined || addresses.length > 0) return [];
    return [
      {
        evidence: {
          ...helo.evidence,
          text: `${helo.evidence.text}: ${helo.name} has no address in the DNS`,
        },
        fix: isFull
          ? `add to the DNS: ${helo.name} A (the address from which this server sends)`
          : 'set the full name of this host, which the DNS knows: myhostname in main.cf, primary_hostname in Exim',
      },
    ];
  },
};
