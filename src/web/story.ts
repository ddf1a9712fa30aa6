/** What the database knows of one identity, for its story: blocks, verdicts, what people did, events of a period. */
import { DAY, HOUR, SECOND } from '../base/time.ts';
import { Facts } from '../judge/facts.ts';
import { buildCountedTest } from '../judge/plan.ts';
import type { Rule } from '../judge/rule.ts';
import type { Block } from '../model/block.ts';
import type { MailEvent } from '../model/event.ts';
import { formatWord } from '../model/identity.ts';
import { buildKeyQuery } from '../report/events.ts';
import type { Action } from '../store/actions.ts';
import type { StoredBlock } from '../store/blocks.ts';
import type { Store } from '../store/store.ts';
import type { StoredVerdict } from '../store/verdicts.ts';
import type { Chart } from './chart.ts';

export interface Story {
  readonly key: Block['key'];
  /** newest first */
  readonly blocks: readonly StoredBlock[];
  readonly verdicts: readonly StoredVerdict[];
  readonly actions: readonly Action[];
  /** the block that runs, or the newest */
  readonly block?: StoredBlock;
  /** that of the block, or the newest */
  readonly verdict?: StoredVerdict;
}

/** `chosen`: the block that it is about, if not the newest. */
export function gatherStory(store: Store, key: Block['key'], chosen?: StoredBlock): Story {
  const blocks = store.blocks.findOver(key);
  const verdicts = store.verdicts.findByKey(key);
  const block = chosen ?? blocks.find(({ released }) => released === undefined) ?? blocks[0];
  const cause = block?.verdict === undefined ? undefined : store.verdicts.get(block.verdict);
  const verdict = cause ?? verdicts[0];
  const actions = store.actions.about(formatWord(key));
  return {
    key,
    blocks,
    verdicts,
    actions,
    ...(block === undefined ? {} : { block }),
    ...(verdict === undefined ? {} : { verdict }),
  };
}

/** Events that a chart is made of, at most; the newest. */
const MOST = 20_000;
const POINTS = 120;

/** What one event adds: one, or one value if it is the only one with that value. */
interface Counted {
  /** ms */
  readonly time: number;
  readonly value: string;
}

/** What the rule measures in its period up to each of some times, against its limit; for a share, the events. Times in s. */
export function measureAgainstLimit(
  store: Store,
  story: Story,
  rule: Rule | undefined,
  now: number,
): Chart {
  const { verdict, block } = story;
  const period = verdict?.verdict.period ?? HOUR;
  const newest = Math.max(verdict?.verdict.time ?? 0, block?.released ?? 0, now - DAY);
  const until = Math.min(now, newest + period);
  const events = findCounted(store, story, rule, { since: until - DAY - period, until });
  const first = events.find(({ time }) => time > until - DAY)?.time ?? until - DAY;
  const since = Math.max(until - DAY, Math.min(until - HOUR, first - (until - first) / 20));
  const step = (until - since) / POINTS;
  const points = Array.from({ length: POINTS }, (_, at) => since + (at + 1) * step);
  const limit = rule === undefined || rule.ratio ? undefined : verdict?.verdict.limit;
  const label = rule === undefined ? 'refusals' : rule.name;
  return {
    times: points.map((point) => Math.round(point / SECOND)),
    series: [
      { label, values: measure(events, points, period) },
      ...(limit === undefined
        ? []
        : [{ label: 'limit', values: points.map(() => limit), dash: true }]),
    ],
  };
}

/** The events that count, oldest first. */
function findCounted(
  store: Store,
  { key, verdict }: Story,
  rule: Rule | undefined,
  period: { readonly since: number; readonly until: number },
): Counted[] {
  const query = buildKeyQuery(key);
  if (query === undefined) return [];
  const isCounted =
    rule === undefined || verdict === undefined
      ? ({ reason }: MailEvent) => reason !== undefined
      : buildCountedTest(rule, verdict.verdict);
  const counted: Counted[] = [];
  const facts = new Facts();
  for (const { id, event } of store.events.query({ ...query, ...period, limit: MOST })) {
    if (event.repeated === true || !isCounted(event)) continue;
    facts.read(event);
    const value = rule?.distinct === undefined ? id : facts.valueOf(rule.distinct);
    if (value !== undefined) counted.push({ time: event.time, value: String(value) });
  }
  return counted.sort((a, b) => a.time - b.time);
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
