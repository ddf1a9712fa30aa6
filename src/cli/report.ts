/** `postern report`: a period as text, JSON, HTML or CSV. With `--mail` it is sent instead, as text and HTML. */
import { dropUndefined } from '../base/defined.ts';
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { systemClock } from '../base/time.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { loadConfiguredRules } from '../config/rules.ts';
import type { Style } from '../model/style.ts';
import { tableToCsv } from '../report/csv.ts';
import { reportToJson } from '../report/json.ts';
import { gatherReport, listKeys, type Narrowing, type Report } from '../report/period.ts';
import { gatherServers, type Servers } from '../report/servers.ts';
import { loadStyle } from '../report/style.ts';
import { isEventful } from '../report/summary.ts';
import type { Table } from '../report/table.ts';
import { listTables } from '../report/tables.ts';
import { reportToText } from '../report/text.ts';
import { Store } from '../store/store.ts';
import { buildEventQuery, buildKeyTest, type EventFilterOptions } from './event-filter.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';
import { type PeriodOptions, readReportPeriod } from './period.ts';
import { Progress } from './progress.ts';
import { gatherHealth } from './service-health.ts';

interface ReportOptions
  extends Omit<CommonOptions, 'format'>,
    PeriodOptions,
    Omit<EventFilterOptions, 'since' | 'until' | 'limit'> {
  readonly format?: 'text' | 'json' | 'html' | 'csv';
  /** of CSV */
  readonly table?: string;
  readonly mail?: boolean;
  readonly onlyIfAny?: boolean;
  /** also of the servers that count together */
  readonly allHosts?: boolean;
  /** times in UTC only */
  readonly utc?: boolean;
}

/** Exit status 1 when a mail was not sent. */
export async function runReport(options: ReportOptions, io: Io): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const { since, until } = readReportPeriod(options, systemClock.now() + 1, config.zone);
  const narrowing = buildNarrowing(options, config);
  const store = new Store(config.database, { readonly: true });
  try {
    const rules = loadConfiguredRules(config);
    // The state of the service is nobody's mail.
    const service = narrowing === undefined ? gatherHealth(store, config) : undefined;
    const progress = new Progress(io, 'event');
    const begin = Math.max(since, store.events.oldestTime() ?? since);
    const onRead = (count: number, time: number) =>
      progress.add(count, (time - begin) / (until - begin));
    const gathered = gatherReport(store, rules, since, until, onRead, narrowing);
    progress.end();
    const servers = await gatherAllHosts(store, config, gathered, options);
    const report = dropUndefined({ ...gathered, service, servers });
    if (options.onlyIfAny === true && !isEventful(report, systemClock.now())) {
      io.stderr('postern: nothing happened in this period, so there is no report\n');
      return EXIT.done;
    }
    const style = await loadStyle(config, listKeys(report), options);
    if (options.mail === true) {
      const { mailReport } = await import('./report-mail.ts');
      return await mailReport(report, { config, style, io });
    }
    io.stdout(await shown(report, options, style, chooseWidth(io)));
    return EXIT.done;
  } finally {
    store.close();
  }
}

/** Undefined without conditions. Throws a PosternError (exit status 2). */
function buildNarrowing(options: ReportOptions, config: Config): Narrowing | undefined {
  const { since: _, until: __, ...conditions } = options;
  const query = buildEventQuery(conditions, config);
  if (Object.keys(query).length === 0) return undefined;
  return { query, hasKey: buildKeyTest(query) };
}

/** Undefined unless it was asked for. Throws a PosternError (exit status 2) without `share`. */
async function gatherAllHosts(
  store: Store,
  { share }: Config,
  { since, until, blocks, isNarrow }: Report,
  { allHosts }: ReportOptions,
): Promise<Servers | undefined> {
  if (allHosts !== true) return undefined;
  if (share === undefined)
    throw new PosternError('usage', '--all-hosts: this server counts with no other (share)');
  if (isNarrow === true)
    throw new PosternError(
      'usage',
      '--all-hosts: of other servers only sums are known; leave out the conditions',
    );
  return await gatherServers(store, share, { since, until }, blocks);
}

/** Wider lines are hard to read. */
const WIDEST = 200;

function chooseWidth({ screen }: Io): number | undefined {
  return screen === undefined ? undefined : Math.min(screen.columns, WIDEST);
}

async function shown(
  report: Report,
  { format, table }: ReportOptions,
  style: Style,
  width: number | undefined,
): Promise<string> {
  if (table !== undefined && format !== 'csv')
    throw new PosternError('usage', '--table: needs --format csv');
  switch (format) {
    case 'json':
      return jsonLine(reportToJson(report));
    case 'html':
      return (await import('../report/html.ts')).reportToHtml(report, style);
    case 'csv':
      return tableToCsv(findTable(report, table, style));
    default:
      return reportToText(report, style, width);
  }
}

/** Throws a PosternError (exit status 2) that lists the tables. */
function findTable(report: Report, name: string | undefined, style: Style): Table {
  const tables = listTables(report, style);
  const found = tables.find((table) => table.name === name);
  if (found !== undefined) return found;
  const names = tables.map((table) => table.name).join(', ');
  throw new PosternError(
    'usage',
    name === undefined
      ? `--format csv: needs --table, one of ${names}`
      : `--table ${name}: expected one of ${names}`,
  );
}
