/** What the checks of the DNS look at: answers, each asked once. A question without an answer is a note. */
import { escapeControls } from '../../base/escape.ts';
import { Records } from '../../probe/records.ts';
import type { Evidence } from '../finding.ts';
import type { MailIdentity } from './identity.ts';
import { type Outcome, SpfLookup } from './spf.ts';

export interface DnsFacts {
  readonly identity: MailIdentity;
  /** public addresses from which it sends */
  readonly addresses: readonly string[];
  /** undefined: no answer */
  texts(name: string): Promise<readonly string[] | undefined>;
  exchangers(domain: string): Promise<readonly string[] | undefined>;
  resolve(name: string): Promise<readonly string[] | undefined>;
  names(address: string): Promise<readonly string[] | undefined>;
  /** the one SPF record of a domain; undefined: none, or no answer; a list: several */
  spf(domain: string): Promise<string | readonly string[] | undefined>;
  /** what SPF says about mail of the domain from an address */
  judge(domain: string, address: string): Promise<Outcome>;
}

/** Asks for the addresses first; undefined, and a note, when no server answers at all. */
export async function gatherDns(
  identity: MailIdentity,
  server: string | undefined,
  notes: Set<string>,
): Promise<DnsFacts | undefined> {
  const records = new Records(server);
  const known = new Map<string, Promise<readonly string[] | undefined>>();
  const once = (key: string, ask: () => Promise<readonly string[] | { failure: string }>) => {
    const answer =
      known.get(key) ??
      ask().then((result) => {
        if (!('failure' in result)) return result;
        notes.add(`the DNS gives no answer for ${key} (${result.failure}), so it was not audited`);
        return undefined;
      });
    known.set(key, answer);
    return answer;
  };
  const probe = await records.addresses(identity.helo.name);
  if ('failure' in probe && /^(?:ECONNREFUSED|ETIMEOUT)$/.test(probe.failure)) {
    notes.add(
      `the DNS gives no answer (${probe.failure}): names and records were not audited; --offline leaves them out`,
    );
    return undefined;
  }
  const resolve = (name: string) => once(`${name} A`, () => records.addresses(name));
  const facts = {
    identity,
    // Others write these, and they end up in fixes: hidden characters stay visible.
    texts: (name: string) =>
      once(`${name} TXT`, async () => {
        const found = await records.texts(name);
        return 'failure' in found ? found : found.map(escapeControls);
      }),
    exchangers: (domain: string) =>
      once(`${domain} MX`, async () => {
        const found = await records.exchangers(domain);
        return 'failure' in found ? found : found.map(({ name }) => name);
      }),
    resolve,
    names: (address: string) => once(`${address} PTR`, () => records.names(address)),
  };
  const addresses =
    identity.addresses.length > 0
      ? identity.addresses
      : ((await resolve(identity.helo.name)) ?? []);
  const spf = async (domain: string) => {
    const found = (await facts.texts(domain))?.filter((text) => /^v=spf1(?: |$)/i.test(text)) ?? [];
    return found.length > 1 ? found : found[0];
  };
  return {
    ...facts,
    addresses,
    spf,
    judge: (domain, address) => new SpfLookup({ ...facts, spf }).judge(domain, address),
  };
}

/** A record, or that there is none, as evidence. */
export function dnsEvidence(text: string): Evidence {
  return { file: 'DNS', line: null, text };
}
