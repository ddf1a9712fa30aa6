/** The past beside the present: verdicts of rules with `usual`, for the report and for programs. */
import { counted } from '../base/text.ts';
import { formatDuration, formatTime, formatTimes } from '../base/time.ts';
import type { Style } from '../model/style.ts';
import { formatDay, type Past } from '../model/usual.ts';
import type { StoredVerdict } from '../store/verdicts.ts';
import type { Table } from './table.ts';

/** Beyond this many rows nobody reads them. */
const MOST_ROWS = 40;

/** The past for programs: times as RFC 3339. */
export function pastToJson({ asleep, ...past }: Past): Record<string, unknown> {
  return {
    ...formatTimes(past, 'since', 'busiestDay'),
    ...(asleep === undefined ? {} : { asleep: { ...asleep, last: formatTime(asleep.last) } }),
  };
}

/** Who went beyond the own past, one row for each verdict; no table if nobody did. */
export function buildUnusual(verdicts: readonly StoredVerdict[], style: Style): Table[] {
  const rows = verdicts.flatMap(({ verdict: { past, key, rule, count, period, time } }) => {
    if (past === undefined) return [];
    const { busiest, busiestDay, since } = past;
    const before = busiestDay === undefined ? [0, ''] : [busiest, formatDay(busiestDay)];
    const now = [count, formatDuration(period), style.minute(time)];
    return [[style.who(key), rule, ...now, ...before, describeMore(past), formatDay(since)]];
  });
  if (rows.length === 0) return [];
  const head = ['Who', 'Rule', 'Now', 'Within', 'Time', 'Most before', 'On', 'Only', 'Known since'];
  const title = 'Unlike their own past (usual)';
  return [{ name: 'unusual', title, head, rows: rows.slice(0, MOST_ROWS), empty: '' }];
}

/** What was new, or how long the key had been silent. */
function describeMore({ asleep, new: fresh }: Past): string {
  if (asleep !== undefined) return `silent for ${counted(asleep.days, 'day')}`;
  return fresh === undefined ? '' : `new ${fresh.kind}s, ${fresh.known} known`;
}
