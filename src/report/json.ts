/** A report for programs. */
import { formatTimes } from '../base/time.ts';
import { outageToJson } from './outages.ts';
import type { Report } from './period.ts';

/** The report with its times as RFC 3339. */
export function reportToJson(report: Report): Record<string, unknown> {
  const { blocks, verdicts, outages, near, formatValue: _, ...rest } = report;
  return {
    ...formatTimes(rest, 'since', 'until'),
    blocks: blocks.map((block) => formatTimes(block, 'start', 'end', 'released')),
    verdicts: verdicts.map(({ verdict, outcome }) => ({
      ...formatTimes(verdict, 'time'),
      outcome,
    })),
    near: near.map((each) => formatTimes(each, 'time')),
    // The key under which the first version printed them.
    suspects: outages.map(outageToJson),
  };
}
