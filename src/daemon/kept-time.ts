/**
 * How long events are kept: `retention`, but never less than a restart needs. The counts of the rules are rebuilt from
 * the stored events; with fewer of them, a rule would count less after a restart, without a log line.
 */
import { formatDuration } from '../base/time.ts';
import type { Rule } from '../judge/rule.ts';
import { measureReach } from './history.ts';

interface KeptTime {
  /** how long events are kept, ms */
  readonly events: number;
  /** why that is longer than `retention`; undefined if it is not */
  readonly why?: string;
}

/** `retention` in ms, as configured. */
export function findKeptTime(retention: number, rules: readonly Rule[]): KeptTime {
  const needed = measureReach(rules);
  if (needed <= retention) return { events: retention };
  return { events: needed, why: explainNeed(rules, needed) };
}

function explainNeed(rules: readonly Rule[], needed: number): string {
  const longest = rules
    .flatMap(({ name, limits }) => limits.map(({ period }) => ({ name, period })))
    .reduce((most, one) => (one.period > most.period ? one : most), { name: '', period: 0 });
  if (2 * longest.period < needed) return 'provider outages are found by comparison with the past';
  return `rule ${longest.name} has a period of ${formatDuration(longest.period)}, and a restart needs twice that`;
}
