/** Who is never blocked: the names and networks of `allow:`, and this machine itself. */
import { networkInterfaces } from 'node:os';
import { type AllowList, type AllowOptions, makeAllowList } from '../enforce/allow-list.ts';
import type { Key } from '../model/block.ts';
import type { Mta } from '../model/event.ts';

interface AllowSource {
  readonly allow: AllowOptions;
  readonly mta?: Mta;
}

/** The allow list of a configuration, with the addresses that this machine has now. */
export function buildAllowList({ allow, mta }: AllowSource): AllowList {
  return makeAllowList({
    ...allow,
    ownAddresses: listOwnAddresses(),
    oneNamespace: mta === 'exim',
  });
}

/** The allow list as a judge looks it up that only reports who would have been blocked (replay). */
export function isAllowed(allow: AllowList): (key: Key) => boolean {
  return (key) => allow.reason(key) !== undefined;
}

function listOwnAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).map(({ address }) => address),
  );
}
