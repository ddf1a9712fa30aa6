/**
 * One rule with `usual`: a profile of each key, and whether an event goes beyond what its profile says. What becomes of
 * that (verdict, block, allow list) is not known here: the profiles follow from the events alone.
 */
import { DAY } from '../../base/time.ts';
import { getDomain } from '../../model/address.ts';
import type { KeyType } from '../../model/block.ts';
import type { MailEvent } from '../../model/event.ts';
import { ownCopy } from '../../model/line.ts';
import type { NewKind, Past } from '../../model/usual.ts';
import type { AppliedLimit } from '../adjustment.ts';
import { Facts } from '../facts.ts';
import { getKeyId, getKeyType, internId, MAX_ID } from '../key.ts';
import { buildAdmission } from '../plan.ts';
import type { Limit, Rule, Usual } from '../rule.ts';
import { BlockCounter, type SavedCounter } from './counter.ts';
import { CoveredDays } from './covered-days.ts';
import { KnownValues, type SavedValues } from './known-values.ts';

/** A key that a rule keeps at most. The keys that were silent longest go first, and then have no past. */
export const MOST_KEYS = 25_000;
/** An account that wakes is watched on this day and the next. */
const DAYS_AWAKE = 2;

/** A key that has just gone beyond its own limit. */
export interface UsualMet {
  readonly rule: Rule;
  readonly type: KeyType;
  readonly id: string;
  /** the limit of this key, and the period that it is for */
  readonly limit: AppliedLimit;
  readonly count: number;
  readonly past: Past;
}

/** A profile as it is stored; times in ms, days since the epoch. */
export interface SavedProfile {
  readonly type: KeyType;
  readonly id: string;
  readonly lastDay: number;
  readonly rest: {
    readonly first: number;
    readonly woke?: readonly [day: number, slept: number, last: number];
    /** by limit: the last day on which it was met */
    readonly met: readonly number[];
    readonly counters: readonly SavedCounter[];
    readonly values?: SavedValues;
  };
}

interface Profile {
  /** time of the first event, ms */
  first: number;
  /** day of the newest event */
  lastDay: number;
  /** the day on which it woke, -1 for never; how many days it had been silent, and the day before the silence */
  wokeDay: number;
  slept: number;
  sleptAfter: number;
  readonly met: number[];
  readonly counters: readonly BlockCounter[];
  readonly values: KnownValues | undefined;
  /** the client of the last event and its day, and whether its network was new: most mail of a key comes from one */
  client: string;
  clientDay: number;
  isClientNew: boolean;
  /** changed since it was last saved */
  isChanged: boolean;
}

export class UsualRule {
  readonly rule: Rule;
  /** what the profiles hold. Profiles of another measure are of no use to the rule. */
  readonly measure: string;
  readonly #usual: Usual;
  readonly #admits: (event: MailEvent) => boolean;
  readonly #profiles = new Map<KeyType, Map<string, Profile>>();
  readonly #facts = new Facts();
  readonly #covered = new CoveredDays();
  readonly #mostKeys: number;

  constructor(rule: Rule & { readonly usual: Usual }, mostKeys = MOST_KEYS) {
    this.rule = rule;
    this.#usual = rule.usual;
    this.measure = nameMeasure(rule);
    this.#admits = buildAdmission(rule);
    this.#mostKeys = mostKeys;
  }

  /** Counts an event that the rule counts by its kind. Returns the limits that it is the first of its day to go beyond. */
  feed(event: MailEvent): readonly UsualMet[] {
    if (event.repeated === true || !this.#admits(event)) return NONE;
    const type = getKeyType(this.rule.per, event);
    const id = type === undefined ? undefined : getKeyId(type, event);
    if (type === undefined || id === undefined) return NONE;
    const day = Math.floor(event.time / DAY);
    this.#covered.note(day);
    const profile = this.#getProfile(type, id, event.time);
    if (day > profile.lastDay) this.#beginDay(profile, day);
    profile.isChanged = true;
    if (!this.#isCounted(profile, event, day)) return NONE;
    const amount = this.rule.count === 'recipients' ? (event.newRecipients ?? 0) : 1;
    let met: UsualMet[] | undefined;
    for (let index = 0; index < profile.counters.length; index++) {
      const count = (profile.counters[index] as BlockCounter).add(event.time, amount);
      const limit = this.#limitFor(index, type, id, event.time);
      if (limit === undefined || count < limit.limit || day < profile.lastDay) continue;
      const excess = this.#findExcess(profile, index, { limit, count, time: event.time });
      if (excess === undefined) continue;
      met ??= [];
      met.push({ rule: this.rule, type, id, count, ...excess });
    }
    return met ?? NONE;
  }

  /** Profiles that have changed since the last call of `saved`. */
  *changed(): Generator<SavedProfile> {
    for (const [type, profiles] of this.#profiles) {
      for (const [id, profile] of profiles) {
        if (profile.isChanged) yield saveProfile(type, id, profile);
      }
    }
  }

  saved(): void {
    for (const profiles of this.#profiles.values()) {
      for (const profile of profiles.values()) profile.isChanged = false;
    }
  }

  get coveredDays(): readonly number[] {
    return this.#covered.save();
  }

  load(coveredDays: readonly number[], profiles: Iterable<SavedProfile>): void {
    this.#covered.load(coveredDays);
    for (const { type, id, lastDay, rest } of profiles) {
      const profile = this.#create(type, id, rest.first);
      profile.lastDay = lastDay;
      [profile.wokeDay = -1, profile.slept = 0, profile.sleptAfter = -1] = rest.woke ?? [];
      for (const [index, day] of rest.met.entries()) profile.met[index] = day;
      for (const [index, saved] of rest.counters.entries()) profile.counters[index]?.load(saved);
      profile.values?.load(rest.values ?? []);
    }
  }

  /** A new value counts only when the key has other habits: until then everything is new. */
  #isCounted(profile: Profile, event: MailEvent, day: number): boolean {
    if (profile.values === undefined) return true;
    const isNew =
      this.#usual.new === 'recipient-domain'
        ? this.#usesNewDomain(profile.values, event, day)
        : this.#usesNewNetwork(profile, profile.values, event, day);
    return isNew && !this.#isLearning(profile, event.time);
  }

  #usesNewDomain(values: KnownValues, { recipient }: MailEvent, day: number): boolean {
    if (recipient === undefined || recipient.length > MAX_ID) return false;
    const domain = getDomain(recipient);
    return domain !== '' && values.use(domain, day);
  }

  #usesNewNetwork(profile: Profile, values: KnownValues, event: MailEvent, day: number): boolean {
    const address = event.client?.address ?? '';
    if (address === profile.client && day === profile.clientDay) return profile.isClientNew;
    const kind = this.#usual.new as Exclude<NewKind, 'recipient-domain'>;
    this.#facts.read(event);
    const network = this.#facts.valueOf(kind);
    const isNew = network !== undefined && values.use(String(network), day);
    if (address !== profile.client) profile.client = ownCopy(address);
    profile.clientDay = day;
    profile.isClientNew = isNew;
    return isNew;
  }

  #isLearning({ first }: Profile, time: number): boolean {
    return time - first < this.#usual.history;
  }

  /** The floor of a key; undefined: it is exempt. */
  #limitFor(index: number, type: KeyType, id: string, time: number): AppliedLimit | undefined {
    const limit = this.rule.limits[index] as Limit;
    const { adjustment } = this.rule;
    return adjustment === undefined ? limit : adjustment.limitFor(limit, type, id, time);
  }

  /** Whether the count is beyond what is usual, for the first time on this day. `limit`: the floor. */
  #findExcess(
    profile: Profile,
    index: number,
    {
      limit: floor,
      count,
      time,
    }: { readonly limit: AppliedLimit; readonly count: number; readonly time: number },
  ): { limit: AppliedLimit; past: Past } | undefined {
    const day = profile.lastDay;
    if ((profile.met[index] as number) >= day || this.#isLearning(profile, time)) return undefined;
    const isAwake = profile.wokeDay >= 0 && day - profile.wokeDay < DAYS_AWAKE;
    const busiest = (profile.counters[index] as BlockCounter).findBusiest(day);
    const known = profile.values?.countKnown(day) ?? 0;
    // Without a past there is nothing to compare with.
    const hasPast = profile.values === undefined ? busiest.count > 0 : known > 0;
    if (!isAwake && !hasPast) return undefined;
    const usual = isAwake ? 0 : Math.ceil(this.#usual.times * busiest.count);
    const limit = Math.max(floor.limit, usual);
    if (count < limit) return undefined;
    profile.met[index] = day;
    return {
      limit: { ...floor, limit },
      past: describe(this.#usual, profile, busiest, { known, isAwake }),
    };
  }

  #beginDay(profile: Profile, day: number): void {
    const { asleep } = this.#usual;
    if (asleep !== undefined) {
      const silent = this.#covered.countBetween(profile.lastDay, day);
      if (silent * DAY >= asleep) {
        profile.wokeDay = day;
        profile.slept = silent;
        profile.sleptAfter = profile.lastDay;
      }
    }
    profile.lastDay = day;
  }

  #getProfile(type: KeyType, id: string, time: number): Profile {
    return this.#profiles.get(type)?.get(id) ?? this.#create(type, id, time);
  }

  #create(type: KeyType, id: string, time: number): Profile {
    let profiles = this.#profiles.get(type);
    if (profiles === undefined) {
      profiles = new Map();
      this.#profiles.set(type, profiles);
    }
    if (profiles.size >= this.#mostKeys) dropSilent(profiles, Math.ceil(this.#mostKeys / 16));
    const profile: Profile = {
      first: time,
      lastDay: Math.floor(time / DAY),
      wokeDay: -1,
      slept: 0,
      sleptAfter: -1,
      met: Array(this.rule.limits.length).fill(-1),
      counters: this.rule.limits.map(({ period }) => new BlockCounter(period)),
      values: this.#usual.new === undefined ? undefined : new KnownValues(),
      client: '',
      clientDay: -1,
      isClientNew: false,
      isChanged: true,
    };
    profiles.set(internId(id), profile);
    return profile;
  }
}

const NONE: readonly UsualMet[] = Object.freeze([]);

/** What a profile is a measure of. Not the floor, the times or the exceptions: these can change, and the past stays. */
function nameMeasure({ count, per, direction, nullSender, limits, usual }: Rule): string {
  const periods = limits.map(({ period }) => period).join(',');
  return [count, per, direction, nullSender, periods, usual?.new].map(String).join(' ');
}

function describe(
  usual: Usual,
  profile: Profile,
  busiest: { readonly count: number; readonly day: number },
  { known, isAwake }: { readonly known: number; readonly isAwake: boolean },
): Past {
  return {
    since: profile.first,
    busiest: busiest.count,
    ...(busiest.day < 0 ? {} : { busiestDay: busiest.day * DAY }),
    ...(usual.new === undefined ? {} : { new: { kind: usual.new, known } }),
    ...(isAwake ? { asleep: { days: profile.slept, last: profile.sleptAfter * DAY } } : {}),
  };
}

function saveProfile(type: KeyType, id: string, profile: Profile): SavedProfile {
  const { first, lastDay, wokeDay, slept, sleptAfter, met, counters, values } = profile;
  return {
    type,
    id,
    lastDay,
    rest: {
      first,
      ...(wokeDay < 0 ? {} : { woke: [wokeDay, slept, sleptAfter] as const }),
      met,
      counters: counters.map((counter) => counter.save()),
      ...(values === undefined ? {} : { values: values.save() }),
    },
  };
}

function dropSilent(profiles: Map<string, Profile>, count: number): void {
  const oldest = [...profiles].sort((a, b) => a[1].lastDay - b[1].lastDay).slice(0, count);
  for (const [id] of oldest) profiles.delete(id);
}
