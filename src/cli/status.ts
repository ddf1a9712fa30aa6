/** `postern status`: whether the service runs, how far behind it is, what is blocked, what is failing. */
import { existsSync } from 'node:fs';
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import { counted } from '../base/text.ts';
import { formatTime, formatTimes } from '../base/time.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { type MilterStatus, readMilterStatus } from '../daemon/milter/status.ts';
import { gatherStatus, type ServiceStatus } from '../daemon/status.ts';
import { buildStyle } from '../model/style.ts';
import { describeOutage, outageToJson } from '../report/outages.ts';
import type { Space } from '../store/space.ts';
import { Store } from '../store/store.ts';
import { type CommonOptions, type Io, jsonLine, print, type Span } from './io.ts';
import { wrap } from './screen-table.ts';
import { describeLog } from './service-health.ts';

/** Exit status 1 when there are problems. */
export function runStatus(options: CommonOptions & { readonly utc?: boolean }, io: Io): ExitStatus {
  const config = loadConfig(options.config);
  const milter = readMilterStatus(config);
  // The milter also runs alone.
  if (milter !== undefined && !existsSync(config.database)) {
    return printMilter(milter, options, buildTimes(options, config), io);
  }
  const store = new Store(config.database, { readonly: true });
  try {
    const status = gatherStatus(store, config);
    const json = {
      ...status,
      suspects: status.suspects.map(outageToJson),
      deferred: status.deferred?.map((each) => formatTimes(each, 'since')),
    };
    if (options.format === 'json') io.stdout(jsonLine(json));
    else printLines(statusLines(status, buildTimes(options, config)), io);
    return status.problems.length === 0 ? EXIT.done : EXIT.failed;
  } finally {
    store.close();
  }
}

function printMilter(
  milter: MilterStatus,
  { format }: CommonOptions,
  time: Time,
  io: Io,
): ExitStatus {
  const { problems } = milter;
  if (format === 'json') io.stdout(jsonLine({ milter, problems }));
  else printLines([...milterLines(milter, time), ...problemLines(problems)], io);
  return problems.length === 0 ? EXIT.done : EXIT.failed;
}

/** Shows a time that is RFC 3339. */
type Time = (text: string | undefined) => string;

function buildTimes({ utc }: { readonly utc?: boolean }, config: Config): Time {
  const { time } = buildStyle(utc === true ? {} : { zone: config.zone });
  return (text = '') => (Number.isNaN(Date.parse(text)) ? text : time(Date.parse(text)));
}

/** On a terminal, a line that is too long goes on below, indented; what is wrong is red. */
function printLines(lines: readonly string[], io: Io): void {
  const begin = lines.indexOf(PROBLEMS);
  const spans = lines.flatMap((line, at): Span[] => {
    const text = `${(io.screen === undefined ? [line] : wrap(line, io.screen.columns)).join('\n')}\n`;
    const isWrong = (begin >= 0 && at >= begin) || /^(?:milter: )?NOT /.test(line);
    if (isWrong) return [{ text, colour: 'red' }];
    return line === NO_PROBLEMS ? [{ text, colour: 'green' }] : [text];
  });
  print(io, spans);
}

const PROBLEMS = 'problems:';
const NO_PROBLEMS = 'no problems';

function milterLines(
  { running, since, pid, version, listen, jobs, ...more }: MilterStatus,
  time: Time,
): string[] {
  const { counters, figures } = more;
  if (!running || counters === undefined) return ['milter: NOT running'];
  const { sessions, open, messages, recipients, rejected, deferred, changed } = counters;
  const doing = jobs?.length ? jobs.join(', ') : 'nothing is switched on, everything is accepted';
  return [
    `milter: running since ${time(since)} (process ${pid}, version ${version}): ${doing}`,
    `milter listens at: ${listen?.length ? listen.join(', ') : 'nothing'}`,
    `milter sessions: ${sessions}, ${open} open   messages: ${messages}   recipients: ${recipients}   refused: ${rejected}, for now ${deferred}   changed: ${changed}`,
    ...Object.entries(figures ?? {}).flatMap(([name, values]) => figureLine(name, values)),
  ];
}

function figureLine(name: string, values: Readonly<Record<string, number>>): string[] {
  const text = Object.entries(values).map(([key, value]) => `${key}: ${value}`);
  return text.length === 0 ? [] : [`milter ${name}: ${text.join('   ')}`];
}

function problemLines(problems: readonly string[]): string[] {
  if (problems.length === 0) return [NO_PROBLEMS];
  return [PROBLEMS, ...problems.map((text) => `  ${escapeControls(text)}`)];
}

function statusLines(status: ServiceStatus, time: Time): string[] {
  return [
    status.running
      ? `running since ${time(status.since)} (process ${status.pid}, version ${status.version}), mode ${status.mode}`
      : `NOT running, mode ${status.mode}`,
    ...status.logs.map((log) => `log ${log.path}: ${describeLog(log)}`),
    `blocks: ${status.blocks}${observedText(status)}   open messages: ${status.openMessages}   notices waiting: ${status.noticesWaiting}`,
    ...(status.deferred ?? []).map(
      ({ user, rule, since, putOff }) =>
        `put off: ${escapeControls(user)}, ${counted(putOff, 'recipient')} since ${time(formatTime(since))} (rule ${rule})`,
    ),
    ...status.suspects.map(
      (outage) =>
        `provider outage, refusals do not count: ${escapeControls(describeOutage(outage))}`,
    ),
    ...(status.inferring === undefined
      ? []
      : [`relay clients are inferred from the log: ${escapeControls(status.inferring)}`]),
    `database: ${spaceText(status.database)}`,
    ...(status.kept === undefined
      ? []
      : [`events are kept for ${status.kept.events}, longer than retention: ${status.kept.why}`]),
    ...(status.newestEvent === undefined ? [] : [`newest event: ${time(status.newestEvent)}`]),
    ...(status.milter === undefined ? [] : milterLines(status.milter, time)),
    ...problemLines(status.problems),
  ];
}

function spaceText({ bytes, free, shrinks }: Space): string {
  const size = `${inMegabytes(bytes)}, ${inMegabytes(free)} of it free`;
  return shrinks
    ? size
    : `${size}, which new events use; the file does not shrink (docs/reliability.md)`;
}

function inMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function observedText({ notInForce = 0 }: ServiceStatus): string {
  return notInForce === 0 ? '' : ` (${notInForce} not in force: observe mode)`;
}
