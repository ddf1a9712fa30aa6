/** What one rule can have counted for each key, from the columns of stored events (candidates.ts). */
import { lowestOf } from '../judge/measure.ts';
import { counts } from '../judge/plan.ts';
import type { Limit, Rule } from '../judge/rule.ts';
import type { Key } from '../model/block.ts';
import type { EventKind, Reason } from '../model/event.ts';
import { DIRECTIONS } from '../store/codes.ts';
import type { Page } from '../store/page.ts';
import type { Keys } from './candidate-keys.ts';

/** Times in ms, `until` exclusive. */
export interface Period {
  readonly since: number;
  readonly until: number;
}

/** Stands for all keys of a rule whose keys the columns do not have: senders, recipients, networks, hosts. */
const EVERYBODY = -1;

/** What one key of one rule has counted: times, amounts, clients or their networks, one entry for each event. */
interface Counted {
  readonly times: number[];
  readonly amounts: number[];
  readonly clients: (number | undefined)[];
}

/** The events that one rule counts, by key. */
export class Counting {
  /** ms: from here on, events may be in a window of the period */
  readonly since: number;
  /** whether the judge needs all events of a candidate: for the whole of a share, or to know who refuses */
  readonly needsAll: boolean;
  readonly rule: Rule;
  readonly #keys: Keys;
  readonly #period: Period;
  readonly #share: number;
  readonly #direction: number | undefined;
  /** for each key, its events, or their amounts */
  readonly #sums = new Map<number, number>();
  readonly #counted = new Map<number, Counted>();
  /** for each limit of the rule, the keys that can have come near it */
  #near: readonly ReadonlySet<number>[] = [];
  /** for each limit of the rule, the keys that have met it: a submitter's own number, an IPv4 address, or a server */
  readonly #settled: readonly Set<number | string>[];
  readonly #clientOf: ((page: Page, at: number) => number | undefined) | undefined;
  readonly #keyOf: (page: Page, at: number) => number | undefined;

  constructor(rule: Rule, keys: Keys, period: Period, share: number) {
    this.rule = rule;
    this.#keys = keys;
    this.#period = period;
    this.#share = share;
    this.since = period.since - Math.max(...rule.limits.map((limit) => limit.period)) + 1;
    this.needsAll = rule.ratio || rule.atLeastShare !== undefined || rule.bound?.host !== undefined;
    this.#direction = rule.direction && DIRECTIONS.numberOf[rule.direction];
    this.#settled = rule.limits.map(() => new Set());
    this.#clientOf = this.#buildClientOf();
    this.#keyOf = this.#buildKeyOf();
  }

  add(page: Page, at: number): void {
    if (page.time(at) < this.since) return;
    const key = this.#keyOf(page, at);
    if (key === undefined) return;
    const amount = this.rule.count === 'recipients' ? (page.newRecipients(at) ?? 0) : 1;
    this.#sums.set(key, (this.#sums.get(key) ?? 0) + amount);
  }

  /** Finds the keys that count enough for one of the limits in all of the time; whether there are any. */
  findFrequent(): boolean {
    const { rule } = this;
    const events = rule.count === 'recipients' ? 0 : this.#leastEvents;
    const least = Math.max(events, Math.min(...rule.limits.map((limit) => this.#leastOf(limit))));
    for (const [key, sum] of this.#sums) {
      if (sum >= least) this.#counted.set(key, { times: [], amounts: [], clients: [] });
    }
    this.#sums.clear();
    return this.#counted.size > 0;
  }

  /** Keeps an event of such a key. */
  keep(page: Page, at: number): void {
    if (page.time(at) < this.since) return;
    const key = this.#keyOf(page, at);
    const counted = key === undefined ? undefined : this.#counted.get(key);
    if (counted === undefined) return;
    counted.times.push(page.time(at));
    if (this.rule.count === 'recipients') counted.amounts.push(page.newRecipients(at) ?? 0);
    if (this.#clientOf !== undefined) counted.clients.push(this.#clientOf(page, at));
  }

  /** Whether the rule counts such events. Only rules that name the direction `local` count it. */
  counts(kind: EventKind, reason: Reason | undefined, direction: number, brings: boolean): boolean {
    const isAdmitted =
      this.#direction === undefined
        ? direction !== DIRECTIONS.numberOf.local
        : direction === this.#direction;
    if (this.rule.count === 'backscatter' && direction !== DIRECTIONS.numberOf.inbound)
      return false;
    return isAdmitted && counts(this.rule, kind, reason, brings);
  }

  /** Finds the keys that can have come near one of the limits; whether there are any. What was counted is forgotten. */
  findNear(): boolean {
    this.#near = this.rule.limits.map((limit) => {
      const near = new Set<number>();
      for (const [key, counted] of this.#counted) if (this.#isNear(counted, limit)) near.add(key);
      return near;
    });
    this.#counted.clear();
    return this.#near.some(({ size }) => size > 0);
  }

  /** Adds the limits to `found` that the key of this event can have come near. */
  addLimits(page: Page, at: number, found: Limit[]): void {
    const key = this.#keyOf(page, at);
    if (key === undefined) return;
    const time = page.time(at);
    for (let index = 0; index < this.#near.length; index++) {
      const begin = this.#period.since - (this.rule.limits[index] as Limit).period;
      if (time <= begin || this.#near[index]?.has(key) !== true) continue;
      const settled = this.#settled[index] as ReadonlySet<number | string>;
      if (settled.size > 0 && settled.has(this.#exactKey(page, at) ?? '')) continue;
      found.push(this.rule.limits[index] as Limit);
    }
  }

  settle(limit: Limit, { type, id }: Key, page: Page, at: number): void {
    const exact = this.#exactKey(page, at);
    if (exact === undefined || this.rule.bound?.host !== undefined) return;
    if (type === 'host' ? exact !== id : type !== 'user' && type !== 'uid' && type !== 'client')
      return;
    this.#settled[this.rule.limits.indexOf(limit)]?.add(exact);
  }

  /** Stands for one key and no other; undefined where the columns cannot tell. */
  #exactKey(page: Page, at: number): number | string | undefined {
    switch (this.rule.per) {
      case 'submitter':
      case 'user':
      case 'uid':
        return page.isByClient(at) || page.submitter(at) === 0 ? undefined : page.submitter(at);
      case 'client':
        return page.hasDotted(at) && !page.isByClient(at) ? page.clientMark(at) : undefined;
      case 'host':
        return page.host;
      default:
        return undefined;
    }
  }

  /** How many events a window must have. */
  get #leastEvents(): number {
    return this.rule.ratio || this.rule.distinct !== undefined ? this.rule.atLeast : 1;
  }

  /** What the measure of a limit must at least be. */
  #leastOf(limit: Limit): number {
    return this.rule.ratio ? 0 : this.#share * lowestOf(this.rule, limit);
  }

  #isNear({ times, amounts, clients }: Counted, limit: Limit): boolean {
    const { period } = limit;
    const least = this.#leastOf(limit);
    const atLeast = this.#leastEvents;
    const sum = amounts.length === 0 ? times.length : amounts.reduce((all, one) => all + one, 0);
    if (sum < least || times.length < atLeast) return false;
    const begin = this.#period.since - period + 1;
    const order = listInOrder(times, begin);
    const window = new WindowSum(amounts, clients);
    let head = 0;
    for (const at of order) {
      const from = (times[at] as number) - period;
      for (; (times[order[head] as number] as number) <= from; head++)
        window.leave(order[head] as number);
      window.enter(at);
      if (window.events >= atLeast && window.most >= least) return true;
    }
    return false;
  }

  /** What a rule with distinct clients or networks compares, or something finer. */
  #buildClientOf(): ((page: Page, at: number) => number | undefined) | undefined {
    const keys = this.#keys;
    switch (this.rule.distinct) {
      case 'client':
        return (page, at) => keys.client(page, at);
      case 'client-net':
        return (page, at) => keys.network(page, at, 24);
      case 'client-wide-net':
        return (page, at) => keys.network(page, at, 16);
      default:
        return undefined;
    }
  }

  #buildKeyOf(): (page: Page, at: number) => number | undefined {
    const keys = this.#keys;
    switch (this.rule.per) {
      case 'submitter':
        return (page, at) => keys.submitter(page, at);
      case 'user':
      case 'uid':
        return (page, at) => (page.isByClient(at) ? undefined : keys.submitter(page, at));
      case 'client':
        return (page, at) => keys.client(page, at);
      default:
        return () => EVERYBODY;
    }
  }
}

/** What lies in a window, at most: events, or their amounts, or their different clients. */
class WindowSum {
  events = 0;
  #sum = 0;
  readonly #amounts: readonly number[];
  readonly #clients: readonly (number | undefined)[];
  readonly #seen = new Map<number | undefined, number>();

  constructor(amounts: readonly number[], clients: readonly (number | undefined)[]) {
    this.#amounts = amounts;
    this.#clients = clients;
  }

  /** What the measure can be at most. */
  get most(): number {
    return this.#clients.length > 0 ? this.#seen.size : this.#sum;
  }

  enter(at: number): void {
    this.events++;
    this.#sum += this.#amounts[at] ?? 1;
    if (this.#clients.length === 0) return;
    const client = this.#clients[at];
    this.#seen.set(client, (this.#seen.get(client) ?? 0) + 1);
  }

  leave(at: number): void {
    this.events--;
    this.#sum -= this.#amounts[at] ?? 1;
    if (this.#clients.length === 0) return;
    const client = this.#clients[at];
    const left = (this.#seen.get(client) ?? 0) - 1;
    if (left > 0) this.#seen.set(client, left);
    else this.#seen.delete(client);
  }
}

/** The entries from a time on, in the order of their times. Most lists are in order. */
function listInOrder(times: readonly number[], begin: number): number[] {
  const order: number[] = [];
  let last = begin;
  let isInOrder = true;
  for (let at = 0; at < times.length; at++) {
    const time = times[at] as number;
    if (time < begin) continue;
    order.push(at);
    if (time < last) isInOrder = false;
    last = time;
  }
  return isInOrder ? order : order.sort((a, b) => (times[a] as number) - (times[b] as number));
}
