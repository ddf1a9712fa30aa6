/**
 * Who can have come near a limit in a period: a first pass over the columns of the stored events, ten times as fast as
 * judging them. It counts what each rule counts in each window, without what needs the texts (exceptions, providers, the
 * values of recipients), so it finds everybody who came near, and some who did not: the judge tells them apart. Each limit
 * has its own candidates, and the judge of a limit needs no other event than those that count for one of them. Nor does it
 * need those of a key that has met the limit, unless the key was released since.
 *
 * Most keys count too little in all of the time. So the events of each key are counted first, and only for the others a
 * second look at the columns keeps the times.
 */
import type { Limit, Rule } from '../judge/rule.ts';
import type { Key } from '../model/block.ts';
import { EVENT_KINDS, REASONS } from '../model/event.ts';
import { DIRECTIONS } from '../store/codes.ts';
import type { HeldPages } from '../store/held-pages.ts';
import type { Page } from '../store/page.ts';
import { CODE_WIDTH, codeOf } from '../store/page-form.ts';
import type { Store } from '../store/store.ts';
import { Counting, type Period } from './candidate-counting.ts';
import { Keys } from './candidate-keys.ts';

export class Candidates {
  /** by `planIndex`, the rules with candidates that such an event may count for */
  readonly #users: readonly (readonly Counting[])[];
  readonly #countings = new Map<Limit, Counting>();
  readonly #found: Limit[] = [];

  /** `share`: the part of a limit from which on a key is near. */
  constructor(
    store: Store,
    pages: HeldPages,
    rules: readonly Rule[],
    period: Period,
    share: number,
  ) {
    const keys = new Keys(store);
    const enabled = rules.filter(({ enabled, usual }) => enabled && usual === undefined);
    const countings = enabled.map((rule) => new Counting(rule, keys, period, share));
    const plan = buildPlan(countings);
    scan(pages, period.until, plan, (one, page, at) => one.add(page, at));
    const frequent = countings.filter((one) => one.findFrequent());
    const kept = plan.map((own) => own.filter((one) => frequent.includes(one)));
    if (frequent.length > 0) scan(pages, period.until, kept, (one, page, at) => one.keep(page, at));
    const near = frequent.filter((one) => one.findNear());
    this.#users = plan.map((own) => near.filter((one) => one.needsAll || own.includes(one)));
    for (const one of near) for (const limit of one.rule.limits) this.#countings.set(limit, one);
  }

  /** The limits that the event may count for, with a key that came near. Valid until the next call. */
  limitsNear(page: Page, at: number): readonly Limit[] {
    this.#found.length = 0;
    for (const counting of this.#users[planIndex(page, at)] as readonly Counting[]) {
      counting.addLimits(page, at, this.#found);
    }
    return this.#found;
  }

  /** The key of this event has met the limit: its events are not found for it any more. */
  settle(limit: Limit, key: Key, page: Page, at: number): void {
    this.#countings.get(limit)?.settle(limit, key, page, at);
  }
}

/** Calls `visit` for each event with the rules that may count it. */
function scan(
  pages: HeldPages,
  until: number,
  plan: readonly (readonly Counting[])[],
  visit: (counting: Counting, page: Page, at: number) => void,
): void {
  for (const page of pages.pages()) {
    for (let at = 0; at < page.count; at++) {
      const countings = plan[planIndex(page, at)] as readonly Counting[];
      if (countings.length === 0 || page.time(at) >= until) continue;
      for (const one of countings) visit(one, page, at);
    }
  }
}

const PLAN_SIZE = 2 << CODE_WIDTH;

/** For each kind, reason, direction, and whether an event brings recipients: what counts it. */
function buildPlan(countings: readonly Counting[]): (readonly Counting[])[] {
  const plan: (readonly Counting[])[] = Array(PLAN_SIZE).fill([]);
  for (const kind of EVENT_KINDS) {
    for (const reason of [undefined, ...REASONS]) {
      for (const direction of [0, ...Object.values(DIRECTIONS.numberOf)]) {
        for (const brings of [false, true]) {
          const code = codeOf(kind, reason, direction);
          plan[2 * code + (brings ? 1 : 0)] = countings.filter((counting) =>
            counting.counts(kind, reason, direction, brings),
          );
        }
      }
    }
  }
  return plan;
}

function planIndex(page: Page, at: number): number {
  return 2 * page.code(at) + ((page.columns.recipients[at] as number) > 1 ? 1 : 0);
}
