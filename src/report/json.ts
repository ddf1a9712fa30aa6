/** A report for programs. */
import { formatDuration, formatTimes } from '../base/time.ts';
import type { StoredVerdict } from '../store/verdicts.ts';
import { listingToJson } from './listings.ts';
import { outageToJson } from './outages.ts';
import { pastToJson } from './past.ts';
import type { Report } from './period.ts';
import { reputationToJson } from './reputation.ts';
import { serversToJson } from './server-tables.ts';
import { summarize } from './summary.ts';

/** The report with its times as RFC 3339, durations as in rules; docs/report.md has all keys. */
export function reportToJson(report: Report): Record<string, unknown> {
  const { blocks, verdicts, lasting, outages, near, formatValue: _, ...others } = report;
  const { listings, reputation, before, course, servers, ...rest } = others;
  return {
    ...formatTimes(rest, 'since', 'until', 'keptSince'),
    summary: summarize(report),
    ...(before === undefined ? {} : { before: formatTimes(before, 'since', 'until') }),
    course: { ...formatTimes(course, 'since'), step: formatDuration(course.step) },
    blocks: blocks.map((block) => formatTimes(block, 'start', 'end', 'released')),
    verdicts: verdicts.map(verdictToJson),
    lasting: lasting.map(verdictToJson),
    near: near.map((each) => formatTimes(each, 'time')),
    // The key under which the first version printed them.
    suspects: outages.map(outageToJson),
    listings: listings.map(listingToJson),
    reputation: reputation.map(reputationToJson),
    ...(servers === undefined ? {} : { servers: serversToJson(servers) }),
  };
}

function verdictToJson({ verdict, outcome }: StoredVerdict): Record<string, unknown> {
  const { past, ...rest } = verdict;
  const shown = past === undefined ? rest : { ...rest, past: pastToJson(past) };
  return { ...formatTimes(shown, 'time'), outcome };
}
