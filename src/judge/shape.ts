/** What the timelines of one rule must keep, and what its limits measure. Computed once for each rule. */
import { HOUR } from '../base/time.ts';
import type { KeyType } from '../model/block.ts';
import { blamesSenders, type Distinct, type Limit, type Rule } from './rule.ts';

/**
 * How much longer than a window needs them, in ms, entries of a share are kept. When the clock is set back, by an hour in
 * autumn for instance, the window reaches further back again, and half of the whole must not be missing there.
 */
const SPARE = 2 * HOUR;

/** What is measured: a sum, the number of different values, or a share of all recipients in percent. */
type Measure = 'sum' | 'distinct' | 'ratio';

export interface Shape {
  readonly measure: Measure;
  /** what a distinct rule compares */
  readonly distinct?: Distinct | undefined;
  /** an event counts as many times as it has new recipients */
  readonly countsRecipients?: boolean;
  readonly limits: readonly Limit[];
  /** ms: the longest period of the limits */
  readonly reach: number;
  /** ms: how long entries are kept */
  readonly keep: number;
  readonly atLeast: number;
  /** least share of the outcomes, 0 to 1; undefined: the rule has none */
  readonly share: number | undefined;
  /** whether an event also adds to the whole of a share */
  readonly hasWhole: boolean;
  /** whether an event that only adds to the whole may be counted later, when the next one that matters comes */
  readonly defersWhole: boolean;
  /** whether senders are kept, to find the one who is to blame at a gateway */
  readonly hasSenders: boolean;
  /** percent of a limit that one domain, one host may contribute */
  readonly mostPerDomain: number | undefined;
  readonly mostPerHost: number | undefined;
  /** whether a value that comes again only moves to its new time */
  readonly movesValues: boolean;
  /** bytes of an entry, about: its columns, and a value with its place in the window */
  readonly entryWeight: number;
}

/**
 * `hasSenders`: the timelines are those of clients or local accounts that may be gateways. `limits`: what windows are
 * made for.
 */
export function buildShape(rule: Rule, hasSenders: boolean, limits: readonly Limit[]): Shape {
  const { ratio, distinct, atLeast, atLeastShare, bound } = rule;
  const hasShare = atLeastShare !== undefined;
  const hasWhole = ratio || hasShare || hasSenders;
  const reach = Math.max(...limits.map(({ period }) => period));
  const isDistinct = distinct !== undefined;
  const columns =
    2 + [hasWhole, isDistinct, hasShare, hasSenders].filter((hasColumn) => hasColumn).length;
  const isPlain = !hasShare && !hasSenders && bound === undefined && atLeast === 1;
  return {
    measure: ratio ? 'ratio' : distinct === undefined ? 'sum' : 'distinct',
    distinct,
    countsRecipients: rule.count === 'recipients',
    limits,
    reach,
    keep: hasWhole ? reach + SPARE : reach,
    atLeast,
    share: hasShare ? atLeastShare / 100 : undefined,
    hasWhole,
    // One that may blame a sender counts when its turn has come.
    defersWhole: hasWhole && !hasSenders,
    hasSenders,
    mostPerDomain: bound?.domain,
    mostPerHost: bound?.host,
    // The refusals of a recipient can be taken back one by one, logins cannot.
    movesValues: isPlain && isDistinct && distinct !== 'recipient',
    // Most entries of a share are deliveries, which have no value.
    entryWeight: 10 * columns + (isDistinct && !hasWhole ? 50 : 0),
  };
}

const GATEWAY_TYPES: ReadonlySet<KeyType> = new Set<KeyType>(['client', 'uid']);

/** Whether keys of this type may be gateways, one of whose senders the rule may blame. */
export function isBlaming(rule: Rule, type: KeyType): boolean {
  return GATEWAY_TYPES.has(type) && blamesSenders(rule);
}
