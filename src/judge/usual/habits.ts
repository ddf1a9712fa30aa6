/**
 * What rules with `usual` know of each key: how much there was in its hours and days, and what it has used. Rules that
 * differ only in their limits look at the same profiles.
 */
import { DAY } from '../../base/time.ts';
import { getDomain } from '../../model/address.ts';
import type { KeyType } from '../../model/block.ts';
import type { NewKind } from '../../model/usual.ts';
import type { CountedEvent } from '../counted-event.ts';
import { Facts, type Value } from '../facts.ts';
import { getKeyId, getKeyType, internId, MAX_ID } from '../key.ts';
import { buildAdmission } from '../plan.ts';
import type { Rule, Usual } from '../rule.ts';
import { BlockCounter, type SavedCounter } from './counter.ts';
import { CoveredDays } from './covered-days.ts';
import { KnownValues, type SavedValues } from './known-values.ts';

/** A key that a rule keeps at most. The keys that were silent longest go first, and then have no past. */
export const MOST_KEYS = 25_000;
/** A rule that measures keys against their own past. */
export type RuleWithUsual = Rule & { readonly usual: Usual };

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

/** What is known of one key. */
export interface Profile {
  /** time of the first event, ms */
  first: number;
  /** day of the newest event */
  lastDay: number;
  /** the day on which it woke, -1 for never; how many days it had been silent, and the day before the silence */
  wokeDay: number;
  slept: number;
  sleptAfter: number;
  /** of each rule, by limit: the last day on which it was met; undefined: never */
  met: Map<Rule, number[]> | undefined;
  readonly counters: readonly BlockCounter[];
  readonly values: KnownValues | undefined;
  /** the network of the last event and its day, and whether it was new: most mail of a key comes from one */
  network: Value | undefined;
  networkDay: number;
  isNetworkNew: boolean;
  /** changed since it was last saved */
  isChanged: boolean;
}

/** An event that counts. */
interface Noted {
  readonly type: KeyType;
  readonly id: string;
  readonly profile: Profile;
  readonly day: number;
  readonly amount: number;
}

export class Habits {
  readonly #rule: RuleWithUsual;
  readonly #admits: (event: CountedEvent) => boolean;
  readonly #profiles = new Map<KeyType, Map<string, Profile>>();
  readonly #facts = new Facts();
  readonly #covered = new CoveredDays();
  readonly #mostKeys: number;

  /** `rule`: one of those that share them. */
  constructor(rule: RuleWithUsual, mostKeys = MOST_KEYS) {
    this.#rule = rule;
    this.#admits = buildAdmission(rule);
    this.#mostKeys = mostKeys;
  }

  /** Notes an event that the rules count by its kind. Undefined: it does not count. */
  note(event: CountedEvent): Noted | undefined {
    if (event.repeated === true || !this.#admits(event)) return undefined;
    const type = getKeyType(this.#rule.per, event);
    const id = type === undefined ? undefined : getKeyId(type, event);
    if (type === undefined || id === undefined) return undefined;
    const day = Math.floor(event.time / DAY);
    this.#covered.note(day);
    const profile = this.#getProfile(type, id, event.time);
    if (day > profile.lastDay) this.#beginDay(profile, day);
    profile.isChanged = true;
    if (!this.#isCounted(profile, event, day)) return undefined;
    const amount = this.#rule.count === 'recipients' ? (event.newRecipients ?? 0) : 1;
    return { type, id, profile, day, amount };
  }

  /** Whether too little is known of a key at a time, ms. */
  isLearning({ first }: Profile, time: number): boolean {
    return time - first < this.#rule.usual.history;
  }

  get coveredDays(): readonly number[] {
    return this.#covered.save();
  }

  *profiles(): Generator<{ type: KeyType; id: string; profile: Profile }> {
    for (const [type, profiles] of this.#profiles) {
      for (const [id, profile] of profiles) yield { type, id, profile };
    }
  }

  /** Takes over what was stored for `rule`. What the profiles hold besides its limits is the same for all rules. */
  load(rule: Rule, coveredDays: readonly number[], profiles: Iterable<SavedProfile>): void {
    this.#covered.load(coveredDays);
    for (const { type, id, lastDay, rest } of profiles) {
      const known = this.#profiles.get(type)?.get(id);
      const profile = known ?? this.#create(type, id, rest.first);
      profile.isChanged = false;
      if (rest.met.some((day) => day >= 0)) {
        profile.met ??= new Map();
        profile.met.set(rule, [...rest.met]);
      }
      if (known !== undefined) continue;
      profile.lastDay = lastDay;
      [profile.wokeDay = -1, profile.slept = 0, profile.sleptAfter = -1] = rest.woke ?? [];
      for (const [index, saved] of rest.counters.entries()) profile.counters[index]?.load(saved);
      profile.values?.load(rest.values ?? []);
    }
  }

  /** A new value counts only when the key has other habits: until then everything is new. */
  #isCounted(profile: Profile, event: CountedEvent, day: number): boolean {
    if (profile.values === undefined) return true;
    const isNew =
      this.#rule.usual.new === 'recipient-domain'
        ? this.#usesNewDomain(profile.values, event, day)
        : this.#usesNewNetwork(profile, profile.values, event, day);
    return isNew && !this.isLearning(profile, event.time);
  }

  #usesNewDomain(values: KnownValues, { recipient }: CountedEvent, day: number): boolean {
    if (recipient === undefined || recipient.length > MAX_ID) return false;
    const domain = getDomain(recipient);
    return domain !== '' && values.use(domain, day);
  }

  #usesNewNetwork(
    profile: Profile,
    values: KnownValues,
    event: CountedEvent,
    day: number,
  ): boolean {
    const kind = this.#rule.usual.new as Exclude<NewKind, 'recipient-domain'>;
    this.#facts.read(event);
    const network = this.#facts.valueOf(kind);
    if (network === profile.network && day === profile.networkDay) return profile.isNetworkNew;
    const isNew = network !== undefined && values.use(String(network), day);
    profile.network = network;
    profile.networkDay = day;
    profile.isNetworkNew = isNew;
    return isNew;
  }

  #beginDay(profile: Profile, day: number): void {
    const { asleep } = this.#rule.usual;
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
      met: undefined,
      counters: this.#rule.limits.map(({ period }) => new BlockCounter(period)),
      values: this.#rule.usual.new === undefined ? undefined : new KnownValues(),
      network: undefined,
      networkDay: -1,
      isNetworkNew: false,
      isChanged: true,
    };
    profiles.set(internId(id), profile);
    return profile;
  }
}

/** What a rule would store of a profile. */
export function saveProfile(rule: Rule, type: KeyType, id: string, profile: Profile): SavedProfile {
  const { first, lastDay, wokeDay, slept, sleptAfter, met, counters, values } = profile;
  return {
    type,
    id,
    lastDay,
    rest: {
      first,
      ...(wokeDay < 0 ? {} : { woke: [wokeDay, slept, sleptAfter] as const }),
      met: met?.get(rule) ?? rule.limits.map(() => -1),
      counters: counters.map((counter) => counter.save()),
      ...(values === undefined ? {} : { values: values.save() }),
    },
  };
}

function dropSilent(profiles: Map<string, Profile>, count: number): void {
  const oldest = [...profiles].sort((a, b) => a[1].lastDay - b[1].lastDay).slice(0, count);
  for (const [id] of oldest) profiles.delete(id);
}
