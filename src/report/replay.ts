/** What a replay shows of tuning: tables and charts, for its text and its HTML. */
import { formatDuration, formatMinute } from '../base/time.ts';
import type { Verdict } from '../model/block.ts';
import type { ValueFormat } from '../model/evidence.ts';
import { formatIdentity, formatTarget } from '../model/identity.ts';
import type { Chart } from './chart.ts';
import type { Table } from './table.ts';
import { type Met, type RuleTuning, scaleLimit } from './tuning.ts';

/** Keys that are named for a rule. */
const MOST_NAMED = 20;

/** A key that came near, and how near. */
export interface NearLimit {
  readonly rule: string;
  readonly key: Met['key'];
  readonly highest: number;
  readonly limit: number;
  /** RFC 3339 */
  readonly time: string;
}

/** How many would have met each rule, and who with half the limit only. */
export function buildTuningTables(tuning: readonly RuleTuning[], format: ValueFormat): Table[] {
  return [
    {
      name: 'tuning',
      title: 'Who would have met each limit: half of it, as it is, double',
      head: ['Half', 'As it is', 'Double', 'Rule', 'Action', 'Limit'],
      rows: tuning.map(({ rule, action, limits, half, asIs, double }) => [
        half.length,
        asIs.length,
        double.length,
        rule,
        action,
        limits
          .map(({ limit, period }) => `${format(limit, rule)} in ${formatDuration(period)}`)
          .join(', '),
      ]),
      empty: 'There are no rules.',
    },
    {
      name: 'met',
      title: 'Who they are: up to which limit they are found',
      head: ['First', 'Rule', 'Up to', 'Who'],
      rows: tuning.flatMap((one) => listKeys(one).slice(0, MOST_NAMED)),
      empty: 'Nobody.',
    },
  ];
}

/** Each key once, with the highest limit that it meets. */
function listKeys({ rule, half, asIs, double }: RuleTuning): string[][] {
  const has = (list: readonly Met[], { key }: Met) =>
    list.some((one) => one.key.type === key.type && one.key.id === key.id);
  const known: Met[] = [...double];
  for (const met of [...asIs, ...half]) if (!has(known, met)) known.push(met);
  return known.map((met) => {
    const most = has(double, met) ? 'double' : has(asIs, met) ? 'as it is' : 'half';
    return [formatMinute(met.time), rule, most, formatIdentity(met.key)];
  });
}

/** Who would be blocked or noted, and who came near, for a page. */
export function buildReplayTables(
  { verdicts, nearest }: { verdicts: readonly Verdict[]; nearest: readonly NearLimit[] },
  format: ValueFormat,
): Table[] {
  return [
    {
      name: 'verdicts',
      title: 'Who would have been blocked, and when',
      head: ['Time', 'What', 'Who', 'Rule', 'Counted', 'Within', 'Line'],
      rows: verdicts.map((verdict) => [
        formatMinute(verdict.time),
        verdict.action === 'block' ? 'blocked' : 'noted',
        formatTarget(verdict),
        verdict.rule,
        format(verdict.count, verdict.rule),
        formatDuration(verdict.period),
        `${verdict.source}:${verdict.line}`,
      ]),
      empty: 'Nobody.',
    },
    {
      name: 'near',
      title: 'Who came near, and the limit that would have caught them',
      head: ['Would be caught by', 'Limit', 'Rule', 'Who', 'Time'],
      rows: nearest.map(({ rule, key, highest, limit, time }) => [
        format(highest, rule),
        format(limit, rule),
        rule,
        formatIdentity(key),
        formatMinute(Date.parse(time)),
      ]),
      empty: 'Nobody.',
    },
  ];
}

/** One chart for each rule that somebody met. */
export function buildTuningCharts(tuning: readonly RuleTuning[], format: ValueFormat): Chart[] {
  return tuning
    .filter(({ half, asIs, double }) => half.length + asIs.length + double.length > 0)
    .map(({ rule, limits, half, asIs, double }) => {
      const [{ limit } = { limit: 0 }] = limits;
      const label = (factor: number) => format(scaleLimit(limit, factor), rule);
      const values = [half.length, asIs.length, double.length];
      return {
        name: rule,
        title: `${rule}: who meets half the limit, the limit, double`,
        series: [{ name: 'met it', values }],
        labels: [label(0.5), label(1), label(2)],
      };
    });
}
