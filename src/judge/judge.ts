/**
 * Events to verdicts. A deterministic function of the calls made: the same events, releases and holds in the same
 * order give the same verdicts, so that the state is rebuilt by feeding stored events again. Knows no clock and no
 * store; a caller that has a clock passes its time along with the event. Never throws for what an event holds.
 */
import { dropUndefined } from '../base/defined.ts';
import { DAY } from '../base/time.ts';
import type { Key, Verdict } from '../model/block.ts';
import type { MailEvent } from '../model/event.ts';
import { KeyTimes, Offences } from './blocked.ts';
import { canonicalKey } from './key.ts';
import type { Outage } from './outage/guard.ts';
import { type OutageChange, Watch } from './outage/watch.ts';
import { type ActiveRule, activeRule, countsInvalid, Plan } from './plan.ts';
import { Pool } from './pool.ts';
import type { Rule } from './rule.ts';
import { ALL_TABLES, type Bounds, DEFAULT_BOUNDS } from './table.ts';
import type { Met, Since, Tally } from './tally.ts';

/** A block that is in force before the first event is fed. */
interface ActiveBlock {
  readonly key: Key;
  /** ms since the epoch; undefined: until released */
  readonly until?: number;
}

/** How often a rule had blocked a key before the first event is fed; for escalation. */
interface PastOffence {
  readonly rule: string;
  readonly key: Key;
  readonly count: number;
  /** time of the last of them in ms */
  readonly last: number;
}

export interface JudgeOptions {
  /** keys that never get a verdict */
  readonly allowed?: (key: Key) => boolean;
  readonly active?: readonly ActiveBlock[];
  readonly offences?: readonly PastOffence[];
  /** what each limit of each rule may keep at most */
  readonly bounds?: Bounds;
}

/** A key that came near a limit without a verdict. */
export interface Nearest {
  readonly rule: string;
  readonly key: Key;
  /** the largest measure: events, distinct values, recipients, percent */
  readonly highest: number;
  readonly limit: number;
  /** event time of `highest` in ms */
  readonly time: number;
}

const NONE: readonly Verdict[] = Object.freeze([]);
const NO_CHANGE: readonly OutageChange[] = Object.freeze([]);
/** More than that nobody reads, should nobody ask for them. */
const MOST_CHANGES = 1000;
const NEAREST_PER_RULE = 10;
/** After this a key is no repeat offender any more. */
const OFFENCE_LIFETIME = 30 * DAY;

export class Judge {
  readonly #rules: readonly ActiveRule[];
  readonly #plan: Plan;
  readonly #allowed: (key: Key) => boolean;
  readonly #blocked = new KeyTimes();
  /** from when on events count, for keys that were released */
  readonly #released = new KeyTimes();
  readonly #offences = new Offences(OFFENCE_LIFETIME);
  /** the same as a function; undefined while nobody was released, which spares every event a look-up */
  #since: Since | undefined;
  /** whom to believe; undefined when no rule asks */
  readonly #watch: Watch | undefined;
  #changes: OutageChange[] = [];

  constructor(rules: readonly Rule[], options: JudgeOptions = {}) {
    const bounds = options.bounds ?? { ...DEFAULT_BOUNDS, pool: new Pool(ALL_TABLES) };
    this.#rules = rules.filter((rule) => rule.enabled).map((rule) => activeRule(rule, bounds));
    this.#plan = new Plan(this.#rules);
    const asks = this.#rules.some(({ rule }) => countsInvalid(rule));
    this.#watch = asks ? new Watch(this.#rules) : undefined;
    this.#allowed = options.allowed ?? (() => false);
    for (const { key, until } of options.active ?? []) this.hold(key, until);
    for (const { rule, key, count, last } of options.offences ?? []) {
      this.#offences.set(rule, canonicalKey(key), count, last);
    }
  }

  /**
   * Counts an event and returns the verdicts that fall on it, usually none. `now` (ms) makes verdicts stale whose
   * event is older than the rule's `fresh`; without it (replay) nothing is stale.
   */
  feed(event: MailEvent, now?: number): readonly Verdict[] {
    const steps = this.#plan.stepsFor(event, this.#isDiscounted(event));
    if (steps.length === 0) return NONE;
    let verdicts: Verdict[] | undefined;
    for (const { active, counted } of steps) {
      if (!active.admits(event) || (!counted && event.repeated === true)) continue;
      const amount = measureAmount(active.rule, event, counted);
      let given = false; // a rule that meets two limits at once gives one verdict
      for (const tally of active.tallies) {
        const met = tally.add(event, amount, event.newRecipients ?? 0, this.#since);
        const verdict = met && this.#judge(tally, met, event, now);
        if (verdict === undefined || given) continue;
        given = true;
        verdicts ??= [];
        verdicts.push(verdict);
      }
    }
    return verdicts ?? NONE;
  }

  /** A block of the key ended before its time, at `time` (ms). What happened until then does not count again. */
  release(key: Key, time: number): void {
    const { type, id } = canonicalKey(key);
    this.#blocked.delete(type, id);
    this.#released.set(type, id, time);
    this.#since ??= (type, id) => this.#released.get(type, id) ?? Number.NEGATIVE_INFINITY;
    for (const { tallies } of this.#rules) {
      for (const tally of tallies) tally.forget(type, id);
    }
  }

  /** A block of the key was withdrawn: it was never right. What was counted stays. */
  unhold(key: Key): void {
    const { type, id } = canonicalKey(key);
    this.#blocked.delete(type, id);
  }

  /** The key is blocked by someone else's decision, until a time in ms or until it is released. */
  hold(key: Key, until?: number): void {
    const { type, id } = canonicalKey(key);
    this.#blocked.set(type, id, until ?? Number.POSITIVE_INFINITY);
  }

  /** Providers whose refusals do not count now, because they refuse recipients of many submitters at once. */
  outages(): readonly Outage[] {
    return this.#watch?.suspects() ?? [];
  }

  /** Suspicions that began or ended since the last call, in that order of time; usually none. */
  takeOutageChanges(): readonly OutageChange[] {
    const ended = this.#watch?.takeEnded() ?? [];
    if (ended.length === 0 && this.#changes.length === 0) return NO_CHANGE;
    const changes = [
      ...this.#changes,
      ...ended.map((suspect) => ({ change: 'ended', suspect }) as const),
    ];
    this.#changes = [];
    return changes.sort((a, b) => getTime(a) - getTime(b));
  }

  /** By rule, in the order of the rules: up to ten keys each that came nearest without a verdict, nearest first. */
  nearest(): readonly Nearest[] {
    return this.#rules.flatMap((active) => this.#nearestOf(active));
  }

  #nearestOf({ rule, tallies }: ActiveRule): Nearest[] {
    const best = new Map<string, Nearest>();
    for (const tally of tallies) {
      for (const { type, id, highest, time } of tally.near()) {
        const name = `${type}:${id}`;
        const other = best.get(name);
        if (other !== undefined && measureShare(other) >= highest / tally.limit) continue;
        const key = { type, id };
        best.set(name, { rule: rule.name, key, highest, limit: tally.limit, time });
      }
    }
    const sorted = [...best.values()].sort(
      (a, b) => measureShare(b) - measureShare(a) || a.time - b.time,
    );
    const nearest: Nearest[] = [];
    for (const near of sorted) {
      if (nearest.length === NEAREST_PER_RULE) break;
      if (!this.#isSettled(near.key, tallies)) nearest.push(near);
    }
    return nearest;
  }

  /** Whether the event is a refusal by a provider that is not believed. */
  #isDiscounted(event: MailEvent): boolean {
    const watch = this.#watch;
    if (watch === undefined) return false;
    if (event.relay === undefined && event.reason === undefined) return false;
    const suspect = watch.see(event);
    if (suspect !== undefined) this.#doubt(watch, suspect);
    return watch.discounts(event);
  }

  #doubt(watch: Watch, suspect: Outage): void {
    const withdrawn = watch.doubt(suspect, this.#since);
    for (const { tally, verdict } of withdrawn) {
      const { type, id } = verdict.key;
      this.#blocked.delete(type, id);
      this.#offences.takeBack(verdict.rule, verdict.key);
      tally.withdraw(type, id);
    }
    if (this.#changes.length >= MOST_CHANGES) return;
    const verdicts = withdrawn.map(({ verdict }) => verdict);
    this.#changes.push({ change: 'began', suspect, withdrawn: verdicts });
  }

  /** Blocked, allowed, or had its verdict from another limit of the same rule. */
  #isSettled(key: Key, tallies: readonly Tally[]): boolean {
    if (this.#blocked.get(key.type, key.id) !== undefined || this.#allowed(key)) return true;
    return tallies.some((tally) => tally.lastVerdict(key.type, key.id) !== undefined);
  }

  /** The verdict for a limit that is met, unless the key has had it or must not get one. */
  #judge(tally: Tally, met: Met, event: MailEvent, now: number | undefined): Verdict | undefined {
    const { rule } = tally;
    const key: Key = { type: met.type, id: met.id };
    if (this.#isBlocked(key, event.time) || this.#allowed(key)) return undefined;
    if (rule.action === 'observe' && isSameExcess(tally, met)) return undefined;
    const stale = now !== undefined && now - event.time > rule.fresh;
    if (stale && tally.lastVerdict(met.type, met.id) === 'stale') return undefined;
    tally.noteVerdict(met.type, met.id, stale ? 'stale' : 'fresh');
    if (stale) return buildVerdict(tally, met, event, this.#durationFor(rule, key, event), true);
    if (rule.action === 'observe') {
      met.state.met = true;
      met.state.lastMet = met.state.window.newest;
      return buildVerdict(tally, met, event, undefined, false);
    }
    const duration = this.#durationFor(rule, key, event);
    this.#offences.add(rule.name, key, event.time);
    this.hold(key, duration === undefined ? undefined : event.time + duration);
    const verdict = buildVerdict(tally, met, event, duration, false);
    this.#watch?.gave({ tally, verdict });
    return verdict;
  }

  #isBlocked(key: Key, time: number): boolean {
    const until = this.#blocked.get(key.type, key.id);
    if (until === undefined) return false;
    if (time < until) return true;
    this.#blocked.delete(key.type, key.id);
    return false;
  }

  #durationFor(rule: Rule, key: Key, event: MailEvent): number | undefined {
    if (rule.action === 'observe') return undefined;
    const before = this.#offences.count(rule.name, key, event.time);
    return rule.durations[Math.min(before, rule.durations.length - 1)];
  }
}

function getTime(change: OutageChange): number {
  return change.change === 'began' ? change.suspect.began : change.suspect.ended;
}

function measureAmount(rule: Rule, event: MailEvent, counted: boolean): number {
  if (!counted) return 0;
  return rule.count === 'recipients' ? (event.newRecipients ?? 0) : 1;
}

/** Whether an observed limit is still met since its last verdict, less than a period ago. Remembers that it is. */
function isSameExcess({ period }: Tally, { state }: Met): boolean {
  const { newest } = state.window;
  if (!state.met || newest - state.lastMet >= period) return false;
  state.lastMet = newest;
  return true;
}

function measureShare({ highest, limit }: Nearest): number {
  return highest / limit;
}

function buildVerdict(
  { rule, limit, period }: Tally,
  { type, id, measure }: Met,
  { time, source, line, offset }: MailEvent,
  duration: number | undefined,
  stale: boolean,
): Verdict {
  return dropUndefined({
    rule: rule.name,
    action: rule.action,
    key: { type, id },
    time,
    source,
    line,
    offset,
    count: measure,
    limit,
    period,
    duration,
    stale: stale ? stale : undefined,
  });
}
