/**
 * How many recipients each user asks for, counted at RCPT, before the mail server accepts the message: above a limit
 * the answer is 450, so that a hacked account cannot empty its list before the first bounce. Only recipients that may
 * pass are counted, so whoever tries again later gets through. Knows no file, no rule and no clock. Memory is bounded: a
 * user takes a few hundred bytes for each limit, and beyond `MOST_USERS` the one that was idle longest is forgotten.
 */

import type { PolicyRequest } from './request.ts';
import { SlotCounter } from './slot-counter.ts';

/** A limit as it applies to a user now. */
export interface RecipientLimit {
  readonly limit: number;
  /** why it is not that of the rule */
  readonly why?: string;
  /** by day, when `limit` is that of a night or a weekend */
  readonly full?: number;
}

/** A rule that puts off. */
export interface RateRule {
  readonly name: string;
  /** ms, one for each limit */
  readonly periods: readonly number[];
  /** The limit for the period at this position at a time in ms; undefined: the user is exempt. */
  limitFor(index: number, user: string, now: number): RecipientLimit | undefined;
  /** Whether the request does not count. */
  spares(user: string, request: PolicyRequest): boolean;
  /** what follows 450 */
  readonly text: string;
}

/** A user who is put off. Times in ms. */
export interface Deferral extends RecipientLimit {
  readonly rule: string;
  readonly user: string;
  readonly period: number;
  /** recipients that passed within the period, with the one that was put off */
  readonly count: number;
  readonly since: number;
}

/** With its present state. */
export interface RunningDeferral extends Deferral {
  /** how many recipients were put off */
  readonly putOff: number;
  /** when the last one was */
  readonly last: number;
}

interface RecipientRatesOptions {
  readonly rules: readonly RateRule[];
  /** makes the one form of a login */
  readonly canonicalLogin: (login: string) => string;
  /** users who are never put off */
  isAllowed(user: string): boolean;
  /** count and report only */
  readonly isObserving: boolean;
}

const MOST_USERS = 10_000;
/** Postfix may ask twice about the same recipient, in two lists of restrictions. */
const REMEMBERED = 8;
const LONGEST_NAME = 320;

interface User {
  /** by rule and limit */
  readonly counters: readonly (readonly SlotCounter[])[];
  /** the recipients that were counted last, each with its message */
  readonly counted: string[];
}

export class RecipientRates {
  readonly #options: RecipientRatesOptions;
  /** the one that was idle longest comes first */
  readonly #users = new Map<string, User>();
  /** by rule and user */
  readonly #deferrals = new Map<string, RunningDeferral>();
  #fresh: Deferral[] = [];

  constructor(options: RecipientRatesOptions) {
    this.#options = options;
  }

  /** The longest period of the rules, ms. */
  get reach(): number {
    return Math.max(0, ...this.#options.rules.flatMap(({ periods }) => periods));
  }

  /** The answer at `now` (ms) to a request that nothing else decides; undefined: the recipient may pass. */
  answer(request: PolicyRequest, now: number): string | undefined {
    const { state, user: login, recipient } = request;
    // Broken UTF-8 becomes the same text whatever the bytes were: it could be another user.
    if (state !== 'RCPT' || login === '' || login.includes('\ufffd')) return undefined;
    // Exim's recipe in the DATA ACL asks about a message, and an older one about nobody in particular.
    if (recipient === '') return undefined;
    const name = this.#options.canonicalLogin(login);
    if (name.length > LONGEST_NAME || this.#options.isAllowed(name)) return undefined;
    const user = this.#getUser(name);
    const mark = `${request.instance} ${recipient}`.slice(0, LONGEST_NAME);
    if (request.instance !== '' && user.counted.includes(mark)) return undefined;
    const applied = this.#options.rules.map((rule) => !rule.spares(name, request));
    const text = this.#findExcess(name, user, applied, now);
    if (text !== undefined && !this.#options.isObserving) return `450 ${text}`;
    for (const [at, counters] of user.counters.entries()) {
      if (applied[at] === true) for (const counter of counters) counter.add(now, 1);
    }
    user.counted.push(mark);
    if (user.counted.length > REMEMBERED) user.counted.shift();
    return undefined;
  }

  /** Counts recipients that a user had before this process began to answer: what the log says of them. `time` in ms. */
  seed(login: string, time: number, recipients: number): void {
    const name = this.#options.canonicalLogin(login);
    if (name.length > LONGEST_NAME) return;
    for (const counters of this.#getUser(name).counters) {
      for (const counter of counters) counter.add(time, recipients);
    }
  }

  /** Who has begun to be put off, and was not `noted` yet. */
  get fresh(): readonly Deferral[] {
    return this.#fresh;
  }

  /** The first `count` of `fresh` are written down. */
  noted(count: number): void {
    this.#fresh = this.#fresh.slice(count);
  }

  /** A deferral that was written down by an earlier process and goes on. */
  resume(deferral: Deferral): void {
    const name = `${deferral.rule} ${deferral.user}`;
    this.#deferrals.set(name, { ...deferral, putOff: 0, last: deferral.since });
  }

  /** Who was put off within the last period of a rule, at `now` (ms). */
  running(now: number): RunningDeferral[] {
    for (const [name, { last, period }] of this.#deferrals) {
      if (now - last >= period || last > now + period) this.#deferrals.delete(name);
    }
    return [...this.#deferrals.values()].filter(({ putOff }) => putOff > 0);
  }

  /** The text of the first rule that has no room for one more recipient; notes that. */
  #findExcess(
    name: string,
    user: User,
    applied: readonly boolean[],
    now: number,
  ): string | undefined {
    for (const [at, rule] of this.#options.rules.entries()) {
      if (applied[at] !== true) continue;
      for (const [index, period] of rule.periods.entries()) {
        const limit = rule.limitFor(index, name, now);
        const counter = user.counters[at]?.[index];
        if (limit === undefined || counter === undefined) continue;
        const count = counter.count(now) + 1;
        if (count <= limit.limit) continue;
        this.#note({ ...limit, rule: rule.name, user: name, period, count, since: now }, now);
        return rule.text;
      }
    }
    return undefined;
  }

  /** A deferral without a break of a whole period is one. */
  #note(deferral: Deferral, now: number): void {
    const name = `${deferral.rule} ${deferral.user}`;
    const before = this.#deferrals.get(name);
    const goesOn = before !== undefined && Math.abs(now - before.last) < before.period;
    if (goesOn) {
      this.#deferrals.set(name, { ...before, putOff: before.putOff + 1, last: now });
      return;
    }
    if (this.#deferrals.size >= MOST_USERS) dropFirst(this.#deferrals);
    this.#deferrals.set(name, { ...deferral, putOff: 1, last: now });
    if (this.#fresh.length < MOST_USERS) this.#fresh.push(deferral);
  }

  #getUser(name: string): User {
    const known = this.#users.get(name);
    if (known !== undefined) {
      this.#users.delete(name);
      this.#users.set(name, known);
      return known;
    }
    if (this.#users.size >= MOST_USERS) dropFirst(this.#users);
    const counters = this.#options.rules.map(({ periods }) =>
      periods.map((period) => new SlotCounter(period)),
    );
    const user = { counters, counted: [] };
    this.#users.set(name, user);
    return user;
  }
}

/** Drops a sixteenth: a Map leaves holes where its first keys were, and looking for the first one walks over them. */
function dropFirst(map: Map<string, unknown>): void {
  let left = MOST_USERS / 16;
  for (const key of map.keys()) {
    if (--left < 0) return;
    map.delete(key);
  }
}
