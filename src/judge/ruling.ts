/** From a limit that is met to a verdict: whom it is about, whether there is one at all, and what follows from it. */

import { isLoopbackAddress } from '../model/address.ts';
import type { Key, Verdict } from '../model/block.ts';
import type { ActiveRule } from './activate.ts';
import type { CountedEvent } from './counted-event.ts';
import { findBlame } from './gateway.ts';
import type { Holds } from './holds.ts';
import type { Met } from './met.ts';
import type { JudgeOptions } from './options.ts';
import type { Limit } from './rule.ts';
import type { Tally } from './tally.ts';
import type { UsualMet } from './usual/usual-rule.ts';
import { buildVerdict, isSameExcess, noteMet, type Recall, type Target } from './verdict.ts';

/** The event on which verdicts fall. */
export interface Occasion {
  readonly event: CountedEvent;
  /** ms; undefined: no verdict is stale */
  readonly now: number | undefined;
  /** what became of verdicts of the past; undefined: this is the present */
  readonly recall: Recall | undefined;
}

/** A verdict that blocks, with the limit that was met. */
interface Given {
  readonly tally: Tally;
  readonly limit: Limit;
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
      const isLoopback = type === 'client' && isLoopbackAddress(id);
      if (this.#holds.isHeld(type, id, event.time) || (!isLoopback && this.#allowed(key))) continue;
      if (verdicts.some((verdict) => verdict.rule === rule.name)) continue;
      const action = isLoopback ? 'observe' : rule.action;
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
  #judge(active: ActiveRule, met: Met, { event, now, recall }: Occasion): Verdict | undefined {
    const { rule, tally } = active;
    const gateway: Key = { type: met.type, id: met.id };
    if (this.#holds.isHeld(gateway.type, gateway.id, event.time)) return undefined;
    // Loopback is never blocked, but what happens there must be seen.
    const isLoopback = gateway.type === 'client' && isLoopbackAddress(gateway.id);
    if (!isLoopback && this.#allowed(gateway)) return undefined;
    const action = isLoopback ? 'observe' : rule.action;
    if (action === 'observe' && isSameExcess(met)) return undefined;
    const isStale = now !== undefined && now - event.time > rule.fresh;
    if (isStale && tally.lastVerdict(met.type, met.id) === 'stale') return undefined;
    const target = action === 'observe' ? { key: gateway } : this.#findTarget(active, met, event);
    const duration =
      action === 'observe' ? undefined : this.#holds.durationFor(rule, target.key, event);
    const verdict = buildVerdict(rule, met, event, { ...target, action, duration });
    const given = recall === undefined ? (isStale ? 'stale' : 'given') : recall(verdict);
    if (given === 'continued') return noteMet(met);
    if (given === undefined) return undefined;
    tally.noteVerdict(met.type, met.id, given === 'stale' ? 'stale' : 'fresh');
    if (given === 'stale') return { ...verdict, stale: true };
    if (action === 'observe') noteMet(met);
    else this.#noteBlock(active, met, verdict);
    return verdict;
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

  #noteBlock({ tally }: ActiveRule, { limit, timeline }: Met, verdict: Verdict): void {
    const { key, at, time, duration } = verdict;
    this.#holds.noteOffence(verdict);
    this.#holds.hold(key, duration === undefined ? undefined : time + duration);
    if (at !== undefined) {
      this.#holds.shutOut(at, key.id, time);
      // Somebody else answers for these events now.
      timeline.removeSender(key.id);
    }
    this.#onBlock({ tally, limit, verdict });
  }
}
