/** Who is never blocked, whatever a rule, an operator or the database says. Pure. */
import { dropUndefined } from '../base/defined.ts';
import {
  canonicalIp,
  getDomain,
  isNetwork,
  isWithin,
  networkSet,
  readClients,
} from '../model/address.ts';
import type { Block, Key } from '../model/block.ts';
import type { CanonicalLogin } from '../model/login.ts';
import type { BlockTarget } from './target.ts';

/** Postmaster, root and loopback are never blocked, whatever is listed here. */
export interface AllowOptions {
  /** exact addresses or logins, or whole domains as `@example.net` */
  readonly users?: readonly string[];
  /** CIDR or single addresses */
  readonly networks?: readonly string[];
  /** numbers and login names: a name allows the name, a number the number */
  readonly uids?: readonly (string | number)[];
  /** networks that may relay: none of them is ever blocked as a whole */
  readonly relayNetworks?: readonly string[];
  /** the addresses of this machine */
  readonly ownAddresses?: readonly string[];
  /** logins and local accounts share one list: Exim looks up both in `blocked_users` */
  readonly oneNamespace?: boolean;
  /** makes the one form of a person's logins; default: lower case */
  readonly canonicalLogin?: CanonicalLogin;
}

export interface AllowList {
  /** Why this identity is never blocked, as the end of a sentence; undefined if it may be. */
  reason(key: Key): string | undefined;
}

/** Throws a RangeError that names a network that cannot be parsed. */
export function makeAllowList(options: AllowOptions): AllowList {
  const clientReason = makeClientReason(options);
  const userReason = makeUserReason(options.users ?? [], options.canonicalLogin);
  const senderReason = makeUserReason(options.users ?? []);
  const uidReason = makeUidReason(options.uids ?? []);
  const shared = options.oneNamespace === true;
  return {
    reason({ type, id }) {
      if (type === 'client') return clientReason(id);
      if (type === 'uid') return uidReason(id) ?? (shared ? userReason(id) : undefined);
      if (type === 'user') return userReason(id) ?? (shared ? uidReason(id) : undefined);
      return type === 'sender' ? senderReason(id) : undefined;
    },
  };
}

type Reason = (id: string) => string | undefined;

function makeClientReason(options: AllowOptions): Reason {
  const { networks = [], ownAddresses = [] } = options;
  const networkReason = makeNetworkReason(options);
  const allowed = networkSet(networks);
  const loopback = networkSet(LOOPBACK);
  const own = new Set(ownAddresses.map((ip) => canonicalIp(ip) ?? ip));
  return (id) => {
    if (isNetwork(id)) return networkReason(id);
    const ip = canonicalIp(id) ?? id;
    if (loopback.has(ip)) return 'loopback is never blocked';
    if (own.has(ip)) return 'it is an address of this machine';
    return allowed.has(ip) ? 'it is listed in allow.networks' : undefined;
  };
}

const LOOPBACK = ['127.0.0.0/8', '::1'];

/** A network must not hold anybody who is never blocked, nor all of a network that may relay. */
function makeNetworkReason(options: AllowOptions): Reason {
  const { networks = [], ownAddresses = [], relayNetworks = [] } = options;
  const read = (texts: readonly string[]) => texts.flatMap((text) => readClients(text) ?? []);
  const allowed = read(networks);
  const own = read(ownAddresses);
  const relays = read(relayNetworks);
  const overlaps = (network: string) => (other: string) =>
    isWithin(network, other) || isWithin(other, network);
  return (network) => {
    if (LOOPBACK.some(overlaps(network))) return 'loopback is never blocked';
    const mine = own.find(overlaps(network));
    if (mine !== undefined) return `it holds ${mine}, an address of this machine`;
    const listed = allowed.find(overlaps(network));
    if (listed !== undefined) return `${listed} is listed in allow.networks`;
    const relay = relays.find((each) => isWithin(each, network));
    return relay === undefined ? undefined : `it holds all of ${relay}, which may relay`;
  };
}

function makeUserReason(
  allowed: readonly string[],
  canonical: CanonicalLogin = (login) => login.toLowerCase(),
): Reason {
  // `@example.net` allows a domain and is no login.
  const form = (user: string) => (user.startsWith('@') ? user.toLowerCase() : canonical(user));
  const users = new Set(allowed.map(form));
  return (id) => {
    const user = form(id);
    const at = user.lastIndexOf('@');
    const local = at < 0 ? user : user.slice(0, at);
    if (local === 'postmaster') return 'postmaster is never blocked';
    const isListed = users.has(user) || (at >= 0 && users.has(`@${getDomain(user)}`));
    return isListed ? 'it is listed in allow.users' : undefined;
  };
}

function makeUidReason(allowed: readonly (string | number)[]): Reason {
  const uids = new Set(allowed.map((uid) => String(uid).toLowerCase()));
  return (id) => {
    const uid = id.toLowerCase();
    if (uid === '0' || uid === 'root') return 'root is never blocked';
    return uids.has(uid) ? 'it is listed in allow.uids' : undefined;
  };
}

/**
 * The same target, which writes no line for an identity on the list: a last check before a file is written, in case
 * the database says otherwise. A block of such an identity counts as one that the target cannot hold.
 */
export function exceptAllowed(target: BlockTarget, allow: AllowList): BlockTarget {
  const mayBlock = (key: Block['key']) => allow.reason(key) === undefined;
  const withoutAllowed = (block: Block): Block => {
    const { key, spellings, addresses } = block;
    return dropUndefined({
      ...block,
      spellings: spellings?.filter((id) => mayBlock({ ...key, id })),
      addresses: addresses?.filter((id) => mayBlock({ type: 'client', id })),
    });
  };
  return {
    ...target,
    renderEntry(key) {
      const reason = allow.reason(key);
      return reason === undefined ? target.renderEntry(key) : { reason };
    },
    render(blocks, old) {
      const rest = blocks.filter(({ key }) => mayBlock(key));
      return target.render(rest.map(withoutAllowed), old);
    },
  };
}
