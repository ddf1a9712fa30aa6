/** Verdicts, blocks and notices: what the rules found, what is decided, what people are told. */
import type { Position } from './line.ts';

export const KEY_TYPES = [
  'user',
  'client',
  'client-net',
  'uid',
  'sender',
  'sender-domain',
  'host',
] as const;
export type KeyType = (typeof KEY_TYPES)[number];

/** What a rule counts by: an identity with its type. Users are lower case, addresses canonical; `host` is the server itself. */
export interface Key {
  readonly type: KeyType;
  readonly id: string;
}

export type Action = 'block' | 'observe';

/** A rule met its limit for a key. */
export interface Verdict extends Position {
  readonly rule: string;
  readonly action: Action;
  readonly key: Key;
  /** event time in ms */
  readonly time: number;
  /** events (or distinct values, recipients, percent) in the window at that line */
  readonly count: number;
  readonly limit: number;
  /** ms */
  readonly period: number;
  /** ms that a block lasts; undefined: until released */
  readonly duration?: number;
  /** older than the rule's `fresh` bound when it was judged: recorded, never enforced */
  readonly stale?: boolean;
}

/** What came of a verdict: a block, or the reason why there is none. */
export type VerdictOutcome =
  | 'blocked'
  | 'observed'
  | 'unblockable'
  | 'allowed'
  | 'stale'
  | 'already-blocked'
  | 'mode-observe'
  | 'capped';

export type BlockableType = 'user' | 'client' | 'uid' | 'sender';

/** The decision that someone is shut out. */
export interface Block {
  readonly id: number;
  readonly key: { readonly type: BlockableType; readonly id: string };
  /** rule name, or `manual` */
  readonly cause: string;
  /** ms since the epoch */
  readonly start: number;
  /** ms since the epoch; undefined: until released */
  readonly end?: number;
}
