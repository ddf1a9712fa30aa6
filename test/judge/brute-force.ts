/**
 * What rules mean, by brute force: for each event, all events before it are looked at again. Shares no code with the
 * judge. Its rules count per submitter.
 */
import type { MailEvent } from '../../src/model/event.ts';

export interface SimpleRule {
  readonly name: string;
  readonly count: 'invalid' | 'recipients' | 'logins' | 'messages';
  readonly distinct?: 'recipient' | 'client';
  readonly ratio?: boolean;
  readonly atLeast?: number;
  /** percent */
  readonly share?: number;
  readonly limits: readonly { readonly limit: number; readonly period: number }[];
  readonly action: 'block' | 'observe';
  /** ms */
  readonly lasts?: number;
  /** switched off now: it gives no verdict, but its windows are filled when it is switched on */
  readonly isOff?: boolean;
}

export interface Found {
  readonly rule: string;
  readonly action: string;
  readonly id: string;
  readonly line: number;
  readonly count: number;
  readonly limit: number;
}

/** What a limit of a rule is for somebody in the window that ends at `time`; undefined: exempt. */
export type LimitOf = (
  rule: SimpleRule,
  limit: SimpleRule['limits'][0],
  id: string,
  time: number,
) => number | undefined;

const HOURS_OPEN = 8 * 3_600_000;
const DAY = 86_400_000;
const SKEW = 60_000;
/** How much longer than its periods a share is kept, for the time when the clock is set back. */
const SPARE = 7_200_000;

/** From a time on, a rule has nothing to do with what a sender did before. */
interface Forgotten {
  readonly rule: string;
  readonly gateway: string;
  readonly sender: string;
  /** the last event before */
  readonly after: MailEvent;
}

export class BruteForce {
  rules: readonly SimpleRule[];
  #seen: MailEvent[] = [];
  /** by user, client, or sender behind a gateway: until when it is blocked */
  #until = new Map<string, number>();
  /** senders behind gateways that were blamed, and when */
  #blamed: { readonly gateway: string; readonly sender: string; readonly time: number }[] = [];
  /** events that came from a blamed sender while it was blocked, by the rules for which it was; * are new rules */
  readonly #spared = new Map<MailEvent, Set<string>>();
  #forgotten: Forgotten[] = [];
  /** by rule, limit and user, the time when an observed limit was met last, as long as it is met */
  #met = new Map<string, number>();

  readonly #limitOf: LimitOf;

  constructor(rules: readonly SimpleRule[], limitOf: LimitOf = (_, { limit }) => limit) {
    this.rules = rules;
    this.#limitOf = limitOf;
  }

  /** The rules change. What happened before counts for all of them, and what a rule has observed stays observed. */
  change(rules: readonly SimpleRule[]): void {
    this.rules = rules;
  }

  release(user: string, time: number): void {
    this.#seen = this.#seen.filter((each) => each.submitter?.id !== user);
    this.#blamed = this.#blamed.filter(({ sender }) => sender !== user);
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
    const spared = new Set<string>();
    this.#spared.set(event, spared);
    const found = this.rules.flatMap((rule) => {
      spared.add(`${this.#isBlamed(event) ? '' : 'not '}${rule.name}`);
      return this.#judge(rule, user, event, mine, now);
    });
    if (this.#isBlamed(event)) spared.add('*');
    return found;
  }

  #judge(
    rule: SimpleRule,
    user: string,
    event: MailEvent,
    mine: MailEvent[],
    now: number,
  ): Found[] {
    if (!isCounted(rule, event)) return [];
    const isGateway = rule.action === 'block' && event.submitter?.type === 'client';
    const seen = mine.filter((each) => this.#isSeen(rule, each));
    if (!seen.includes(event)) return [];
    const all = seen.filter(
      (each) =>
        isCounted(rule, each) ||
        isWhole(rule, each) ||
        (isGateway && rule.ratio !== true && isDelivered(each)),
    );
    const forgotten = this.#forgotten.filter(
      (each) => each.rule === rule.name && each.gateway === user,
    );
    const { used, newest, floor } = withoutLaterTimes(all, rule, isGateway, (each) => {
      const after = this.#seen.indexOf(each);
      return forgotten.filter((one) => this.#seen.indexOf(one.after) === after);
    });
    const found: Found[] = [];
    for (const each of rule.limits) {
      const { period } = each;
      const limit = this.#limitOf(rule, each, user, newest) ?? Number.POSITIVE_INFINITY;
      const inside = used.filter(({ time }) => time > newest - period);
      // A share of what is left would be one of a half.
      const isHalf = floor !== undefined && newest - period < floor;
      const count = isHalf ? 0 : measure(rule, inside);
      const isMet = count >= limit && hasShare(rule, limit, inside, seen, newest);
      const name = `${rule.name} ${each.limit} ${period} ${user}`;
      const last = this.#met.get(name);
      const goesOn = isMet && last !== undefined && newest - last < period;
      if (goesOn) this.#met.set(name, newest);
      else this.#met.delete(name);
      if (!isMet || rule.isOff === true || event.time < (this.#until.get(user) ?? 0)) continue;
      if (rule.action === 'observe') {
        this.#met.set(name, newest);
        if (goesOn) continue;
      } else {
        const longest = Math.max(...rule.limits.map((other) => other.period));
        const wide = used.filter(({ time }) => time > newest - longest);
        const mails = [inside, wide] as const;
        const sender = isGateway ? this.#findBlamed(rule, user, mails, event.time) : undefined;
        const end = rule.lasts === undefined ? Number.POSITIVE_INFINITY : now + rule.lasts;
        this.#until.set(sender ?? user, end);
        if (sender !== undefined) this.#blame(rule, user, sender, event.time);
        return [
          { rule: rule.name, action: 'block', id: sender ?? user, line: event.line, count, limit },
        ];
      }
      const { name: of, action } = rule;
      found.push({ rule: of, action, id: user, line: event.line, count, limit });
    }
    return found.slice(0, 1);
  }

  /** Whether the rule sees this event: not if it came from a sender who is blocked at this gateway. */
  #isSeen({ name, action, count }: SimpleRule, event: MailEvent): boolean {
    if (action === 'observe' || count !== 'invalid') return true;
    const spared = this.#spared.get(event);
    return !(spared?.has(name) || (spared?.has('*') && !spared.has(`not ${name}`)));
  }

  #isBlamed({ submitter, sender, time }: MailEvent): boolean {
    return this.#blamed.some(
      (each) =>
        each.gateway === submitter?.id &&
        each.sender === sender &&
        time < (this.#until.get(each.sender) ?? 0),
    );
  }

  #blame({ name }: SimpleRule, gateway: string, sender: string, time: number): void {
    this.#blamed = this.#blamed.filter((each) => each.sender !== sender);
    this.#blamed.push({ gateway, sender, time });
    const after = this.#seen.at(-1) as MailEvent;
    this.#forgotten.push({ rule: name, gateway, sender, after });
  }

  /**
   * The sender with most refusals beyond what is sound, if the rest is sound without it and at most two others. Of
   * fewer than three others, or with less than ten good mails, the longest window tells.
   */
  #findBlamed(
    rule: SimpleRule,
    gateway: string,
    [inside, wide]: readonly [readonly MailEvent[], readonly MailEvent[]],
    time: number,
  ): string | undefined {
    if (rule.count !== 'invalid') return undefined;
    const recent = this.#blamed.filter(
      (each) => each.gateway === gateway && each.time > time - DAY,
    );
    const senders = listSenders(rule, inside);
    const all = listSenders(rule, wide);
    const refusals = sum(senders.map(({ bad }) => bad));
    const worst = senders[0]?.sender ?? '';
    if (worst === '') return undefined;
    if (recent.length >= 3 || time < (this.#until.get(worst) ?? 0)) return undefined;
    for (const most of [1, 2, 3]) {
      const theirs = senders.slice(0, most);
      const names = theirs.map(({ sender }) => sender);
      const isMost = sum(theirs.map(({ bad }) => bad)) * 2 >= refusals;
      const here = judgeRest(senders.filter(({ sender }) => !names.includes(sender)));
      const there = judgeRest(all.filter(({ sender }) => !names.includes(sender)));
      if (isMost && (here === 'unknown' ? there : here) === 'sound') return worst;
    }
    return undefined;
  }
}

interface SimpleSender {
  readonly sender: string;
  readonly bad: number;
  readonly good: number;
}

function listSenders(rule: SimpleRule, inside: readonly MailEvent[]): SimpleSender[] {
  const inOrder = inside.toSorted((a, b) => a.time - b.time);
  const senders = [...new Set(inOrder.map(({ sender = '' }) => sender))].map((sender) => {
    const mail = inside.filter((each) => each.sender === sender);
    const bad = mail.filter((each) => isCounted(rule, each)).length;
    const sound = mail.filter((each) => !isCounted(rule, each));
    const good = rule.ratio === true ? sumRecipients(sound) : sound.length;
    return { sender, bad, good };
  });
  const beyond = ({ bad, good }: SimpleSender) => Math.max(0, 92 * bad - 8 * good);
  return senders.sort((a, b) => beyond(b) - beyond(a) || b.bad - a.bad || a.good - b.good);
}

function judgeRest(rest: readonly SimpleSender[]): 'unknown' | 'sound' | 'bad' {
  const bad = sum(rest.map((each) => each.bad));
  const good = sum(rest.map((each) => each.good));
  const others = rest.filter((each) => each.sender !== '' && each.good > 0).length;
  if (others < 3 || good < 10) return 'unknown';
  return bad * 100 <= 8 * (bad + good) ? 'sound' : 'bad';
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}

/**
 * When the clock is set back, events with a later time no longer count, nor what no window had reached any more. Of a
 * share, the later ones stay in the whole, with the time of the event: but of nobody, and to nobody. `floor`: what was
 * before is gone; undefined: there is no whole. `forgottenAfter`: the senders that are forgotten after an event.
 */
function withoutLaterTimes(
  all: readonly MailEvent[],
  rule: SimpleRule,
  isGateway: boolean,
  forgottenAfter: (event: MailEvent) => readonly Forgotten[],
): { used: MailEvent[]; newest: number; floor: number | undefined } {
  const hasWhole =
    rule.ratio === true || rule.share !== undefined || (isGateway && rule.count === 'invalid');
  const reach = Math.max(...rule.limits.map(({ period }) => period)) + (hasWhole ? SPARE : 0);
  let used: MailEvent[] = [];
  let newest = Number.NEGATIVE_INFINITY;
  let floor = Number.NEGATIVE_INFINITY;
  for (const event of all) {
    const { time } = event;
    if (time < newest - SKEW) {
      floor = Math.max(floor, newest - reach);
      const kept = used.filter((each) => each.time > floor);
      const later = hasWhole ? kept.filter((each) => each.time > time) : [];
      used = [...kept.filter((each) => each.time <= time), ...moveWhole(rule, later, time)];
      if (time <= floor) floor = Number.NEGATIVE_INFINITY;
      newest = time;
    }
    newest = Math.max(newest, time);
    used.push(event);
    for (const { sender } of forgottenAfter(event)) {
      used = used.filter((each) => each.sender !== sender);
    }
  }
  return { used, newest, floor: hasWhole ? floor : undefined };
}

/** What events add to the whole of a share, at another time. */
function moveWhole({ ratio }: SimpleRule, later: readonly MailEvent[], time: number): MailEvent[] {
  const base = { time, source: '', line: 0, offset: 0, mta: 'postfix', sender: '' } as const;
  if (ratio !== true) return later.map(() => ({ ...base, kind: 'delivered' }));
  return [{ ...base, kind: 'accepted', newRecipients: sumRecipients(later) }];
}

function isDelivered({ kind, repeated }: MailEvent): boolean {
  return kind === 'delivered' && repeated !== true;
}

function isInvalid({ reason, repeated }: MailEvent): boolean {
  return reason === 'invalid-recipient' && repeated !== true;
}

function isCounted({ count }: SimpleRule, event: MailEvent): boolean {
  if (count === 'invalid') return isInvalid(event);
  if (count === 'logins') return event.kind === 'accepted' && event.submitter?.type === 'user';
  if (count === 'messages') return event.kind === 'accepted';
  return (event.newRecipients ?? 0) > 0 && event.kind !== 'rejected';
}

function isWhole({ ratio, share }: SimpleRule, event: MailEvent): boolean {
  if (ratio === true) return (event.newRecipients ?? 0) > 0;
  return share !== undefined && isDelivered(event);
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
