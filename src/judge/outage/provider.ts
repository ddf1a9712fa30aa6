/**
 * Which provider a refusal comes from: the name of the host that answered, cut to what one organisation holds.
 * The name is the MX name that our own mail server looked up, so nobody can answer in another provider's name.
 * A modest rule instead of a list of all public suffixes: where it is wrong, two small providers count as one or
 * one as two, and no more than that.
 */
import { getNetwork } from '../../model/address.ts';
import { ownCopy } from '../../model/line.ts';
import type { Relay } from '../../model/record.ts';

/** Second-level labels below which countries hand out names: `example.co.uk`, `example.com.au`. */
const BELOW_COUNTRIES = new Set(
  'ac asso co com edu firm gen go gob gouv gov ind info id ltd mil ne net nhs nom or org plc sch web'.split(
    ' ',
  ),
);
const MAX_NAME = 255;

/** `alt1.aspmx.l.google.com` is `google.com`, `mx.example.co.uk` is `example.co.uk`; an address is its network. */
export function nameProvider(host: string): string {
  const name = host.slice(0, MAX_NAME).toLowerCase().replace(/\.$/, '');
  if (name.includes(':') || /^[\d.]+$/.test(name)) return getNetwork(name);
  const labels = name.split('.');
  const [country = '', below = ''] = labels.toReversed();
  const kept = country.length === 2 && BELOW_COUNTRIES.has(below) ? 3 : 2;
  return labels.slice(-kept).join('.');
}

/** The host's network as it was connected to, which no name server's owner can choose; else its name. */
export function getHostGroup({ host, address }: Relay): string {
  return address === undefined
    ? (host ?? '').slice(0, MAX_NAME).toLowerCase()
    : getNetwork(address);
}

/** Remembers the answers for host names; bounded, since a log may hold any number of them. */
export class ProviderNames {
  readonly #names = new Map<string, string>();

  of({ host, address }: Relay): string | undefined {
    const text = host ?? address;
    if (text === undefined || text === '') return undefined;
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    const name = ownCopy(nameProvider(text));
    if (this.#names.size >= 10_000) this.#names.clear();
    if (text.length <= MAX_NAME) this.#names.set(ownCopy(text), name);
    return name;
  }
}
