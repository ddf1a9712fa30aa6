/** Whether `logs` names the file in which Exim's lines are. */
import type { Config } from '../../config/load.ts';
import { type Finding, warning, wrong } from '../finding.ts';
import { endMatches, pickLog } from '../installation.ts';
import { SYSLOG_FILES } from './find.ts';
import { describeDated, readLogPlaces, UNDATED } from './log-path.ts';

export async function checkEximLog(
  config: Config,
  exim: readonly string[],
  settings: ReadonlyMap<string, string>,
): Promise<Finding[]> {
  const spool = settings.get('spool_directory') ?? '';
  const places = await readLogPlaces(settings.get('log_file_path') ?? '', exim, spool);
  const { file, isDated, syslog } = places;
  const program = settings.get('syslog_processname') || 'exim';
  const isFedBySyslog = (log: string) => endMatches(log, syslogLine(program));
  if (file === undefined) {
    if (config.journals.length > 0 || config.logs.some(isFedBySyslog)) return [];
    return [reportSyslog(config, settings.get('syslog_facility') || 'mail', program)];
  }
  if (isDated) return [wrong('mta', describeDated(file), UNDATED)];
  if (!config.logs.includes(file))
    return [wrong('mta', `Exim logs to ${file}, which is not one of logs`, `logs: [${file}]`)];
  const twin = config.logs.find((log) => log !== file && syslog && isFedBySyslog(log));
  if (twin === undefined) return [];
  const text = `Exim logs to ${file} and to syslog (log_file_path), and logs also has ${twin}: its lines would count twice`;
  return [warning('mta', text, `logs: [${file}]`)];
}

/** A line with a stamp, a host and a tag in front, as in no file that Exim writes itself. */
function syslogLine(program: string): RegExp {
  const name = program.replaceAll(/\W/g, '\\$&');
  return new RegExp(`^(?!\\d{4}-\\d\\d-\\d\\d )\\S.* ${name}(?:\\[\\d+\\])?: `, 'm');
}

/** Exim's own file gets no lines any more. Whether a file of syslog does can be seen only from its content. */
function reportSyslog({ logs }: Config, facility: string, program: string): Finding {
  const text = `Exim logs only to syslog (log_file_path, facility ${facility}), and ${logs.join(', ')} has no line of ${program} from there near its end`;
  const other = pickLog(SYSLOG_FILES, `${program}[`);
  const fix =
    other === undefined || logs.includes(other)
      ? 'name the file under logs that syslog writes for this facility, or let Exim write a file: log_file_path = /var/log/exim4/%slog'
      : `logs: [${other}]`;
  return wrong('mta', text, fix);
}
