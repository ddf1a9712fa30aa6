/**
 * Events to verdicts. The result depends only on the calls made: the same events, releases and holds in the same order
 * give the same verdicts, so the state can be rebuilt from the stored events. The judge has no clock and no store. A
 * caller that has a clock passes the time with each event. No event makes it throw, whatever it holds.
 */
import { isNetwork, isWithin } from '../model/address.ts';
import type { Key, Verdict } from '../model/block.ts';
import type { Outage, OutageChange } from '../model/outage.ts';
import { type ActiveRule, activateRules } from './activate.ts';
import type { CountedEvent } from './counted-event.ts';
import { formatId, readId } from './facts.ts';
import { Holds } from './holds.ts';
import { findJoint } from './joint.ts';
import { canonicalKey } from './key.ts';
import { KeyTimes } from './key-memory.ts';
import { measureLimits, reachesShare } from './measure.ts';
import type { Member } from './member.ts';
import { MemoryBudget } from './memory-budget.ts';
import type { Forgotten, Met, Since } from './met.ts';
import { type Nearest, rankNearest } from './nearest.ts';
import type { JudgeOptions } from './options.ts';
import { type Detection, OutageMonitor } from './outage/monitor.ts';
import { countsInvalid, Plan, type Step } from './plan.ts';
import type { Rule } from './rule.ts';
import { type Occasion, Ruling } from './ruling.ts';
import { ALL_TABLES, DEFAULT_BOUNDS } from './table.ts';
import { Tables } from './tables.ts';
import type { Tally } from './tally.ts';
import type { Timeline } from './timeline.ts';
import type { Track } from './track.ts';
import { UsualRules } from './usual/usual-rules.ts';
import type { Recall } from './verdict.ts';

const NONE: readonly Verdict[] = Object.freeze([]);
const NO_CHANGE: readonly OutageChange[] = Object.freeze([]);
/** More changes than this are not kept for a caller that never takes them. */
const MOST_CHANGES = 1000;

/** A rule whose turn has come: it may have limits that are met, and others may have to know that it has counted. */
interface Turn {
  readonly active: ActiveRule;
  readonly track: Track;
  /** in the order of the rule's limits */
  readonly met: readonly Met[];
  /** undefined for a key with few events */
  readonly timeline: Timeline | undefined;
}

export class Judge {
  readonly #rules: readonly ActiveRule[];
  readonly #byName: ReadonlyMap<string, ActiveRule>;
  /** the rules that measure a key against its own past; a restart takes up what is stored of them */
  readonly usual: UsualRules;
  readonly #plan: Plan;
  readonly #tables: Tables;
  /** the tracks that use the event that is being counted, and how */
  readonly #steps: Step[] = [];
  /** the rules whose turn has come, the last one first */
  readonly #turns: Turn[] = [];
  readonly #holds: Holds;
  readonly #ruling: Ruling;
  /** for keys that were released: the time up to which their events do not count */
  readonly #released = new KeyTimes();
  /** `#released` as a function; undefined until the first release, which saves a look-up for each event */
  #since: Since | undefined;
  /** undefined when no rule counts what a provider can be wrong about */
  readonly #outages: OutageMonitor | undefined;
  #changes: OutageChange[] = [];
  /** verdicts of the past on the event that is counted again, which have not been given yet */
  #recalled: readonly Verdict[] = [];
  readonly #onCounted: JudgeOptions['onCounted'];

  constructor(rules: readonly Rule[], options: JudgeOptions = {}) {
    const bounds = options.bounds ?? { ...DEFAULT_BOUNDS, budget: new MemoryBudget(ALL_TABLES) };
    this.#tables = new Tables(bounds);
    // What is put off is counted by the policy service, before there is an event.
    const judged = rules.filter(
      ({ enabled, action, usual }) => enabled && action !== 'defer' && usual === undefined,
    );
    const active = activateRules(judged, this.#tables);
    this.#rules = active.rules;
    this.#byName = new Map(active.rules.map((each) => [each.rule.name, each]));
    this.usual = new UsualRules(rules);
    this.#plan = new Plan(active.tracks);
    const needsMonitor = this.#rules.some(({ rule }) => countsInvalid(rule));
    this.#outages = needsMonitor ? new OutageMonitor(this.#rules) : undefined;
    this.#onCounted = options.onCounted;
    this.#holds = new Holds(options);
    this.#ruling = new Ruling(this.#holds, options, (given) => this.#outages?.addVerdict(given));
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
    this.#recalled = [...recall.verdicts];
    this.#feed({ event, now: undefined, recall });
    this.#reenact(Number.POSITIVE_INFINITY);
  }

  /** A stale verdict on an event that is not counted again. */
  noteStale(verdict: Verdict): void {
    this.#ruling.reenact(this.#byName.get(verdict.rule), { ...verdict, stale: true });
  }

  /** Gives the verdicts of the past by the rules before this place; returns whether there were any. */
  #reenact(before: number): boolean {
    const due = this.#recalled.filter(({ rule }) => (this.#byName.get(rule)?.order ?? 0) < before);
    if (due.length === 0) return false;
    this.#recalled = this.#recalled.filter((verdict) => !due.includes(verdict));
    for (const verdict of due) this.#ruling.reenact(this.#byName.get(verdict.rule), verdict);
    return true;
  }

  #feed(occasion: Occasion): readonly Verdict[] {
    const { event } = occasion;
    const steps = this.#plan.stepsFor(event, this.#isInOutage(event));
    if (steps.length === 0) return NONE;
    this.#tables.facts.read(event);
    const count = this.#collect(steps, event);
    if (count === 0) return NONE;
    for (let index = 0; index < count; index++) (this.#steps[index] as Step).track.arrival.keep();
    const verdicts = this.#count(count, occasion);
    for (let index = 0; index < count; index++) (this.#steps[index] as Step).track.arrival.end();
    return verdicts;
  }

  /** Finds out which tracks use the event, and returns how many. */
  #collect(steps: readonly Step[], event: CountedEvent): number {
    let count = 0;
    for (let index = 0; index < steps.length; index++) {
      const step = steps[index] as Step;
      const { track, use, admits, blaming } = step;
      if (admits !== undefined && !admits(event)) continue;
      if (blaming !== undefined && this.#holds.isShutOut(blaming.rule.per, event)) continue;
      if (track.use(use, this.#since)) this.#steps[count++] = step;
    }
    return count;
  }

  /**
   * Counts the event in the first tracks that were collected, and gives the rules their turns, in their order. A rule
   * that may blame a sender only counts when its turn has come.
   */
  #count(count: number, occasion: Occasion): readonly Verdict[] {
    let index = 0;
    for (; index < count; index++) {
      const step = this.#steps[index] as Step;
      if (step.blaming !== undefined) break;
      this.#measure(step, occasion);
    }
    if (index === count && this.#turns.length === 0) return NONE;
    this.#turns.sort((a, b) => b.active.order - a.active.order);
    const verdicts: Verdict[] = [];
    let isAny = false;
    for (; index < count; index++) {
      const { track, use, blaming } = this.#steps[index] as Step;
      const { order, rule } = blaming as Member;
      if (this.#give(order, occasion, verdicts)) isAny = true;
      // A rule before this one may have shut out the sender just now.
      if (isAny && this.#holds.isShutOut(rule.per, occasion.event)) {
        if (use !== 'open') track.arrival.leave(track);
        continue;
      }
      this.#measure(this.#steps[index] as Step, occasion);
    }
    this.#give(Number.POSITIVE_INFINITY, occasion, verdicts);
    return verdicts.length === 0 ? NONE : verdicts;
  }

  /** Counts the event in a track, and adds the rules whose turn it is. */
  #measure({ track, use }: Step, { event, recall }: Occasion): void {
    const timeline = track.count(use);
    if (use !== 'counted') return;
    const tells = this.#onCounted !== undefined && recall === undefined;
    if (timeline === undefined && !tells) return;
    const { type, arrival } = track;
    const all =
      timeline === undefined ? [] : measureLimits(track, arrival.id, timeline, event.time);
    if (all.length === 0 && !tells) return;
    const id = formatId(arrival.id);
    // Of a key that is held, no limit leads to a verdict, however many there are, unless it did then.
    if (!tells && (recall?.verdicts.length ?? 0) === 0 && this.#holds.isHeld(type, id, event.time))
      return;
    const met = new Map<Member, Met[]>();
    for (const one of all) {
      const own = met.get(one.rung.member) ?? [];
      own.push({ ...one, type, id, timeline: timeline as Timeline });
      met.set(one.rung.member, own);
    }
    for (const member of tells ? track.rules : met.keys()) {
      const active = this.#rules[member.order] as ActiveRule;
      const own = met.get(member)?.sort((a, b) => a.rung.index - b.rung.index) ?? [];
      this.#turns.push({ active, track, met: own, timeline });
    }
  }

  /**
   * Gives the rules before this place their turns, in their order, and adds their verdicts. Returns whether there are
   * any, of the past too.
   */
  #give(before: number, occasion: Occasion, verdicts: Verdict[]): boolean {
    const { event, recall } = occasion;
    const turns = this.#turns;
    while (turns.length > 0 && (turns.at(-1) as Turn).active.order < before) {
      const turn = turns.pop() as Turn;
      const { active, met } = turn;
      if (recall !== undefined) {
        if (met.length > 0) this.#ruling.recallObserved(active, met, { event, recall });
        continue;
      }
      // Before the verdict: it holds the key, and the event that meets a limit is part of the common count, too.
      this.#tell(turn, event);
      const verdict = met.length === 0 ? undefined : this.#ruling.judgeAll(active, met, occasion);
      if (verdict !== undefined) verdicts.push(verdict);
    }
    return recall === undefined ? verdicts.length > 0 : this.#reenact(before);
  }

  /** Tells that a rule has counted an event, if several servers may count together. */
  #tell({ active: { rule }, track, timeline }: Turn, event: CountedEvent): void {
    const { type, arrival } = track;
    if (this.#onCounted === undefined || findJoint(rule).types?.has(type) !== true) return;
    const { facts } = this.#tables;
    const key: Key = { type, id: formatId(arrival.id) };
    if (this.#holds.isHeld(type, key.id, event.time) || this.#ruling.isAllowed(key)) return;
    if (timeline !== undefined && !reachesShare(track, rule.limits, timeline)) return;
    const { distinct } = rule;
    const value = distinct === undefined ? undefined : String(facts.valueOf(distinct));
    const duration = this.#holds.durationFor(rule, key, event);
    this.#onCounted({ rule, key, value, duration }, event);
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
    return this.#rules.flatMap((active) =>
      rankNearest(active, (key) => this.#isSettled(key, active.tally)),
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
