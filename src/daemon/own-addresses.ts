/**
 * What blocklists are asked about: the addresses from which this server sends, and its names. As configured; else as the
 * mail server is told to send, else from the interfaces; and what refusals in the log name, if no IPv4 address is known.
 */
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { DAY } from '../base/time.ts';
import type { ListingsConfig } from '../config/load.ts';
import { canonicalIp, isPublicAddress } from '../model/address.ts';
import { gatherReputation, type ReputationRefusal } from '../report/reputation.ts';
import type { Store } from '../store/store.ts';

/** What a mail server is told to send as. */
export interface SendsAs {
  /** canonical IP addresses */
  readonly addresses: readonly string[];
  /** host name and domain, lower case */
  readonly names: readonly string[];
}

export interface OwnAddress {
  /** an IP address or a name */
  readonly subject: string;
  /** where it was found, in a few words */
  readonly from: string;
}

interface Known {
  readonly config: ListingsConfig | undefined;
  readonly sendsAs: SendsAs;
  /** looked at only if nothing else shows an IPv4 address */
  readonly store: Store | undefined;
  /** ms */
  readonly now: number;
  readonly interfaces?: NodeJS.Dict<NetworkInterfaceInfo[]>;
}

/** Each address and name once. */
export function findOwnAddresses(known: Known): OwnAddress[] {
  const names = known.config?.names ?? known.sendsAs.names;
  const from = known.config?.names === undefined ? 'mail server' : 'configuration';
  return [...findAddresses(known), ...names.map((subject) => ({ subject, from }))];
}

function findAddresses({ config, sendsAs, store, now, interfaces }: Known): OwnAddress[] {
  if (config?.addresses !== undefined) return label(config.addresses, 'configuration');
  const bound = label(sendsAs.addresses.filter(isPublicAddress), 'mail server');
  const found = bound.length > 0 ? bound : label(listInterfaces(interfaces), 'network interface');
  if (store === undefined || found.some(({ subject }) => !subject.includes(':'))) return found;
  return [...found, ...label(findNamed(gatherReputation(store, now - DAY, now)), 'log')];
}

function label(subjects: readonly string[], from: string): OwnAddress[] {
  return [...new Set(subjects)].map((subject) => ({ subject, from }));
}

function listInterfaces(interfaces = networkInterfaces()): string[] {
  return Object.values(interfaces)
    .flatMap((one) => one ?? [])
    .flatMap(({ address, internal }) => (internal ? [] : (canonicalIp(address) ?? [])))
    .filter(isPublicAddress);
}

/** How many providers must name an address: one alone could name any. */
const LEAST_PROVIDERS = 2;
const MOST_NAMED = 10;

/** Public IPv4 addresses that several providers name when they refuse us. Behind NAT nothing else shows them. */
export function findNamed(refusals: readonly ReputationRefusal[]): string[] {
  const counts = new Map<string, number>();
  for (const address of refusals.flatMap(({ addresses }) => addresses)) {
    if (!address.includes(':') && isPublicAddress(address))
      counts.set(address, (counts.get(address) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count >= LEAST_PROVIDERS)
    .map(([address]) => address)
    .slice(0, MOST_NAMED);
}
