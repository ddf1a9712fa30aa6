/** What may change the limits of a rule: the interface between what a rule measures and what limit applies. Types only. */
import type { KeyType } from '../model/block.ts';
import type { CountedEvent } from './counted-event.ts';

/** A limit as it applies to a key at a time. */
export interface AppliedLimit {
  readonly limit: number;
  /** ms */
  readonly period: number;
  /** why it is not the limit in the rule; undefined: it is */
  readonly why?: string;
  /** by day, when `limit` is that of a night or a weekend */
  readonly full?: number;
}

/** How the limits of one rule differ from what its file says. */
export interface Adjustment {
  /** What a limit of the rule is for a key in the window that ends at `time` (ms); undefined: the key is exempt. */
  limitFor(limit: AppliedLimit, type: KeyType, id: string, time: number): AppliedLimit | undefined;
  /** Whether there is an override for the key, of whatever rule. */
  isOverridden(type: KeyType, id: string): boolean;
  /** What a limit is at a time (ms) for a key without overrides. Of two limits, the smaller one stays the smaller. */
  usualLimit(limit: AppliedLimit, time: number): AppliedLimit;
  /** The lowest that `limitFor` can give for this limit, for any key and at any time, also with overrides to come. */
  lowest(limit: AppliedLimit): number;
  /** The lowest that `usualLimit` can give. */
  lowestUsual(limit: AppliedLimit): number;
  /** Whether the mail is that of a list that is exempt: it does not count. */
  sparesMail(event: CountedEvent): boolean;
  /** Whether mail of an exempt list may be spared for this rule alone, now or when a table of overrides changes. */
  readonly namesList: boolean;
  /** Two adjustments with the same ones of these give the same answers, where no rule is named. */
  readonly sources: readonly unknown[];
}
