/**
 * How an event is counted: first in which tracks, then each rule has its turn, in the order of the rules. A rule that may
 * blame one sender behind a gateway only counts when its turn has come, since one before it may have shut out the sender.
 */
import type { Key, Verdict } from '../model/block.ts';
import type { ActiveRule } from './activate.ts';
import type { CountedEvent } from './counted-event.ts';
import { formatId } from './facts.ts';
import type { Holds } from './holds.ts';
import { findJoint } from './joint.ts';
import { measureLimits, reachesShare } from './measure.ts';
import type { Member } from './member.ts';
import type { Met, Since } from './met.ts';
import type { JudgeOptions } from './options.ts';
import type { Step } from './plan.ts';
import type { Occasion, Ruling } from './ruling.ts';
import type { Tables } from './tables.ts';
import type { Timeline } from './timeline.ts';
import type { Track } from './track.ts';

export const NONE: readonly Verdict[] = Object.freeze([]);

interface TurnsOptions {
  readonly rules: readonly ActiveRule[];
  readonly tables: Tables;
  readonly holds: Holds;
  readonly ruling: Ruling;
  readonly onCounted: JudgeOptions['onCounted'];
}

/** A rule whose turn has come: it may have limits that are met, and others may have to know that it has counted. */
interface Turn {
  readonly active: ActiveRule;
  readonly track: Track;
  /** in the order of the rule's limits */
  readonly met: readonly Met[];
  /** undefined for a key with few events */
  readonly timeline: Timeline | undefined;
}

export class Turns {
  readonly #rules: readonly ActiveRule[];
  readonly #byName: ReadonlyMap<string, ActiveRule>;
  readonly #tables: Tables;
  readonly #holds: Holds;
  readonly #ruling: Ruling;
  readonly #onCounted: JudgeOptions['onCounted'];
  /** the tracks that use the event that is being counted, and how */
  readonly #steps: Step[] = [];
  /** the rules whose turn has come, the last one first */
  readonly #turns: Turn[] = [];
  /** verdicts of the past on the event that is counted again, which have not been given yet */
  #recalled: readonly Verdict[] = [];

  constructor({ rules, tables, holds, ruling, onCounted }: TurnsOptions) {
    this.#rules = rules;
    this.#byName = new Map(rules.map((each) => [each.rule.name, each]));
    this.#tables = tables;
    this.#holds = holds;
    this.#ruling = ruling;
    this.#onCounted = onCounted;
  }

  /** Counts an event in the tracks of these steps and returns the verdicts that fall on it. `since`: see `Track.use`. */
  count(steps: readonly Step[], occasion: Occasion, since: Since | undefined): readonly Verdict[] {
    const { event } = occasion;
    this.#tables.facts.read(event);
    const count = this.#collect(steps, event, since);
    if (count === 0) return NONE;
    for (let index = 0; index < count; index++) (this.#steps[index] as Step).track.arrival.keep();
    const verdicts = this.#countInTurns(count, occasion);
    for (let index = 0; index < count; index++) (this.#steps[index] as Step).track.arrival.end();
    return verdicts;
  }

  /** Verdicts of the past on the event that is counted again next. */
  recall(verdicts: readonly Verdict[]): void {
    this.#recalled = verdicts;
  }

  /** Gives the verdicts of the past by the rules before this place; returns whether there were any. */
  reenact(before: number): boolean {
    const due = this.#recalled.filter(({ rule }) => (this.#byName.get(rule)?.order ?? 0) < before);
    if (due.length === 0) return false;
    this.#recalled = this.#recalled.filter((verdict) => !due.includes(verdict));
    for (const verdict of due) this.#ruling.reenact(this.#byName.get(verdict.rule), verdict);
    return true;
  }

  /** Finds out which tracks use the event, and returns how many. */
  #collect(steps: readonly Step[], event: CountedEvent, since: Since | undefined): number {
    let count = 0;
    for (let index = 0; index < steps.length; index++) {
      const step = steps[index] as Step;
      const { track, use, admits, blaming } = step;
      if (admits !== undefined && !admits(event)) continue;
      if (blaming !== undefined && this.#holds.isShutOut(blaming.rule.per, event)) continue;
      if (track.use(use, since)) this.#steps[count++] = step;
    }
    return count;
  }

  /**
   * Counts the event in the first tracks that were collected, and gives the rules their turns, in their order. A rule
   * that may blame a sender only counts when its turn has come.
   */
  #countInTurns(count: number, occasion: Occasion): readonly Verdict[] {
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
    return recall === undefined ? verdicts.length > 0 : this.reenact(before);
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
}
