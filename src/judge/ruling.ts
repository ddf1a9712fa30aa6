/** From a limit that is met to a verdict: whom it is about, whether there is one at all, and what follows from it. */

import { isLoopbackAddress } from '../model/address.ts';
import type { Key, Verdict } from '../model/block.ts';
import type { ActiveRule } from './activate.ts';
import type { CountedEvent } from './counted-event.ts';
import { findBlame } from './gateway.ts';
import type { Holds } from './holds.ts';
import { fullOf } from './measure.ts';
import type { Met } from './met.ts';
import type { JudgeOptions } from './options.ts';
import type { Rule } from './rule.ts';
import type { Tally } from './tally.ts';
import type { Timeline } from './timeline.ts';
import type { UsualMet } from './usual/usual-rule.ts';
import { buildVerdict, isObserved, noteObserved, type Recall, type Target } from './verdict.ts';

/** The event on which verdicts fall. */
export interface Occasion {
  readonly event: CountedEvent;
  /** ms; undefined: no verdict is stale */
  readonly now: number | undefined;
  /** what was decided then, if the event is counted again; undefined: it is new */
  readonly recall: Recall | undefined;
}

/** A verdict that blocks. */
interface Given {
  readonly tally: Tally;
  readonly verdict: Verdict;
}

export class Ruling {
  readonly #holds: Holds;
  readonly #onBlock: (given: Given) => void;
  readonly #allowed: (key: Key) => boolean;
  readonly #canShutOutAt: (gateway: Key) => boolean;

  constructor(
    holds: Holds,
    { allowed, canShutOutAt }: Pick<JudgeOptions, 'allowed' | 'canShutOutAt'>,
    onBlock: (given: Given) => void,
  ) {
    this.#holds = holds;
    this.#allowed = allowed ?? (() => false);
    this.#canShutOutAt = canShutOutAt ?? (() => true);
    this.#onBlock = onBlock;
  }

  isAllowed(key: Key): boolean {
    return this.#allowed(key);
  }

  /** The verdict of a rule whose limits are met, if there is one: a rule that meets two at once gives one. */
  judgeAll(active: ActiveRule, all: readonly Met[], occasion: Occasion): Verdict | undefined {
    let given: Verdict | undefined;
    for (const met of all) {
      const verdict = this.#judge(active, met, occasion);
      if (verdict === undefined || given !== undefined) continue;
      given = verdict;
      // Somebody is to be blocked; for a second limit it would be somebody else.
      if (verdict.action === 'block') break;
    }
    return given;
  }

  /** The verdicts on a key that goes beyond its own past: at most one for a rule. */
  judgeUsual(all: readonly UsualMet[], { event, now }: Omit<Occasion, 'recall'>): Verdict[] {
    const verdicts: Verdict[] = [];
    for (const { rule, type, id, limit, count, past } of all) {
      const key: Key = { type, id };
      const isAllowed = !isLoopback(key) && this.#allowed(key);
      if (isAllowed || this.#holds.isHeld(type, id, event.time)) continue;
      if (verdicts.some((verdict) => verdict.rule === rule.name)) continue;
      const action = actionFor(rule, key);
      const duration = action === 'observe' ? undefined : this.#holds.durationFor(rule, key, event);
      const found = buildVerdict(rule, { limit, measure: count }, event, { key, action, duration });
      const isStale = now !== undefined && now - event.time > rule.fresh;
      const verdict = { ...found, past, ...(isStale ? { stale: true } : {}) };
      if (action === 'block' && !isStale) {
        this.#holds.noteOffence(verdict);
        this.#holds.hold(key, duration === undefined ? undefined : event.time + duration);
      }
      verdicts.push(verdict);
    }
    return verdicts;
  }

  /** The verdict for a limit that is met, unless the key already had it or must not get one. */
  #judge(active: ActiveRule, met: Met, { event, now }: Occasion): Verdict | undefined {
    const { rule, tally } = active;
    const gateway: Key = { type: met.type, id: met.id };
    if (this.#holds.isHeld(gateway.type, gateway.id, event.time)) return undefined;
    const action = actionFor(rule, gateway);
    if (!isLoopback(gateway) && this.#allowed(gateway)) return undefined;
    if (action === 'observe' && isObserved(met)) return undefined;
    const isStale = now !== undefined && now - event.time > rule.fresh;
    if (isStale && tally.lastVerdict(met.type, met.id) === 'stale') return undefined;
    const target = action === 'observe' ? { key: gateway } : this.#findTarget(active, met, event);
    const duration =
      action === 'observe' ? undefined : this.#holds.durationFor(rule, target.key, event);
    const verdict = buildVerdict(rule, met, event, { ...target, action, duration });
    tally.noteVerdict(met.type, met.id, isStale ? 'stale' : 'fresh');
    if (isStale) return { ...verdict, stale: true };
    if (action === 'observe') noteObserved(met);
    else this.#noteBlock(active, verdict, met.timeline);
    return verdict;
  }

  /** A verdict of the past. Whether it would be given now makes no difference: it was given then. */
  reenact(active: ActiveRule | undefined, verdict: Verdict): void {
    const { key, at: gateway = key, action, stale = false } = verdict;
    const isSame = active !== undefined && actionFor(active.rule, gateway) === action;
    if (isSame) active.tally.noteVerdict(gateway.type, gateway.id, stale ? 'stale' : 'fresh');
    if (action !== 'block' || stale) return;
    if (isSame) this.#noteBlock(active, verdict, active.tally.timelineOf(gateway));
    else this.#holdFor(verdict);
  }

  /** Limits that are met by an event of the past: they were observed then, or before, or nobody observed them. */
  recallObserved({ rule, tally }: ActiveRule, all: readonly Met[], { event, recall }: Past): void {
    const { type, id } = all[0] as Met;
    const key: Key = { type, id };
    if (actionFor(rule, key) !== 'observe') return;
    const isGiven = recall.verdicts.some(
      (one) =>
        one.rule === rule.name &&
        one.action === 'observe' &&
        one.stale !== true &&
        one.key.type === type &&
        one.key.id === id,
    );
    const isQuiet =
      this.#holds.isHeld(type, id, event.time) || tally.lastVerdict(type, id) === 'stale';
    for (const met of all) {
      if (isObserved(met)) continue;
      if (isGiven || (!isQuiet && isContinued(rule, met, event, recall))) noteObserved(met);
    }
  }

  /** Whom to block: the key, or the sender behind it that is to blame. */
  #findTarget({ rule, maySpare, tally }: ActiveRule, met: Met, { time }: CountedEvent): Target {
    const key: Key = { type: met.type, id: met.id };
    if (maySpare === undefined || !tally.tellsSenders(met.type)) return { key };
    const longest = Math.max(...rule.limits.map(({ period }) => period));
    const { sender, people } = findBlame(met.timeline, met.window, longest);
    const isSpared =
      sender !== undefined &&
      maySpare(key) &&
      this.#canShutOutAt(key) &&
      !this.#holds.hasTooMany(key, time) &&
      !this.#holds.isHeld('sender', sender, time) &&
      !this.#allowed({ type: 'sender', id: sender });
    if (isSpared) return { key: { type: 'sender', id: sender }, at: key };
    return people > 1 ? { key, people } : { key };
  }

  #noteBlock({ tally }: ActiveRule, verdict: Verdict, timeline: Timeline | undefined): void {
    this.#holdFor(verdict);
    // Somebody else answers for these events now.
    if (verdict.at !== undefined) timeline?.removeSender(verdict.key.id);
    this.#onBlock({ tally, verdict });
  }

  #holdFor(verdict: Verdict): void {
    const { key, at, time, duration } = verdict;
    this.#holds.noteOffence(verdict);
    this.#holds.hold(key, duration === undefined ? undefined : time + duration);
    if (at !== undefined) this.#holds.shutOut(at, key.id, time);
  }
}

type Past = Pick<Occasion, 'event'> & { readonly recall: Recall };

function isLoopback({ type, id }: Key): boolean {
  return type === 'client' && isLoopbackAddress(id);
}

/** Loopback is never blocked, but what happens there must be seen. */
function actionFor(rule: Rule, key: Key): Rule['action'] {
  return isLoopback(key) ? 'observe' : rule.action;
}

/**
 * Whether the excess had its verdict before the events that are counted again: the rule has observed the limit, and no
 * event shows a break since then. While a window is incomplete, nothing shows one.
 */
function isContinued(
  { name: rule }: Rule,
  { type, id, limit, timeline }: Met,
  { time }: CountedEvent,
  { since, wasObserved }: Recall,
): boolean {
  const { period } = limit;
  if (timeline.newestBefore(time) >= since + period) return false;
  return wasObserved({ rule, key: { type, id }, limit: fullOf(limit), period, time });
}
