/** What the logs say: stored events, log files, reports. */
import { Argument, Option } from 'commander';
import {
  eventConditions,
  eventFilters,
  files,
  mta,
  preset,
  since,
  spareAllBut,
  until,
  utc,
  WRONG,
  zone,
} from '../options.ts';
import type { Entry } from '../program.ts';

export const LOGS: readonly Entry[] = [
  {
    usage: 'events',
    asOwner: true,
    summary: 'search stored events',
    format: ['text', 'json', 'csv', 'parquet'],
    options: [
      ...eventFilters(),
      new Option('--limit <number>', 'at most this many, the newest'),
      utc(),
    ],
    run: async (_args, options, io) => (await import('../events.ts')).runEvents(options, io),
  },
  {
    usage: 'watch',
    summary: 'print events as they are logged',
    format: true,
    options: [...eventFilters(), utc()],
    run: async (_args, options, io) => (await import('../watch.ts')).runWatch(options, io),
  },
  {
    usage: 'parse',
    summary: 'print the events of log files, one a line; stores nothing',
    args: [files()],
    format: ['json', 'text', 'csv'],
    options: [mta(), zone(), ...eventFilters()],
    run: async ([names], options, io) =>
      (await import('../parse.ts')).runParse(names as never, options, io),
  },
  {
    usage: 'classify',
    summary: 'print code, status and reason of SMTP replies, one a line',
    config: false,
    args: [new Argument('[reply...]', 'replies; without any, one a line on standard input')],
    format: ['json', 'text'],
    run: async ([replies], options, io) =>
      (await import('../classify.ts')).runClassify(replies as never, options, io),
  },
  {
    usage: 'replay',
    summary: 'show what the rules would have done with these logs, and who came close',
    args: [files()],
    format: true,
    options: [
      mta(),
      zone(),
      new Option('--rules <dir>', 'rules to use instead of the configured ones'),
      preset('limits to try instead of the configured ones'),
      new Option(
        '--suggest',
        'instead, print overrides for honest senders whom rate rules would catch, and limits that catch few',
      ),
      spareAllBut(),
      new Option('--tuning', 'also show who would have met half and double of each limit'),
      new Option('--html', 'the same as one HTML page, with charts'),
    ],
    run: async ([names], options, io) =>
      (await import('../replay.ts')).runReplay(names as never, options, io),
  },
  {
    usage: 'report',
    asOwner: true,
    summary: 'report on a period as text, JSON, HTML or CSV',
    statuses: ['done', 'it failed, or a mail was not sent', WRONG],
    format: ['text', 'json', 'html', 'csv'],
    options: [
      since('; default: 24h'),
      until('; default: now'),
      new Option('--day <day>', 'of this day: today, yesterday or 2026-11-09 (configured zone)'),
      new Option(
        '--week [week]',
        'of this week, Monday to Sunday: last, this, 2026-W46 or a day in it',
      ).preset('last'),
      new Option('--from <day>', 'from this day on: 2026-11-01'),
      new Option('--to <day>', 'to this day, which is included; default: today'),
      ...eventConditions(),
      new Option('--table <name>', 'with --format csv: which table; a wrong name lists them'),
      new Option(
        '--all-hosts',
        'also what the servers that count together (share) have counted and blocked',
      ),
      new Option('--mail', 'send it to the abuse address, as text and HTML'),
      new Option('--only-if-any', 'print or send nothing if there is nothing to look at'),
      utc(),
    ],
    run: async (_args, options, io) => (await import('../report.ts')).runReport(options, io),
  },
];
