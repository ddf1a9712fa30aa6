/**
 * Follows the outages of providers. When an outage is detected, it takes back the refusals that the provider has added
 * to the windows, and finds the verdicts that no longer hold without them. Knows rules and windows, but not blocks.
 */
import type { Verdict } from '../../model/block.ts';
import { isInvalid } from '../../model/event.ts';
import type { Outage } from '../../model/outage.ts';
import type { ActiveRule } from '../activate.ts';
import type { CountedEvent } from '../counted-event.ts';
import type { Since } from '../met.ts';
import { buildAdmission, countsInvalid, countsRefusal, isAbout } from '../plan.ts';
import type { Tally } from '../tally.ts';
import { OutageDetector } from './detector.ts';
import { RecentRefusals } from './recent-refusals.ts';

/** A verdict of a rule that blocks. */
interface GivenVerdict {
  readonly tally: Tally;
  readonly verdict: Verdict;
}

/** An outage that was just detected, and the verdicts that rest on it. */
export interface Detection {
  readonly outage: Outage;
  readonly takenBack: readonly GivenVerdict[];
}

/** Verdicts that can still be taken back: an outage is detected minutes after it started. */
const VERDICTS_KEPT = 1000;

export class OutageMonitor {
  readonly #detector = new OutageDetector();
  readonly #refusals = new RecentRefusals();
  readonly #rules: readonly (ActiveRule & { readonly admits: (event: CountedEvent) => boolean })[];
  #given: GivenVerdict[] = [];

  /** `rules`: all that are enabled. */
  constructor(rules: readonly ActiveRule[]) {
    this.#rules = rules
      .filter(({ rule }) => countsInvalid(rule))
      .map((active) => ({ ...active, admits: buildAdmission(active.rule) }));
  }

  /**
   * Looks at an event before it is counted, and returns the outage that is detected with it, if there is one.
   * `released` returns the time up to which the events of a key do not count.
   */
  see(event: CountedEvent, released: Since | undefined): Detection | undefined {
    const detected = this.#detector.see(event);
    const counts =
      isInvalid(event) &&
      event.repeated !== true &&
      event.direction !== 'inbound' &&
      event.direction !== 'local';
    if (counts && !this.#detector.covers(event)) {
      this.#refusals.add(event, this.#detector.findProvider(event));
    }
    return detected && this.#takeBack(detected, released);
  }

  /** Whether the event is a refusal by a provider that has an outage now. Such refusals do not count. */
  covers(event: CountedEvent): boolean {
    return this.#detector.covers(event);
  }

  /** The outages that have not ended. */
  running(): readonly Outage[] {
    return this.#detector.running();
  }

  /** The outages that have ended since the last call. */
  takeEnded(): readonly Required<Outage>[] {
    return this.#detector.takeEnded();
  }

  /** Remembers a verdict that may have to be taken back. */
  addVerdict(given: GivenVerdict): void {
    if (!countsInvalid(given.tally.rule)) return;
    if (this.#given.length >= VERDICTS_KEPT) this.#given = this.#given.slice(VERDICTS_KEPT / 2);
    this.#given.push(given);
  }

  /** Takes back the refusals since the start of the outage, and the verdicts that no longer hold. */
  #takeBack(detected: Outage, released: Since | undefined): Detection {
    const { provider, since } = detected;
    const refusals = this.#refusals.take(provider, since);
    for (const { rule, tally, admits } of this.#rules) {
      const counted = refusals.filter((event) => countsRefusal(rule, event) && admits(event));
      tally.takeBack(counted, released);
    }
    const others = this.#refusals.list();
    const takenBack = this.#given.filter(
      (given) => given.verdict.time >= since && !this.#stillHolds(given, others),
    );
    this.#given = this.#given.filter((given) => !takenBack.includes(given));
    const verdicts = takenBack.map(({ verdict: { rule, key } }) => ({ rule, key }));
    const outage = { ...detected, released: verdicts };
    this.#detector.update(outage);
    return { outage, takenBack };
  }

  /** Whether the limit is met by the refusals that are left (`others`), from a period before the verdict until now. */
  #stillHolds({ tally, verdict }: GivenVerdict, others: readonly CountedEvent[]): boolean {
    const { rule } = tally;
    const admits = this.#rules.find((each) => each.rule === rule)?.admits;
    const left: CountedEvent[] = [];
    for (const event of others) {
      if (event.time <= verdict.time - verdict.period || admits?.(event) !== true) continue;
      if (countsRefusal(rule, event) && isAbout(rule, verdict, event)) left.push(event);
    }
    return tally.isMetBy(left, verdict);
  }
}
