/**
 * Events to verdicts. The result depends only on the calls made: the same events, releases and holds in the same order
 * give the same verdicts, so the state can be rebuilt from the stored events. The judge has no clock and no store. A
 * caller that has a clock passes the time with each event. No event makes it throw, whatever it holds.
 */
import { dropUndefined } from '../base/defined.ts';
import { DAY } from '../base/time.ts';
import type { Key, Verdict } from '../model/block.ts';
import type { MailEvent } from '../model/event.ts';
import type { Outage, OutageChange } from '../model/outage.ts';
import { canonicalKey } from './key.ts';
import { KeyTimes, Offences } from './key-memory.ts';
import { MemoryBudget } from './memory-budget.ts';
import { type Nearest, rankNearest } from './nearest.ts';
import { type Detection, OutageMonitor } from './outage/monitor.ts';
import { type ActiveRule, activateRule, countsInvalid, Plan } from './plan.ts';
import type { Rule } from './rule.ts';
import { ALL_TABLES, type Bounds, DEFAULT_BOUNDS } from './table.ts';
import type { Met, Since, Tally } from './tally.ts';

/** A block that is in force before the first event. */
interface ActiveBlock {
  readonly key: Key;
  /** ms since the epoch; absent: until released */
  readonly until?: number;
}

/** How often a rule had blocked a key before the first event; for escalation. */
interface PastOffence {
  readonly rule: string;
  readonly key: Key;
  readonly count: number;
  /** time of the last one, ms */
  readonly last: number;
}

export interface JudgeOptions {
  /** keys that never get a verdict */
  readonly allowed?: (key: Key) => boolean;
  readonly active?: readonly ActiveBlock[];
  readonly offences?: readonly PastOffence[];
  /** how much each limit of each rule may keep */
  readonly bounds?: Bounds;
}

const NONE: readonly Verdict[] = Object.freeze([]);
const NO_CHANGE: readonly OutageChange[] = Object.freeze([]);
/** More changes than this are not kept for a caller that never takes them. */
const MOST_CHANGES = 1000;
/** After this time without another offence, a key is no longer a repeat offender. */
const OFFENCE_LIFETIME = 30 * DAY;

export class Judge {
  readonly #rules: readonly ActiveRule[];
  readonly #plan: Plan;
  readonly #allowed: (key: Key) => boolean;
  readonly #blocked = new KeyTimes();
  /** for keys that were released: the time up to which their events do not count */
  readonly #released = new KeyTimes();
  readonly #offences = new Offences(OFFENCE_LIFETIME);
  /** `#released` as a function; undefined until the first release, which saves a look-up for each event */
  #since: Since | undefined;
  /** undefined when no rule counts what a provider can be wrong about */
  readonly #outages: OutageMonitor | undefined;
  #changes: OutageChange[] = [];

  constructor(rules: readonly Rule[], options: JudgeOptions = {}) {
    const bounds = options.bounds ?? { ...DEFAULT_BOUNDS, budget: new MemoryBudget(ALL_TABLES) };
    this.#rules = rules.filter((rule) => rule.enabled).map((rule) => activateRule(rule, bounds));
    this.#plan = new Plan(this.#rules);
    const needsMonitor = this.#rules.some(({ rule }) => countsInvalid(rule));
    this.#outages = needsMonitor ? new OutageMonitor(this.#rules) : undefined;
    this.#allowed = options.allowed ?? (() => false);
    for (const { key, until } of options.active ?? []) this.hold(key, until);
    for (const { rule, key, count, last } of options.offences ?? []) {
      this.#offences.set(rule, canonicalKey(key), count, last);
    }
  }

  /**
   * Counts an event and returns the verdicts that fall on it, usually none. With `now` (ms), the verdict on an event
   * that is older than the rule's `fresh` is stale. Without it (replay), no verdict is stale.
   */
  feed(event: MailEvent, now?: number): readonly Verdict[] {
    const steps = this.#plan.stepsFor(event, this.#isInOutage(event));
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

  /** A block of the key was released at `time` (ms), before its end. What happened until then does not count again. */
  release(key: Key, time: number): void {
    const { type, id } = canonicalKey(key);
    this.#blocked.delete(type, id);
    this.#released.set(type, id, time);
    this.#since ??= (type, id) => this.#released.get(type, id) ?? Number.NEGATIVE_INFINITY;
    for (const { tallies } of this.#rules) {
      for (const tally of tallies) tally.forget(type, id);
    }
  }

  /** A block of the key was ended because it rested on an outage. What was counted stays. */
  unhold(key: Key): void {
    const { type, id } = canonicalKey(key);
    this.#blocked.delete(type, id);
  }

  /** The key is blocked by another decision than a verdict, until a time in ms or until it is released. */
  hold(key: Key, until?: number): void {
    const { type, id } = canonicalKey(key);
    this.#blocked.set(type, id, until ?? Number.POSITIVE_INFINITY);
  }

  /** The provider outages that have not ended. */
  outages(): readonly Outage[] {
    return this.#outages?.running() ?? [];
  }

  /** Outages that began or ended since the last call, in the order of time; usually none. */
  takeOutageChanges(): readonly OutageChange[] {
    const ended = this.#outages?.takeEnded() ?? [];
    if (ended.length === 0 && this.#changes.length === 0) return NO_CHANGE;
    const changes = [
      ...this.#changes,
      ...ended.map((outage) => ({ change: 'ended', outage }) as const),
    ];
    this.#changes = [];
    return changes.sort((a, b) => getTime(a) - getTime(b));
  }

  /** By rule, in the order of the rules: up to ten keys each that came nearest without a verdict, nearest first. */
  nearest(): readonly Nearest[] {
    return this.#rules.flatMap((active) =>
      rankNearest(active, (key) => this.#isSettled(key, active.tallies)),
    );
  }

  /** Whether the event is a refusal by a provider that has an outage. */
  #isInOutage(event: MailEvent): boolean {
    const outages = this.#outages;
    if (outages === undefined) return false;
    if (event.relay === undefined && event.reason === undefined) return false;
    const detection = outages.see(event, this.#since);
    if (detection !== undefined) this.#beginOutage(detection);
    return outages.covers(event);
  }

  #beginOutage({ outage, takenBack }: Detection): void {
    for (const { tally, verdict } of takenBack) {
      const { type, id } = verdict.key;
      this.#blocked.delete(type, id);
      this.#offences.takeBack(verdict.rule, verdict.key);
      tally.takeBackVerdict(type, id);
    }
    if (this.#changes.length >= MOST_CHANGES) return;
    const verdicts = takenBack.map(({ verdict }) => verdict);
    this.#changes.push({ change: 'began', outage, takenBack: verdicts });
  }

  /** Whether the key is blocked, allowed, or had its verdict from another limit of the same rule. */
  #isSettled(key: Key, tallies: readonly Tally[]): boolean {
    if (this.#blocked.get(key.type, key.id) !== undefined || this.#allowed(key)) return true;
    return tallies.some((tally) => tally.lastVerdict(key.type, key.id) !== undefined);
  }

  /** The verdict for a limit that is met, unless the key already had it or must not get one. */
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
    this.#outages?.addVerdict({ tally, verdict });
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

function getTime({ change, outage }: OutageChange): number {
  return change === 'began' ? outage.began : outage.ended;
}

function measureAmount(rule: Rule, event: MailEvent, counted: boolean): number {
  if (!counted) return 0;
  return rule.count === 'recipients' ? (event.newRecipients ?? 0) : 1;
}

/** Whether an observed limit has been met without a break since its last verdict, less than a period ago. */
function isSameExcess({ period }: Tally, { state }: Met): boolean {
  const { newest } = state.window;
  if (!state.met || newest - state.lastMet >= period) return false;
  state.lastMet = newest;
  return true;
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
