/** What a rule with `usual` says, by looking at all events each time. For events in the order of time. */
import { DAY } from '../../../src/base/time.ts';
import type { MailEvent } from '../../../src/model/event.ts';

export interface SimpleUsual {
  readonly limits: readonly { readonly limit: number; readonly period: number }[];
  readonly times: number;
  readonly new?: 'client-wide-net';
  readonly asleep?: number;
  readonly history: number;
}

export interface Found {
  readonly line: number;
  readonly id: string;
  readonly count: number;
  readonly limit: number;
}

const user = ({ submitter }: MailEvent) => submitter?.id ?? '';
const dayOf = ({ time }: MailEvent) => Math.floor(time / DAY);
const network = ({ client }: MailEvent) => (client?.address ?? '').split('.').slice(0, 2).join('.');

/** All verdicts of a rule that counts recipients per user, the first one of each event. */
export function findByBruteForce(rule: SimpleUsual, events: readonly MailEvent[]): Found[] {
  const found: Found[] = [];
  const met = new Set<string>();
  for (const [at, event] of events.entries()) {
    const past = events.slice(0, at + 1);
    const own = past.filter((one) => user(one) === user(event));
    const counted = own.filter((one) => isCounted(rule, one, own));
    if (!counted.includes(event)) continue;
    const all = rule.limits.flatMap(({ limit: floor, period }, index) => {
      const name = `${user(event)} ${index} ${dayOf(event)}`;
      const limit = findLimit(rule, event, past, own, counted, { floor, period });
      const count = sumOf(counted, event, period);
      if (limit === undefined || count < limit || met.has(name)) return [];
      met.add(name);
      return [{ line: event.line, id: user(event), count, limit }];
    });
    found.push(...all.slice(0, 1));
  }
  return found;
}

/** Only from networks that are new on that day, and not while the user is new. */
function isCounted(rule: SimpleUsual, one: MailEvent, own: readonly MailEvent[]): boolean {
  if (rule.new === undefined) return true;
  if (one.time - (own[0] as MailEvent).time < rule.history) return false;
  return !listKnown(one, own).has(network(one));
}

/** Networks that were used first a week before the day of the event, and since then without a gap of 35 days. */
function listKnown(one: MailEvent, own: readonly MailEvent[]): Set<string> {
  const known = new Set<string>();
  for (const each of new Set(own.map(network))) {
    const days = own
      .filter((other) => network(other) === each && dayOf(other) <= dayOf(one))
      .map(dayOf);
    let first = days[0] as number;
    for (const [at, day] of days.entries()) if (day - (days[at - 1] ?? day) > 35) first = day;
    // The use that is looked at may itself come after a gap.
    const last = days.at(-1) as number;
    if (dayOf(one) - first >= 7 && dayOf(one) - last <= 35) known.add(each);
  }
  return known;
}

function findLimit(
  rule: SimpleUsual,
  event: MailEvent,
  past: readonly MailEvent[],
  own: readonly MailEvent[],
  counted: readonly MailEvent[],
  { floor, period }: { floor: number; period: number },
): number | undefined {
  if (event.time - (own[0] as MailEvent).time < rule.history) return undefined;
  if (rule.asleep !== undefined && isAwake(rule.asleep, event, past, own)) return floor;
  const before = counted.filter(
    (one) => dayOf(one) < dayOf(event) && dayOf(one) >= dayOf(event) - 35,
  );
  const busiest = Math.max(0, ...before.map((one) => sumOf(before, one, period)));
  const isKnown = rule.new === undefined ? busiest > 0 : listKnown(event, own).size > 0;
  return isKnown ? Math.max(floor, Math.ceil(rule.times * busiest)) : undefined;
}

/** What lies in the same hour or day of UTC as the event. */
function sumOf(events: readonly MailEvent[], { time }: MailEvent, period: number): number {
  return events
    .filter((one) => Math.floor(one.time / period) === Math.floor(time / period))
    .reduce((sum, { newRecipients = 0 }) => sum + newRecipients, 0);
}

function isAwake(
  asleep: number,
  event: MailEvent,
  past: readonly MailEvent[],
  own: readonly MailEvent[],
): boolean {
  return [dayOf(event) - 1, dayOf(event)].some((day) => {
    if (!own.some((one) => dayOf(one) === day)) return false;
    const before = own.filter((one) => dayOf(one) < day).map(dayOf);
    if (before.length === 0) return false;
    const last = Math.max(...before);
    const silent = new Set(past.map(dayOf).filter((other) => other > last && other < day));
    return silent.size * DAY >= asleep;
  });
}
