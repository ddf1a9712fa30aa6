/**
 * From verdicts to new blocks: considers the running blocks, the allow list, the cap per hour and the mode.
 * Pure; the time is passed in. How long a block lasts (escalation too) is decided by the judge: `duration` of the
 * verdict.
 */
import { dropUndefined } from '../base/defined.ts';
import { HOUR } from '../base/time.ts';
import { isNetwork, isWithin } from '../model/address.ts';
import type { Block, BlockableType, Key, Verdict, VerdictOutcome } from '../model/block.ts';
import type { AllowList } from './allow-list.ts';
import { findIdentityProblem } from './target.ts';
import { widenClient } from './widen.ts';

export interface BlockPolicy {
  readonly mode: 'enforce' | 'observe';
  readonly allow: AllowList;
  readonly blocksPerHour: number;
  /** why no block file can hold this identity, as the end of a sentence; default: each can */
  readonly findInexpressible?: (key: Block['key']) => string | undefined;
  /** why networks of clients cannot be blocked; default: they can */
  readonly noNetworks?: string | undefined;
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

/** One decision for each verdict, in the same order; a key with two verdicts is blocked once. */
export function decide(
  verdicts: readonly Verdict[],
  state: DecisionState,
  policy: BlockPolicy,
): Decision[] {
  const blocked = new BlockedKeys(state.running.map(({ key }) => key));
  let begun = state.recentStarts.filter((start) => start > state.now - HOUR).length;
  return verdicts.map((verdict) => {
    const exempt = findExemption(verdict, policy);
    if (exempt !== undefined) return exempt;
    if (blocked.has(verdict.key)) return { verdict, outcome: 'already-blocked' };
    if (policy.mode === 'observe') return { verdict, outcome: 'mode-observe' };
    if (begun >= policy.blocksPerHour) return { verdict, outcome: 'capped' };
    begun++;
    const block = buildBlock(verdict, state.now, policy);
    blocked.add(verdict.key);
    blocked.add(block.key);
    return { verdict, outcome: 'blocked', block };
  });
}

/** Who is blocked: by name, or as an address in a network. */
class BlockedKeys {
  readonly #names = new Set<string>();
  readonly #networks: string[] = [];

  constructor(keys: readonly Key[]) {
    for (const key of keys) this.add(key);
  }

  add(key: Key): void {
    this.#names.add(nameKey(key));
    if (key.type === 'client' && isNetwork(key.id)) this.#networks.push(key.id);
  }

  has(key: Key): boolean {
    if (this.#names.has(nameKey(key))) return true;
    return key.type === 'client' && this.#networks.some((network) => isWithin(key.id, network));
  }
}

/** The decision for a verdict that blocks nobody, whatever is blocked already. */
function findExemption(verdict: Verdict, policy: BlockPolicy): Decision | undefined {
  // First: a judge that is rebuilt must know by the outcome that the verdict changed nothing.
  if (verdict.stale === true) return { verdict, outcome: 'stale' };
  if (verdict.action === 'observe') return { verdict, outcome: 'observed' };
  const allowed = policy.allow.reason(verdict.key);
  if (allowed !== undefined) return { verdict, outcome: 'allowed', detail: allowed };
  const unblockable = findUnblockableReason(verdict.key, policy);
  if (unblockable !== undefined) return { verdict, outcome: 'unblockable', detail: unblockable };
  return undefined;
}

/**
 * Whether a verdict that blocked nobody would do so for the same reason by this policy. Otherwise the reason is gone:
 * somebody is not allowed any more, the mode has changed, another target can hold the login.
 */
export function isStillUnblocked(
  { key }: Verdict,
  outcome: VerdictOutcome,
  policy: BlockPolicy,
): boolean {
  if (outcome === 'allowed') return policy.allow.reason(key) !== undefined;
  if (outcome === 'unblockable') return findUnblockableReason(key, policy) !== undefined;
  return outcome !== 'mode-observe' || policy.mode === 'observe';
}

/** Why no target can hold this key, as the end of a sentence; undefined if one may. */
export function findUnblockableReason(
  key: Key,
  { findInexpressible }: Pick<BlockPolicy, 'findInexpressible'> = {},
): string | undefined {
  if (!isBlockable(key)) return `a ${key.type} cannot be blocked`;
  return findIdentityProblem(key) ?? findInexpressible?.(key);
}

function isBlockable(key: Key): key is Block['key'] {
  return key.type !== 'client-net' && key.type !== 'sender-domain' && key.type !== 'recipient';
}

function buildBlock(verdict: Verdict, now: number, policy: BlockPolicy): Omit<Block, 'id'> {
  const { duration, rule, at } = verdict;
  const one = { type: verdict.key.type as BlockableType, id: verdict.key.id };
  const key = at === undefined ? chooseWidth(one, policy) : one;
  return dropUndefined({
    key,
    at,
    cause: rule,
    start: now,
    end: duration === undefined ? undefined : now + duration,
  });
}

/** The /64 of an IPv6 client, unless that would hit others who must not be blocked: then the address alone. */
export function chooseWidth(
  key: Block['key'],
  { allow, noNetworks, findInexpressible }: Omit<BlockPolicy, 'mode' | 'blocksPerHour'>,
): Block['key'] {
  const wide = widenClient(key);
  if (wide === undefined || noNetworks !== undefined) return key;
  const isRefused = (allow.reason(wide) ?? findInexpressible?.(wide)) !== undefined;
  return isRefused ? key : wide;
}

function nameKey(key: Key): string {
  return `${key.type}:${key.id.toLowerCase()}`;
}
