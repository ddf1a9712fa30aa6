/**
 * What rules mean, by brute force: for each event, all events before it are looked at again. Shares no code with the
 * judge, knows only users, and is given events that are at most a minute out of order.
 */
import type { MailEvent } from '../../src/model/event.ts';

export interface SimpleRule {
  readonly name: string;
  readonly count: 'invalid' | 'recipients' | 'logins';
  readonly distinct?: 'recipient' | 'client';
  readonly ratio?: boolean;
  readonly atLeast?: number;
  /** percent */
  readonly share?: number;
  readonly limits: readonly { readonly limit: number; readonly period: number }[];
  readonly action: 'block' | 'observe';
  /** ms */
  readonly lasts?: number;
}

export interface Found {
  readonly rule: string;
  readonly action: string;
  readonly id: string;
  readonly line: number;
  readonly count: number;
  readonly limit: number;
}

const HOURS_OPEN = 8 * 3_600_000;

export class BruteForce {
  rules: readonly SimpleRule[];
  #seen: MailEvent[] = [];
  #until = new Map<string, number>();
  /** by rule, limit and user, the time when an observed limit was met last, as long as it is met */
  #met = new Map<string, number>();

  constructor(rules: readonly SimpleRule[]) {
    this.rules = rules;
  }

  /** Rules with another action, and new ones, begin anew; what happened before counts for them. */
  change(rules: readonly SimpleRule[]): void {
    for (const name of this.#met.keys()) {
      const [rule] = name.split(' ');
      const before = this.rules.find((each) => each.name === rule);
      const after = rules.find((each) => each.name === rule);
      if (before?.action !== after?.action) this.#met.delete(name);
    }
    this.rules = rules;
  }

  release(user: string, time: number): void {
    this.#seen = this.#seen.filter((each) => each.submitter?.id !== user);
    this.#until.delete(user);
    for (const name of this.#met.keys()) if (name.endsWith(` ${user}`)) this.#met.delete(name);
    this.#released.set(user, time);
  }
  readonly #released = new Map<string, number>();

  /** The clock says `now`: blocks whose time is over end. */
  expire(now: number): void {
    for (const [user, until] of this.#until) if (until <= now) this.#until.delete(user);
  }

  feed(event: MailEvent, now: number): Found[] {
    const user = event.submitter?.id ?? '';
    if (event.time <= (this.#released.get(user) ?? 0)) return [];
    this.#seen.push(event);
    const mine = this.#seen.filter((each) => each.submitter?.id === user);
    return this.rules.flatMap((rule) => this.#judge(rule, user, event, mine, now));
  }

  #judge(
    rule: SimpleRule,
    user: string,
    event: MailEvent,
    mine: MailEvent[],
    now: number,
  ): Found[] {
    if (!isCounted(rule, event)) return [];
    const used = mine.filter((each) => isCounted(rule, each) || isWhole(rule, each));
    const newest = Math.max(...used.map(({ time }) => time));
    const found: Found[] = [];
    for (const { limit, period } of rule.limits) {
      const inside = used.filter(({ time }) => time > newest - period);
      const count = measure(rule, inside);
      const isMet = count >= limit && hasShare(rule, limit, inside, mine, newest);
      const name = `${rule.name} ${limit} ${period} ${user}`;
      if (!isMet) this.#met.delete(name);
      if (!isMet || event.time < (this.#until.get(user) ?? 0)) continue;
      if (rule.action === 'observe') {
        const last = this.#met.get(name);
        this.#met.set(name, newest);
        if (last !== undefined && newest - last < period) continue;
      } else {
        this.#until.set(
          user,
          rule.lasts === undefined ? Number.POSITIVE_INFINITY : now + rule.lasts,
        );
      }
      const { name: of, action } = rule;
      found.push({ rule: of, action, id: user, line: event.line, count, limit });
    }
    return found.slice(0, 1);
  }
}

function isInvalid({ reason, repeated }: MailEvent): boolean {
  return reason === 'invalid-recipient' && repeated !== true;
}

function isCounted({ count }: SimpleRule, event: MailEvent): boolean {
  if (count === 'invalid') return isInvalid(event);
  if (count === 'logins') return event.kind === 'accepted';
  return (event.newRecipients ?? 0) > 0 && event.kind !== 'rejected';
}

function isWhole({ ratio, share }: SimpleRule, event: MailEvent): boolean {
  if (ratio === true) return (event.newRecipients ?? 0) > 0;
  return share !== undefined && event.kind === 'delivered' && event.repeated !== true;
}

function measure(rule: SimpleRule, inside: readonly MailEvent[]): number {
  const counted = inside.filter((each) => isCounted(rule, each));
  if (rule.count === 'recipients') return sumRecipients(counted);
  if (counted.length < (rule.atLeast ?? 1)) return 0;
  if (rule.ratio === true) {
    const whole = Math.max(sumRecipients(inside), counted.length);
    return Math.floor((1000 * counted.length) / whole) / 10;
  }
  if (rule.distinct === undefined) return counted.length;
  const values = counted.map(({ recipient, client }) =>
    rule.distinct === 'client' ? client?.address : recipient,
  );
  return new Set(values).size;
}

function sumRecipients(events: readonly MailEvent[]): number {
  return events.reduce((sum, { newRecipients = 0 }) => sum + newRecipients, 0);
}

function hasShare(
  rule: SimpleRule,
  limit: number,
  inside: readonly MailEvent[],
  mine: readonly MailEvent[],
  newest: number,
): boolean {
  if (rule.share === undefined) return true;
  const bad = inside.filter(isInvalid);
  const open = findOpen(mine, newest);
  if (bad.length * 100 >= rule.share * (inside.length + open.length)) return true;
  if (open.length === 0) return false;
  const places = new Set(open.map(findPlace));
  const answered = inside.filter((each) => !places.has(findPlace(each)));
  const refused = answered.filter(isInvalid).length;
  return refused * 2 >= limit && refused * 100 >= Math.min(2 * rule.share, 100) * answered.length;
}

/** The last attempts for recipients that are still waiting. */
function findOpen(mine: readonly MailEvent[], newest: number): MailEvent[] {
  const last = new Map<string, MailEvent>();
  for (const event of mine) {
    if (event.kind === 'accepted' || event.kind === 'rejected') continue;
    last.set(`${event.queueId} ${event.recipient}`, event);
  }
  return [...last.values()].filter(
    (each) => each.kind === 'deferred' && !isInvalid(each) && each.time > newest - HOURS_OPEN,
  );
}

function findPlace({ relay, recipient = '' }: MailEvent): string {
  const host = relay?.host;
  if (host !== undefined) return host.split('.').slice(-2).join('.');
  return recipient.slice(recipient.indexOf('@') + 1);
}
