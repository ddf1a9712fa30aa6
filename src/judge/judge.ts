/**
 * Events to verdicts. The result depends only on the calls made: the same events, releases and holds in the same order
 * give the same verdicts, so the state can be rebuilt from the stored events. The judge has no clock and no store. A
 * caller that has a clock passes the time with each event. No event makes it throw, whatever it holds.
 */
import { isNetwork, isWithin } from '../model/address.ts';
import type { Key, Verdict } from '../model/block.ts';
import type { Outage, OutageChange } from '../model/outage.ts';
import { type ActiveRule, activateRules } from './activate.ts';
import { ALL_TABLES, DEFAULT_BOUNDS } from './bounds.ts';
import type { CountedEvent } from './counted-event.ts';
import { formatId, readId } from './facts.ts';
import { Holds } from './holds.ts';
import { canonicalKey } from './key.ts';
import { KeyTimes } from './key-memory.ts';
import { MemoryBudget } from './memory-budget.ts';
import type { Forgotten, Since } from './met.ts';
import { type Nearest, rankNearest } from './nearest.ts';
import type { JudgeOptions } from './options.ts';
import { type Detection, OutageMonitor } from './outage/monitor.ts';
import { countsInvalid, Plan } from './plan.ts';
import { Rosters } from './roster.ts';
import type { Rule } from './rule.ts';
import { type Occasion, Ruling } from './ruling.ts';
import { Tables } from './tables.ts';
import type { Tally } from './tally.ts';
import { NONE, Turns } from './turns.ts';
import { UsualRules } from './usual/usual-rules.ts';
import type { Recall } from './verdict.ts';

const NO_CHANGE: readonly OutageChange[] = Object.freeze([]);
/** More changes than this are not kept for a caller that never takes them. */
const MOST_CHANGES = 1000;

export class Judge {
  readonly #rules: readonly ActiveRule[];
  /** the rules that measure a key against its own past; a restart takes up what is stored of them */
  readonly usual: UsualRules;
  readonly #plan: Plan;
  readonly #tables: Tables;
  readonly #turns: Turns;
  readonly #holds: Holds;
  readonly #ruling: Ruling;
  /** for keys that were released: the time up to which their events do not count */
  readonly #released = new KeyTimes();
  /** `#released` as a function; undefined until the first release, which saves a look-up for each event */
  #since: Since | undefined;
  /** undefined when no rule counts what a provider can be wrong about */
  readonly #outages: OutageMonitor | undefined;
  #changes: OutageChange[] = [];

  constructor(rules: readonly Rule[], options: JudgeOptions = {}) {
    const bounds = options.bounds ?? { ...DEFAULT_BOUNDS, budget: new MemoryBudget(ALL_TABLES) };
    this.#tables = new Tables(bounds);
    // What is put off is counted by the policy service, before there is an event.
    const judged = rules.filter(
      ({ enabled, action, usual }) => enabled && action !== 'defer' && usual === undefined,
    );
    const active = activateRules(judged, this.#tables);
    this.#rules = active.rules;
    this.usual = new UsualRules(rules);
    this.#plan = new Plan(active.tracks);
    const needsMonitor = this.#rules.some(({ rule }) => countsInvalid(rule));
    this.#outages = needsMonitor ? new OutageMonitor(this.#rules) : undefined;
    this.#holds = new Holds(options);
    this.#ruling = new Ruling(this.#holds, options, (given) => this.#outages?.addVerdict(given));
    this.#turns = new Turns({
      rules: active.rules,
      tables: this.#tables,
      holds: this.#holds,
      ruling: this.#ruling,
      onCounted: options.onCounted,
    });
  }

  /**
   * Counts an event and returns the verdicts that fall on it, usually none. With `now` (ms), the verdict on an event
   * that is older than the rule's `fresh` is stale. Without it (replay), no verdict is stale.
   */
  feed(event: CountedEvent, now?: number): readonly Verdict[] {
    const verdicts = this.#feed({ event, now, recall: undefined });
    const unusual = this.usual.feed(event);
    if (unusual.length === 0) return verdicts;
    return [...verdicts, ...this.#ruling.judgeUsual(unusual, { event, now })];
  }

  /** A verdict that this judge has given has blocked nobody, so it is no reason for a longer block the next time. */
  takeBackOffence(verdict: Verdict): void {
    this.#holds.takeBackOffence(verdict);
  }

  /**
   * Counts an event of the past again, which leads to the verdicts that it led to then, and to no others: a rule that is
   * new or has changed holds nobody back. Rules with `usual` do not count it: see `usual`.
   */
  recount(event: CountedEvent, recall: Recall): void {
    this.#turns.recall(recall.verdicts);
    this.#feed({ event, now: undefined, recall });
    this.#turns.reenact(Number.POSITIVE_INFINITY);
  }

  /** A stale verdict on an event that is not counted again. */
  noteStale(verdict: Verdict): void {
    this.#turns.recall([{ ...verdict, stale: true }]);
    this.#turns.reenact(Number.POSITIVE_INFINITY);
  }

  #feed(occasion: Occasion): readonly Verdict[] {
    const { event } = occasion;
    const steps = this.#plan.stepsFor(event, this.#isInOutage(event));
    return steps.length === 0 ? NONE : this.#turns.count(steps, occasion, this.#since);
  }

  /** A block of the key was released at `time` (ms), before its end. What happened until then does not count again. */
  release(key: Key, time: number): void {
    for (const one of this.#listMembers(canonicalKey(key))) this.#release(one, time);
  }

  #release({ type, id }: Key, time: number): void {
    this.#holds.release({ type, id });
    this.#released.set(type, id, time);
    this.#since ??= (type, id) => this.#released.get(type, id) ?? Number.NEGATIVE_INFINITY;
    this.#tables.forget(type, readId(type, id));
    for (const { tally } of this.#rules) tally.forget(type, id);
  }

  /** A block of the key has ended by itself, or because it rested on an outage. What was counted stays. */
  unhold(key: Key): void {
    for (const one of this.#listMembers(canonicalKey(key))) this.#holds.unhold(one);
  }

  /** The key and, of a network of clients that was blocked as a whole, all its addresses that are known here. */
  #listMembers(key: Key): Key[] {
    const { type, id } = key;
    if (type !== 'client' || !isNetwork(id)) return [key];
    const known = new Set(this.#holds.ids(type));
    for (const one of this.#tables.ids(type)) known.add(formatId(one));
    for (const { tally } of this.#rules) for (const one of tally.judged(type)) known.add(one);
    const members = [...known].filter((one) => one !== id && isWithin(one, id));
    return [key, ...members.map((one): Key => ({ type, id: one }))];
  }

  /**
   * The key is blocked by another decision than a verdict, until a time in ms or until it is released. `at`: the
   * gateway where alone a sender is blocked.
   */
  hold(key: Key, until?: number, at?: Key): void {
    this.#holds.hold(key, until, at);
  }

  /** Keys that were forgotten because a bound was reached; undefined as long as all counts are exact. */
  get forgotten(): Forgotten | undefined {
    return this.#tables.forgotten;
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
    const rosters = new Rosters();
    return this.#rules.flatMap((active) =>
      rankNearest(active, rosters, (key) => this.#isSettled(key, active.tally)),
    );
  }

  /** Whether the event is a refusal by a provider that has an outage. */
  #isInOutage(event: CountedEvent): boolean {
    const outages = this.#outages;
    if (outages === undefined) return false;
    if (event.relay === undefined && event.reason === undefined) return false;
    const detection = outages.see(event, this.#since);
    if (detection !== undefined) this.#beginOutage(detection);
    return outages.covers(event);
  }

  #beginOutage({ outage, takenBack }: Detection): void {
    for (const { tally, verdict } of takenBack) {
      this.#holds.takeBack(verdict);
      tally.takeBackVerdict(verdict.key.type, verdict.key.id);
    }
    if (this.#changes.length >= MOST_CHANGES) return;
    const verdicts = takenBack.map(({ verdict }) => verdict);
    this.#changes.push({ change: 'began', outage, takenBack: verdicts });
  }

  /** Whether the key is blocked, allowed, or had its verdict from another limit of the same rule. */
  #isSettled(key: Key, tally: Tally): boolean {
    if (this.#holds.isKnown(key.type, key.id) || this.#ruling.isAllowed(key)) return true;
    return tally.lastVerdict(key.type, key.id) !== undefined;
  }
}

function getTime({ change, outage }: OutageChange): number {
  return change === 'began' ? outage.began : outage.ended;
}
