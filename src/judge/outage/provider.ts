/**
 * Which provider a refusal comes from: the name of the host that answered, cut to the part that one organisation holds.
 * Our own mail server looked up this MX name, so nobody can answer in the name of another provider. The rule is simple
 * and there is no list of public suffixes. Where it is wrong, two small providers count as one, or one as two.
 */
import { getNetwork } from '../../model/address.ts';
import { ownCopy } from '../../model/line.ts';
import { MAX_NAME, nameProvider } from '../../model/provider.ts';
import type { Relay } from '../../model/record.ts';

/** The network of the host that was connected to, which the owner of a name server cannot choose; else its name. */
export function getHostGroup({ host, address }: Relay): string {
  return address === undefined
    ? (host ?? '').slice(0, MAX_NAME).toLowerCase()
    : getNetwork(address);
}

/** The providers of host names that were seen before. Bounded, since a log may hold any number of names. */
export class ProviderNames {
  readonly #names = new Map<string, string>();
  /** the answer before: one event is asked about several times */
  #text = '';
  #name = '';

  /** The provider of a host; undefined when the log does not name the host. */
  get({ host, address }: Relay): string | undefined {
    const text = host ?? address;
    if (text === undefined || text === '') return undefined;
    if (text === this.#text) return this.#name;
    const name = this.#names.get(text) ?? this.#add(text);
    this.#text = text;
    this.#name = name;
    return name;
  }

  #add(text: string): string {
    const name = ownCopy(nameProvider(text));
    if (this.#names.size >= 10_000) this.#names.clear();
    if (text.length <= MAX_NAME) this.#names.set(ownCopy(text), name);
    return name;
  }
}

/** Shared by all who ask. */
export const PROVIDERS = new ProviderNames();
