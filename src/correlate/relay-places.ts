/**
 * Where an answer about mail may come from, once a host took it: the host's provider and network, and the provider of the
 * recipient's domain.
 */
import { getNetwork } from '../model/address.ts';
import { ownCopy } from '../model/line.ts';
import { nameProvider } from '../model/provider.ts';

/** The places of a host by its name and address. Bounded, since a log may hold any number of names. */
const RELAY_PLACES = new Map<string | undefined, Map<string | undefined, readonly string[]>>();
const MOST_RELAYS = 10_000;
let relayCount = 0;

/** The same list again for the same host: working it out takes longer than all the rest. */
export function listRelayPlaces(
  host: string | undefined,
  address: string | undefined,
): readonly string[] {
  const known = RELAY_PLACES.get(host)?.get(address);
  if (known !== undefined) return known;
  if (relayCount++ >= MOST_RELAYS) {
    RELAY_PLACES.clear();
    relayCount = 0;
  }
  const places = findRelayPlaces(host, address);
  const byAddress = RELAY_PLACES.get(host) ?? new Map<string | undefined, readonly string[]>();
  RELAY_PLACES.set(copyName(host), byAddress);
  byAddress.set(copyName(address), places);
  return places;
}

function copyName(name: string | undefined): string | undefined {
  return name === undefined ? undefined : ownCopy(name);
}

/** The name is the one that the MX or our configuration gave to the host. */
function findRelayPlaces(host: string | undefined, address: string | undefined): string[] {
  const places = address === undefined ? [] : [ownCopy(getNetwork(address))];
  const isName = host !== undefined && host !== '' && !host.startsWith('[');
  return isName ? [ownCopy(nameProvider(host)), ...places] : places;
}

/** Providers by domain. Bounded as well. */
const PROVIDERS = new Map<string, string>();
const MOST_PROVIDERS = 10_000;

/** `nameProvider`, which gives the same string again for the same domain. */
export function findProvider(domain: string): string {
  const known = PROVIDERS.get(domain);
  if (known !== undefined) return known;
  if (PROVIDERS.size >= MOST_PROVIDERS) PROVIDERS.clear();
  const provider = ownCopy(nameProvider(domain));
  PROVIDERS.set(ownCopy(domain), provider);
  return provider;
}
