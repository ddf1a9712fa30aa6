/** What a rule counts over time, against its limit: for the small chart of `postern explain`, and for a day on the page. */
import { dropUndefined } from '../base/defined.ts';
import { DAY, HOUR } from '../base/time.ts';
import { Facts } from '../judge/facts.ts';
import type { Rule } from '../judge/rule.ts';
import type { Block, Verdict } from '../model/block.ts';
import type { MailEvent } from '../model/event.ts';
import type { Store } from '../store/store.ts';
import { buildKeyQuery, buildRuleQuery, buildVerdictTest } from './events.ts';
import type { Subject } from './subject.ts';

/** What one event adds: one, or one value if it is the only one with that value. */
export interface Counted {
  /** ms */
  readonly time: number;
  readonly value: string;
}

/** What had been counted at the end of each step of a period; times in ms. */
export interface Rise {
  readonly since: number;
  readonly step: number;
  readonly values: readonly number[];
  /** absent for a share of all recipients, and for amounts */
  readonly limit?: number;
}

/** Steps of the small chart, and of a day. */
const STEPS = 12;
const POINTS = 120;
/** Events that a day is made of, at most; the newest. */
const MOST = 20_000;

/** Which events a rule counts; of a rule that no longer exists, recipients that do not exist. */
export function buildTest(
  rule: Rule | undefined,
  verdict: Verdict | undefined,
): (event: MailEvent) => boolean {
  if (verdict === undefined)
    return ({ reason, repeated }) => reason !== undefined && repeated !== true;
  return buildVerdictTest(rule, verdict);
}

/** What these events, which a rule counts, add; oldest first. */
export function listCounted(events: Iterable<MailEvent>, rule: Rule | undefined): Counted[] {
  const counted: Counted[] = [];
  const facts = new Facts();
  for (const event of events) {
    facts.read(event);
    const value = rule?.distinct === undefined ? counted.length : facts.valueOf(rule.distinct);
    if (value !== undefined) counted.push({ time: event.time, value: String(value) });
  }
  return counted.sort((a, b) => a.time - b.time);
}

/** Of a rule that counts amounts or shares, events say too little about its limit. */
export function hasPlainLimit(rule: Rule | undefined): boolean {
  return rule?.ratio !== true && rule?.count !== 'recipients';
}

/** How the count rose in the period that ended with the verdict. */
export function measureRise(
  counted: readonly Counted[],
  { time, period, limit }: Verdict,
  rule: Rule | undefined,
): Rise {
  return measureSteps(counted, {
    since: time - period,
    step: period / STEPS,
    steps: STEPS,
    period,
    limit: hasPlainLimit(rule) ? limit : undefined,
  });
}

/** The same over the day up to the end of the block or the last verdict, or up to `now` (ms). */
export function measureDay(
  store: Store,
  { key, stored, block }: Subject & { readonly key: Block['key'] },
  rule: Rule | undefined,
  now: number,
): Rise {
  const verdict = stored?.verdict;
  const period = verdict?.period ?? HOUR;
  const newest = Math.max(verdict?.time ?? 0, block?.released ?? 0, now - DAY);
  const until = Math.min(now, newest + period);
  const query = buildKeyQuery(key);
  const isCounted = buildTest(rule, verdict);
  const narrow = rule === undefined || verdict === undefined ? {} : buildRuleQuery(rule);
  const range = { ...narrow, since: until - DAY - period, until, limit: MOST };
  const events: MailEvent[] = [];
  for (const { event } of query === undefined ? [] : store.events.query({ ...query, ...range }))
    if (isCounted(event)) events.push(event);
  const counted = listCounted(events, rule);
  const first = counted.find(({ time }) => time > until - DAY)?.time ?? until - DAY;
  const since = Math.max(until - DAY, Math.min(until - HOUR, first - (until - first) / 20));
  return measureSteps(counted, {
    since,
    step: (until - since) / POINTS,
    steps: POINTS,
    period,
    limit: rule === undefined || !hasPlainLimit(rule) ? undefined : verdict?.limit,
  });
}

interface Steps {
  readonly since: number;
  readonly step: number;
  readonly steps: number;
  readonly period: number;
  readonly limit: number | undefined;
}

function measureSteps(
  counted: readonly Counted[],
  { since, step, steps, period, limit }: Steps,
): Rise {
  const points = Array.from({ length: steps }, (_, at) => since + (at + 1) * step);
  return dropUndefined({ since, step, values: measure(counted, points, period), limit });
}

/** For each point, the most different values that any window of `period` had that ended after the point before it. */
function measure(events: readonly Counted[], points: readonly number[], period: number): number[] {
  const inside = new Map<string, number>();
  let [next, oldest] = [0, 0];
  const leave = (before: number) => {
    for (; oldest < next && (events[oldest] as Counted).time <= before; oldest++) {
      const { value } = events[oldest] as Counted;
      const left = (inside.get(value) ?? 1) - 1;
      if (left === 0) inside.delete(value);
      else inside.set(value, left);
    }
  };
  return points.map((point) => {
    let most = 0;
    for (; next < events.length && (events[next] as Counted).time <= point; next++) {
      const { time, value } = events[next] as Counted;
      leave(time - period);
      inside.set(value, (inside.get(value) ?? 0) + 1);
      most = Math.max(most, inside.size);
    }
    leave(point - period);
    return Math.max(most, inside.size);
  });
}
