/**
 * Events to verdicts. The result depends only on the calls made: the same events, releases and holds in the same order
 * give the same verdicts, so the state can be rebuilt from the stored events. The judge has no clock and no store. A
 * caller that has a clock passes the time with each event. No event makes it throw, whatever it holds.
 */
import { DAY } from '../base/time.ts';
import { isLoopbackAddress, isNetwork, isWithin } from '../model/address.ts';
import type { Key, KeyType, Verdict } from '../model/block.ts';
import type { MailEvent } from '../model/event.ts';
import type { Outage, OutageChange } from '../model/outage.ts';
import { formatId, readId } from './facts.ts';
import { findBlame, ShutOutSenders } from './gateway.ts';
import { findJoint } from './joint.ts';
import { canonicalKey, getKeyId, getKeyType } from './key.ts';
import { KeyTimes, Offences } from './key-memory.ts';
import { reachesShare } from './measure.ts';
import { MemoryBudget } from './memory-budget.ts';
import type { Forgotten, Met, Since, Use } from './met.ts';
import { type Nearest, rankNearest } from './nearest.ts';
import type { JudgeOptions } from './options.ts';
import { type Detection, OutageMonitor } from './outage/monitor.ts';
import {
  type ActiveRule,
  activateRule,
  countsInvalid,
  countsRefusal,
  Plan,
  type Step,
} from './plan.ts';
import type { Rule } from './rule.ts';
import { ALL_TABLES, DEFAULT_BOUNDS } from './table.ts';
import { Tables } from './tables.ts';
import type { Tally } from './tally.ts';
import type { Timeline } from './timeline.ts';
import type { Track } from './track.ts';
import type { UsualMet } from './usual/usual-rule.ts';
import { UsualRules } from './usual/usual-rules.ts';
import { buildVerdict, isSameExcess, noteMet, type Recall, type Target } from './verdict.ts';

const NONE: readonly Verdict[] = Object.freeze([]);
const NO_CHANGE: readonly OutageChange[] = Object.freeze([]);
/** More changes than this are not kept for a caller that never takes them. */
const MOST_CHANGES = 1000;
/** After this time without another offence, a key is no longer a repeat offender. */
const OFFENCE_LIFETIME = 30 * DAY;

export class Judge {
  readonly #rules: readonly ActiveRule[];
  /** the rules that measure a key against its own past; a restart takes up what is stored of them */
  readonly usual: UsualRules;
  readonly #plan: Plan;
  readonly #tables: Tables;
  /** the rules that use the event that is being counted, and by what */
  readonly #users: Step[] = [];
  readonly #tracks: Track[] = [];
  readonly #allowed: (key: Key) => boolean;
  readonly #canShutOutAt: (gateway: Key) => boolean;
  readonly #blocked = new KeyTimes();
  /** for keys that were released: the time up to which their events do not count */
  readonly #released = new KeyTimes();
  readonly #offences = new Offences(OFFENCE_LIFETIME);
  /** `#released` as a function; undefined until the first release, which saves a look-up for each event */
  #since: Since | undefined;
  /** undefined when no rule counts what a provider can be wrong about */
  readonly #outages: OutageMonitor | undefined;
  #changes: OutageChange[] = [];
  readonly #shutOut = new ShutOutSenders();
  readonly #onCounted: JudgeOptions['onCounted'];

  constructor(rules: readonly Rule[], options: JudgeOptions = {}) {
    const bounds = options.bounds ?? { ...DEFAULT_BOUNDS, budget: new MemoryBudget(ALL_TABLES) };
    this.#tables = new Tables(bounds);
    // What is put off is counted by the policy service, before there is an event.
    const judged = rules.filter(
      ({ enabled, action, usual }) => enabled && action !== 'defer' && usual === undefined,
    );
    this.#rules = judged.map((rule) => activateRule(rule, this.#tables));
    this.usual = new UsualRules(rules);
    this.#plan = new Plan(this.#rules);
    const needsMonitor = this.#rules.some(({ rule }) => countsInvalid(rule));
    this.#outages = needsMonitor ? new OutageMonitor(this.#rules) : undefined;
    this.#onCounted = options.onCounted;
    this.#allowed = options.allowed ?? (() => false);
    this.#canShutOutAt = options.canShutOutAt ?? (() => true);
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
    const verdicts = this.#feed(event, now, undefined);
    const unusual = this.usual.feed(event);
    return unusual.length === 0
      ? verdicts
      : [...verdicts, ...this.#judgeUsual(unusual, event, now)];
  }

  /** The verdicts on a key that goes beyond its own past: at most one for a rule. */
  #judgeUsual(all: readonly UsualMet[], event: MailEvent, now: number | undefined): Verdict[] {
    const verdicts: Verdict[] = [];
    for (const { rule, type, id, limit, count, past } of all) {
      const key: Key = { type, id };
      const isLoopback = type === 'client' && isLoopbackAddress(id);
      if (this.#isHeld(type, id, event.time) || (!isLoopback && this.#allowed(key))) continue;
      if (verdicts.some((verdict) => verdict.rule === rule.name)) continue;
      const action = isLoopback ? 'observe' : rule.action;
      const duration = action === 'observe' ? undefined : this.#durationFor(rule, key, event);
      const found = buildVerdict(rule, { limit, measure: count }, event, { key, action, duration });
      const isStale = now !== undefined && now - event.time > rule.fresh;
      const verdict = { ...found, past, ...(isStale ? { stale: true } : {}) };
      if (action === 'block' && !isStale) {
        this.noteOffence(verdict);
        this.hold(key, duration === undefined ? undefined : event.time + duration);
      }
      verdicts.push(verdict);
    }
    return verdicts;
  }

  /** A rule has blocked a key; of rules with `usual`, also before a restart. */
  noteOffence({ rule, key, time }: Verdict): void {
    this.#offences.add(rule, key, time);
  }

  /**
   * Counts an event of the past again. `recall` says what became of a verdict then: a rule that is new or has changed
   * has not given it, and the key is not held for it. Rules with `usual` do not count it: see `usual`.
   */
  recount(event: MailEvent, recall: Recall): readonly Verdict[] {
    return this.#feed(event, undefined, recall);
  }

  #feed(event: MailEvent, now: number | undefined, recall: Recall | undefined): readonly Verdict[] {
    const steps = this.#plan.stepsFor(event, this.#isInOutage(event));
    if (steps.length === 0) return NONE;
    this.#tables.facts.read(event);
    const count = this.#collect(steps, event);
    if (count === 0) return NONE;
    for (let index = 0; index < count; index++) (this.#tracks[index] as Track).arrival.keep();
    let verdicts: Verdict[] | undefined;
    for (let index = 0; index < count; index++) {
      const { active, use } = this.#users[index] as Step;
      const track = this.#tracks[index] as Track;
      // A rule before this one may have shut out the sender just now.
      if (verdicts !== undefined && this.#isShutOut(active, event)) {
        if (use !== 'open') track.arrival.leave(track);
        continue;
      }
      const added = active.tally.count(track, use);
      if (added === undefined) {
        if (use === 'counted' && recall === undefined) this.#tell(track, event);
        continue;
      }
      const verdict = this.#judgeAll(
        active,
        active.tally.measure(added, event.time),
        event,
        now,
        recall,
      );
      if (recall === undefined) this.#tell(track, event, added.timeline);
      if (verdict === undefined) continue;
      verdicts ??= [];
      verdicts.push(verdict);
    }
    this.#tables.end();
    return verdicts ?? NONE;
  }

  /** Tells that an event was counted, if several servers may count together. `timeline`: undefined for a key with few events. */
  #tell(track: Track, event: MailEvent, timeline?: Timeline): void {
    if (this.#onCounted === undefined || findJoint(track.rule).types?.has(track.type) !== true)
      return;
    const { facts } = this.#tables;
    const id = facts.id(track.type);
    if (id === undefined) return;
    const key: Key = { type: track.type, id: formatId(id) };
    if (this.#isHeld(key.type, key.id, event.time) || this.#allowed(key)) return;
    if (timeline !== undefined && !reachesShare(track, timeline)) return;
    const { distinct } = track.rule;
    const value = distinct === undefined ? undefined : String(facts.valueOf(distinct));
    const duration = this.#durationFor(track.rule, key, event);
    this.#onCounted({ rule: track.rule, key, value, duration }, event);
  }

  /** Finds out which rules use the event, and returns how many. */
  #collect(steps: readonly Step[], event: MailEvent): number {
    let count = 0;
    for (const step of steps) {
      const { active, use } = step;
      if (!isUsed(active.rule, use, event) || !active.admits(event)) continue;
      if (this.#isShutOut(active, event)) continue;
      const track = active.tally.use(use, this.#since);
      if (track === undefined) continue;
      this.#users[count] = step;
      this.#tracks[count++] = track;
    }
    return count;
  }

  /** The verdict of a rule whose limits are met, if there is one: a rule that meets two at once gives one. */
  #judgeAll(
    active: ActiveRule,
    all: readonly Met[],
    event: MailEvent,
    now: number | undefined,
    recall: Recall | undefined,
  ): Verdict | undefined {
    let given: Verdict | undefined;
    for (const met of all) {
      const verdict = this.#judge(active, met, event, now, recall);
      if (verdict === undefined || given !== undefined) continue;
      given = verdict;
      // Somebody is to be blocked; for a second limit it would be somebody else.
      if (verdict.action === 'block') break;
    }
    return given;
  }

  /** A block of the key was released at `time` (ms), before its end. What happened until then does not count again. */
  release(key: Key, time: number): void {
    for (const one of this.#listMembers(canonicalKey(key))) this.#release(one, time);
  }

  #release({ type, id }: Key, time: number): void {
    this.#blocked.delete(type, id);
    this.#released.set(type, id, time);
    this.#since ??= (type, id) => this.#released.get(type, id) ?? Number.NEGATIVE_INFINITY;
    this.#tables.forget(type, readId(type, id));
    for (const { tally } of this.#rules) tally.forget(type, id);
    if (type === 'sender') this.#shutOut.delete(id);
  }

  /** A block of the key has ended by itself, or because it rested on an outage. What was counted stays. */
  unhold(key: Key): void {
    for (const { type, id } of this.#listMembers(canonicalKey(key))) this.#blocked.delete(type, id);
  }

  /** The key and, of a network of clients that was blocked as a whole, all its addresses that are known here. */
  #listMembers(key: Key): Key[] {
    const { type, id } = key;
    if (type !== 'client' || !isNetwork(id)) return [key];
    const known = new Set(this.#blocked.ids(type));
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
    const { type, id } = canonicalKey(key);
    this.#blocked.set(type, id, until ?? Number.POSITIVE_INFINITY);
    if (at === undefined) return;
    const gateway = canonicalKey(at);
    if (!this.#shutOut.has(gateway, id)) this.#shutOut.add(gateway, id, Number.NEGATIVE_INFINITY);
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
      if (verdict.at !== undefined) this.#shutOut.delete(id);
    }
    if (this.#changes.length >= MOST_CHANGES) return;
    const verdicts = takenBack.map(({ verdict }) => verdict);
    this.#changes.push({ change: 'began', outage, takenBack: verdicts });
  }

  /** Whether the key is blocked, allowed, or had its verdict from another limit of the same rule. */
  #isSettled(key: Key, tally: Tally): boolean {
    if (this.#blocked.get(key.type, key.id) !== undefined || this.#allowed(key)) return true;
    return tally.lastVerdict(key.type, key.id) !== undefined;
  }

  /** Whether the sender of the event is shut out at its gateway: what still comes of it is not the gateway's. */
  #isShutOut({ maySpare, rule }: ActiveRule, event: MailEvent): boolean {
    if (maySpare === undefined || this.#shutOut.size === 0 || !event.sender) return false;
    const type = getKeyType(rule.per, event);
    const id = type === undefined ? undefined : getKeyId(type, event);
    const sender = getKeyId('sender', event);
    if (type === undefined || id === undefined || sender === undefined) return false;
    return this.#shutOut.has({ type, id }, sender) && this.#isHeld('sender', sender, event.time);
  }

  /** The verdict for a limit that is met, unless the key already had it or must not get one. */
  #judge(
    active: ActiveRule,
    met: Met,
    event: MailEvent,
    now: number | undefined,
    recall: Recall | undefined,
  ): Verdict | undefined {
    const { rule, tally } = active;
    const gateway: Key = { type: met.type, id: met.id };
    if (this.#isHeld(gateway.type, gateway.id, event.time)) return undefined;
    // Loopback is never blocked, but what happens there must be seen.
    const isLoopback = gateway.type === 'client' && isLoopbackAddress(gateway.id);
    if (!isLoopback && this.#allowed(gateway)) return undefined;
    const action = isLoopback ? 'observe' : rule.action;
    if (action === 'observe' && isSameExcess(met)) return undefined;
    const isStale = now !== undefined && now - event.time > rule.fresh;
    if (isStale && tally.lastVerdict(met.type, met.id) === 'stale') return undefined;
    const target = action === 'observe' ? { key: gateway } : this.#findTarget(active, met, event);
    const duration = action === 'observe' ? undefined : this.#durationFor(rule, target.key, event);
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
  #findTarget({ maySpare, tally }: ActiveRule, met: Met, { time }: MailEvent): Target {
    const key: Key = { type: met.type, id: met.id };
    if (maySpare === undefined || !tally.tellsSenders(met.type)) return { key };
    const { sender, people } = findBlame(met.timeline, met.window);
    const isSpared =
      sender !== undefined &&
      maySpare(key) &&
      this.#canShutOutAt(key) &&
      !this.#shutOut.hasTooMany(key, time) &&
      !this.#isHeld('sender', sender, time) &&
      !this.#allowed({ type: 'sender', id: sender });
    if (isSpared) return { key: { type: 'sender', id: sender }, at: key };
    return people > 1 ? { key, people } : { key };
  }

  #noteBlock({ tally }: ActiveRule, met: Met, verdict: Verdict): void {
    const { key, at, time, duration } = verdict;
    this.noteOffence(verdict);
    this.hold(key, duration === undefined ? undefined : time + duration);
    if (at !== undefined) {
      this.#shutOut.add(at, key.id, time);
      tally.forgetSender(met, key.id);
    }
    this.#outages?.addVerdict({ tally, limit: met.limit, verdict });
  }

  #isHeld(type: KeyType, id: string, time: number): boolean {
    const until = this.#blocked.get(type, id);
    if (until === undefined) return false;
    if (time < until) return true;
    this.#blocked.delete(type, id);
    return false;
  }

  #durationFor(rule: Rule, key: Key, event: Pick<MailEvent, 'time'>): number | undefined {
    const before = this.#offences.count(rule.name, key, event.time);
    return rule.durations[Math.min(before, rule.durations.length - 1)];
  }
}

function getTime({ change, outage }: OutageChange): number {
  return change === 'began' ? outage.began : outage.ended;
}

/** Whether the event matters after all: it was counted before, or its refusal was. */
function isUsed(rule: Rule, use: Use, event: MailEvent): boolean {
  if (use === 'whole') return event.repeated !== true;
  // A put-off recipient whose refusal counts is not open. `repeated` is no matter here: each attempt keeps it open.
  return use !== 'open' || event.kind !== 'deferred' || !countsRefusal(rule, event);
}
