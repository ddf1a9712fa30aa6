/** Who is never blocked: the names and networks under `allow`, and this machine itself. */
import { networkInterfaces } from 'node:os';
import { type AllowList, type AllowOptions, makeAllowList } from '../enforce/allow-list.ts';
import type { Key } from '../model/block.ts';
import type { Mta } from '../model/event.ts';
import { buildCanonicalLogin, type LoginOptions, PLAIN_LOGINS } from '../model/login.ts';
import { addAllowed, readExceptions } from './exceptions.ts';
import { CONFIG_MTAS } from './mtas.ts';

export interface AllowSource {
  readonly allow: AllowOptions;
  /** file with more of them; undefined without a configuration */
  readonly exceptions?: string;
  readonly logins?: LoginOptions;
  readonly trustedNetworks?: readonly string[];
  /** undefined without a configuration */
  readonly mta?: Mta;
}

/**
 * The allow list of a configuration, with the addresses that this machine has now. `relayNetworks`: those that may
 * relay, as the mail server lists them, if the configuration does not.
 */
export function buildAllowList(
  { allow, exceptions, mta, trustedNetworks, logins = PLAIN_LOGINS }: AllowSource,
  relayNetworks: readonly string[] = [],
): AllowList {
  const oneNamespace = mta !== undefined && CONFIG_MTAS[mta].oneNamespace;
  const canonical = buildCanonicalLogin(logins);
  return makeAllowList({
    ...(exceptions === undefined ? allow : addAllowed(allow, readExceptions(exceptions).entries)),
    relayNetworks: trustedNetworks ?? relayNetworks,
    ownAddresses: listOwnAddresses(),
    oneNamespace,
    ...(canonical === undefined ? {} : { canonicalLogin: canonical }),
  });
}

/** The allow list for a judge that only reports who would have been blocked (replay). */
export function isAllowed(allow: AllowList): (key: Key) => boolean {
  return (key) => allow.reason(key) !== undefined;
}

function listOwnAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).map(({ address }) => address),
  );
}
