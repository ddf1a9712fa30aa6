/**
 * What follows from a suspicion: refusals that the provider has contributed to the windows are taken back, and the
 * verdicts that do not stand without them are withdrawn. Knows the rules and their windows, nothing of blocks.
 */
import type { Verdict } from '../../model/block.ts';
import { isInvalid, type MailEvent } from '../../model/event.ts';
import { getKeyId, getKeyType } from '../key.ts';
import { type ActiveRule, countsInvalid, countsRefusal } from '../plan.ts';
import type { Since, Tally } from '../tally.ts';
import { type EndedSuspect, Guard, type Outage } from './guard.ts';
import { RecentRefusals } from './ledger.ts';

/** A verdict of a rule that blocks, with the limit that was met. */
interface Given {
  readonly tally: Tally;
  readonly verdict: Verdict;
}

/** A suspicion that began, with the verdicts it withdraws, or one that ended. */
export type OutageChange =
  | { readonly change: 'began'; readonly suspect: Outage; readonly withdrawn: readonly Verdict[] }
  | { readonly change: 'ended'; readonly suspect: EndedSuspect };

/** Verdicts that may still be withdrawn; the suspicion comes minutes after the failure. */
const GIVEN_KEPT = 1000;

export class Watch {
  readonly #guard = new Guard();
  readonly #ledger = new RecentRefusals();
  readonly #rules: readonly ActiveRule[];
  #given: Given[] = [];

  /** `rules`: those that are in force. */
  constructor(rules: readonly ActiveRule[]) {
    this.#rules = rules.filter(({ rule }) => countsInvalid(rule));
  }

  /** Looks at an event before it is counted; gives the provider that has become suspect with it. */
  see(event: MailEvent): Outage | undefined {
    const suspect = this.#guard.see(event);
    const counts = isInvalid(event) && event.repeated !== true && event.direction !== 'inbound';
    if (counts && !this.#guard.discounts(event)) {
      this.#ledger.note(event, this.#guard.providerOf(event));
    }
    return suspect;
  }

  /** Whether the event is a refusal that is not believed. */
  discounts(event: MailEvent): boolean {
    return this.#guard.discounts(event);
  }

  suspects(): readonly Outage[] {
    return this.#guard.suspects();
  }

  takeEnded(): readonly EndedSuspect[] {
    return this.#guard.takeEnded();
  }

  /** Remembers a verdict that may have to be withdrawn. */
  gave(given: Given): void {
    if (!countsInvalid(given.tally.rule)) return;
    if (this.#given.length >= GIVEN_KEPT) this.#given = this.#given.slice(GIVEN_KEPT / 2);
    this.#given.push(given);
  }

  /**
   * Takes back what the provider has contributed since it fails; gives the verdicts that do not stand without it.
   * `released` tells from when on a key's events were counted at all.
   */
  doubt({ provider, since }: Outage, released: Since | undefined): readonly Given[] {
    const refusals = this.#ledger.take(provider, since);
    for (const { rule, tallies, admits } of this.#rules) {
      const counted = refusals.filter((event) => countsRefusal(rule, event) && admits(event));
      for (const tally of tallies) tally.takeBack(counted, released);
    }
    const withdrawn = this.#given.filter(
      (given) => given.verdict.time >= since && !this.#stands(given),
    );
    this.#given = this.#given.filter((given) => !withdrawn.includes(given));
    return withdrawn;
  }

  /** Whether the limit is met by what is left, from a period before the verdict until now. */
  #stands({ tally, verdict }: Given): boolean {
    const admits = this.#rules.find(({ rule }) => rule === tally.rule)?.admits;
    const left: MailEvent[] = [];
    for (const { event } of this.#ledger) {
      if (event.time <= verdict.time - tally.period || admits?.(event) !== true) continue;
      if (countsRefusal(tally.rule, event) && isAbout(verdict.key, tally, event)) left.push(event);
    }
    return tally.isMetBy(left);
  }
}

function isAbout(key: Verdict['key'], { rule }: Tally, event: MailEvent): boolean {
  return getKeyType(rule.per, event) === key.type && getKeyId(key.type, event) === key.id;
}
