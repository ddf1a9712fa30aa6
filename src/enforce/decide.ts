/**
 * What should be: from verdicts, running blocks, the allow list, the cap per hour and the mode to new blocks.
 * Pure; the time is handed in. How long a block lasts (escalation too) is the judge's, as `duration` of the verdict.
 */
import { dropUndefined } from '../base/defined.ts';
import { HOUR } from '../base/time.ts';
import { canonicalIp, getDomain, networkSet } from '../model/address.ts';
import type { Block, BlockableType, Key, Verdict, VerdictOutcome } from '../model/block.ts';
import { refusal } from './target.ts';

/** Who is never blocked. Postmaster, root and loopback are never blocked whatever is named here. */
export interface AllowOptions {
  /** exact addresses or logins, or whole domains as `@example.net` */
  readonly users?: readonly string[];
  /** CIDR or single addresses */
  readonly networks?: readonly string[];
  /** numbers and login names: a name allows the name, a number the number */
  readonly uids?: readonly (string | number)[];
  /** the addresses of this machine */
  readonly ownAddresses?: readonly string[];
  /** logins and local accounts are told apart nowhere: Exim's `blocked_users` is asked for both */
  readonly oneNamespace?: boolean;
}

export interface AllowList {
  /** Why this identity is never blocked, as the end of a sentence; undefined when it may be. */
  reason(key: Key): string | undefined;
}

export interface BlockPolicy {
  readonly mode: 'enforce' | 'observe';
  readonly allow: AllowList;
  readonly blocksPerHour: number;
}

interface DecisionState {
  /** blocks in force */
  readonly running: readonly Block[];
  /** when rules began blocks, in ms; those of the last hour count towards the cap, running or not */
  readonly recentStarts: readonly number[];
  /** ms */
  readonly now: number;
}

export interface Decision {
  readonly verdict: Verdict;
  readonly outcome: VerdictOutcome;
  /** with `blocked`: what to insert */
  readonly block?: Omit<Block, 'id'>;
  /** why, for `allowed` and `unblockable` */
  readonly detail?: string;
}

/** One decision for each verdict, in their order; a key in two verdicts is blocked once. */
export function decide(
  verdicts: readonly Verdict[],
  state: DecisionState,
  policy: BlockPolicy,
): Decision[] {
  const blocked = new Set(state.running.map(({ key }) => nameKey(key)));
  let begun = state.recentStarts.filter((start) => start > state.now - HOUR).length;
  return verdicts.map((verdict) => {
    const refused = findRefusal(verdict, policy);
    if (refused !== undefined) return refused;
    if (blocked.has(nameKey(verdict.key))) return { verdict, outcome: 'already-blocked' };
    if (policy.mode === 'observe') return { verdict, outcome: 'mode-observe' };
    if (begun >= policy.blocksPerHour) return { verdict, outcome: 'capped' };
    begun++;
    blocked.add(nameKey(verdict.key));
    return { verdict, outcome: 'blocked', block: newBlock(verdict, state.now) };
  });
}

/** What holds whatever is blocked already. */
function findRefusal(verdict: Verdict, policy: BlockPolicy): Decision | undefined {
  if (verdict.action === 'observe') {
    return { verdict, outcome: verdict.stale === true ? 'stale' : 'observed' };
  }
  const allowed = policy.allow.reason(verdict.key);
  if (allowed !== undefined) return { verdict, outcome: 'allowed', detail: allowed };
  const unblockable = unblockableReason(verdict.key);
  if (unblockable !== undefined) return { verdict, outcome: 'unblockable', detail: unblockable };
  return verdict.stale === true ? { verdict, outcome: 'stale' } : undefined;
}

/** Why no target could ever hold this key; undefined when one may. */
export function unblockableReason(key: Key): string | undefined {
  if (!isBlockable(key)) return `a ${key.type} cannot be blocked`;
  if (key.type === 'client' && canonicalIp(key.id) === undefined) return 'it is no IP address';
  return refusal(key);
}

function isBlockable(key: Key): key is Block['key'] {
  return key.type !== 'client-net' && key.type !== 'sender-domain';
}

function newBlock(verdict: Verdict, now: number): Omit<Block, 'id'> {
  const { duration, rule } = verdict;
  const key = { type: verdict.key.type as BlockableType, id: verdict.key.id };
  return dropUndefined({
    key,
    cause: rule,
    start: now,
    end: duration === undefined ? undefined : now + duration,
  });
}

function nameKey(key: Key): string {
  return `${key.type}:${key.id.toLowerCase()}`;
}

/** Throws a RangeError naming a network that is none. */
export function allowList(options: AllowOptions): AllowList {
  const users = new Set((options.users ?? []).map((user) => user.toLowerCase()));
  const uids = new Set((options.uids ?? []).map((uid) => String(uid).toLowerCase()));
  const networks = networkSet(options.networks ?? []);
  const loopback = networkSet(['127.0.0.0/8', '::1']);
  const own = new Set((options.ownAddresses ?? []).map((ip) => canonicalIp(ip) ?? ip));

  function clientReason(id: string): string | undefined {
    const ip = canonicalIp(id) ?? id;
    if (loopback.has(ip)) return 'loopback is never blocked';
    if (own.has(ip)) return 'it is an address of this machine';
    return networks.has(ip) ? 'allow.networks names it' : undefined;
  }

  function userReason(id: string): string | undefined {
    const user = id.toLowerCase();
    const at = user.lastIndexOf('@');
    const local = at < 0 ? user : user.slice(0, at);
    if (local === 'postmaster') return 'postmaster is never blocked';
    const named = users.has(user) || (at >= 0 && users.has(`@${getDomain(user)}`));
    return named ? 'allow.users names it' : undefined;
  }

  function uidReason(id: string): string | undefined {
    const uid = id.toLowerCase();
    if (uid === '0' || uid === 'root') return 'root is never blocked';
    return uids.has(uid) ? 'allow.uids names it' : undefined;
  }

  const shared = options.oneNamespace === true;
  return {
    reason({ type, id }) {
      if (type === 'client') return clientReason(id);
      if (type === 'uid') return uidReason(id) ?? (shared ? userReason(id) : undefined);
      if (type === 'user') return userReason(id) ?? (shared ? uidReason(id) : undefined);
      return type === 'sender' ? userReason(id) : undefined;
    },
  };
}
