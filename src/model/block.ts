/** Verdicts and blocks: what the rules found, and what was decided. */
import type { Position } from './line.ts';
import type { Past } from './usual.ts';

export const KEY_TYPES = [
  'user',
  'client',
  'client-net',
  'uid',
  'sender',
  'sender-domain',
  'recipient',
  'host',
] as const;
export type KeyType = (typeof KEY_TYPES)[number];

/** An identity with its type, by which a rule counts. Users are in lower case, addresses canonical; `host` is the server. */
export interface Key {
  readonly type: KeyType;
  readonly id: string;
}

/** `defer`: the policy service puts recipients off. */
export type Action = 'block' | 'observe' | 'defer';

/** A rule met its limit for a key. */
export interface Verdict extends Position {
  readonly rule: string;
  readonly action: Action;
  readonly key: Key;
  /** for a sender behind a gateway: the gateway, the only place where the sender is shut out */
  readonly at?: Key;
  /** for a gateway: how many different senders the verdict hits */
  readonly people?: number;
  /** event time in ms */
  readonly time: number;
  /** events (or distinct values, recipients, percent) in the window at that line */
  readonly count: number;
  readonly limit: number;
  /** why that is not the limit in the rule: an override, or the hour; undefined: it is */
  readonly limitWhy?: string;
  /** the limit by day, when `limit` is that of a night or a weekend */
  readonly fullLimit?: number;
  /** ms */
  readonly period: number;
  /** how long a block lasts, ms; undefined: until it is released */
  readonly duration?: number;
  /** older than the rule's `fresh` limit when it was judged: recorded, never enforced */
  readonly stale?: boolean;
  /** of a rule with `usual`: what was usual before; `limit` is that of this key */
  readonly past?: Past;
  /** how much each of the servers that count together contributed */
  readonly hosts?: Readonly<Record<string, number>>;
}

/** The outcome of a verdict: a block, or why there is none. */
export type VerdictOutcome =
  | 'blocked'
  | 'observed'
  | 'deferred'
  | 'unblockable'
  | 'allowed'
  | 'stale'
  | 'already-blocked'
  | 'mode-observe'
  | 'capped';

export type BlockableType = 'user' | 'client' | 'uid' | 'sender';

/** The decision that an identity is blocked. */
export interface Block {
  readonly id: number;
  readonly key: { readonly type: BlockableType; readonly id: string };
  /** the gateway where alone a sender is shut out; undefined: everywhere */
  readonly at?: Key;
  /** rule name, or `manual` */
  readonly cause: string;
  /** ms since the epoch */
  readonly start: number;
  /** ms since the epoch; undefined: until it is released */
  readonly end?: number;
  /** of a user: other logins by which this person is known (model/login.ts); each is blocked, too */
  readonly spellings?: readonly string[];
  /** of a user: IP addresses that this person has now (leases/); each is blocked, too */
  readonly addresses?: readonly string[];
}

/** An identity that a block names. */
export interface BlockedKey {
  readonly type: BlockableType;
  readonly id: string;
  /** of an address: the login of the person who has it now, for whom it is blocked */
  readonly person?: string;
}

/** All that a block names: its key, and the same person in every other spelling and at every address. */
export function listBlockedKeys({ key, spellings = [], addresses = [] }: Block): BlockedKey[] {
  const others = spellings.filter((id) => id !== key.id);
  return [
    key,
    ...[...new Set(others)].map((id) => ({ type: key.type, id })),
    ...addresses.map((id) => ({ type: 'client' as const, id, person: key.id })),
  ];
}
