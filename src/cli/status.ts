/** `postern status`: whether the service runs, how far behind it is, what is blocked, what is failing. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import { counted } from '../base/text.ts';
import { formatTime, formatTimes } from '../base/time.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { findStateFile } from '../daemon/milter/state.ts';
import { describeMilter, type MilterStatus, readMilterStatus } from '../daemon/milter/status.ts';
import { listDown } from '../daemon/problems.ts';
import { gatherStatus, type ServiceStatus } from '../daemon/status.ts';
import { buildStyle } from '../model/style.ts';
import { describeOutage, outageToJson } from '../report/outages.ts';
import type { ShareHealth } from '../store/saved-state.ts';
import type { Space } from '../store/space.ts';
import { Store } from '../store/store.ts';
import { becomeDatabaseOwner } from './database.ts';
import { type CommonOptions, type Io, jsonLine, print, type Span } from './io.ts';
import { type Checked, nagiosMilter, nagiosStatus, nagiosUnknown } from './nagios.ts';
import { wrap } from './screen-table.ts';
import { describeLog } from './service-health.ts';

export interface StatusOptions extends Omit<CommonOptions, 'format'> {
  readonly format?: 'text' | 'json' | 'nagios';
  readonly utc?: boolean;
  /** pid file of a milter that runs with a scam.conf: only that one is shown */
  readonly milterPid?: string;
  /** send a mail when the service has ended or is back */
  readonly notify?: boolean;
}

/** Exit status 1 when there are problems; with `--format nagios` that of a plugin. */
export async function runStatus(options: StatusOptions, io: Io): Promise<ExitStatus> {
  if (options.format !== 'nagios') return await showStatus(options, io);
  try {
    return await showStatus(options, io);
  } catch (error) {
    const known = (await import('../store/failure.ts')).asFailure(error);
    if (known === undefined) throw error;
    return printChecked(nagiosUnknown(known.message.split('\n', 1)[0] as string), io);
  }
}

async function showStatus(options: StatusOptions, io: Io): Promise<ExitStatus> {
  if (options.milterPid !== undefined)
    return printMilter(
      describeMilter(findStateFile(resolve(options.milterPid))),
      options,
      (text) => text ?? '',
      io,
    );
  becomeDatabaseOwner(options.config);
  const config = loadConfig(options.config);
  if (options.notify === true) return await notifyOfDown(config, io);
  const milter = readMilterStatus(config);
  // The milter also runs alone.
  if (milter !== undefined && !existsSync(config.database)) {
    return printMilter(milter, options, buildTimes(options, config), io);
  }
  const store = new Store(config.database, { readonly: true });
  try {
    const status = gatherStatus(store, config);
    if (options.format === 'nagios') return printChecked(nagiosStatus(status, config), io);
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

/** Tells people what does not run. A database that cannot be opened is the worst of it. */
async function notifyOfDown(config: Config, io: Io): Promise<ExitStatus> {
  const notify = await import('./status-notify.ts');
  return await notify.notifyOfDown(findDown(config), config, io);
}

function findDown(config: Config): string[] {
  let store: Store | undefined;
  try {
    store = new Store(config.database, { readonly: true });
    return listDown(store, config);
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    return [error.message];
  } finally {
    store?.close();
  }
}

function printChecked({ line, status }: Checked, io: Io): ExitStatus {
  io.stdout(line);
  return status;
}

function printMilter(
  milter: MilterStatus,
  { format }: StatusOptions,
  time: Time,
  io: Io,
): ExitStatus {
  if (format === 'nagios') return printChecked(nagiosMilter(milter), io);
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
    ...(status.share === undefined ? [] : shareLines(status.share)),
    ...(status.milter === undefined ? [] : milterLines(status.milter, time)),
    ...problemLines(status.problems),
  ];
}

function shareLines({ failure, waiting, ahead = 0, resent, hosts }: ShareHealth): string[] {
  const state = failure === undefined ? 'connected' : 'AWAY, this server counts alone';
  const again = resent === 0 ? '' : `   sent again: ${resent} times`;
  return [
    `share: ${state}   waiting: ${waiting}   clock: ${clockText(ahead)}${again}`,
    ...hosts.map(
      ({ host, present, ahead = 0, waiting = 0 }) =>
        `share with ${escapeControls(host)}: ${present ? 'present' : 'AWAY'}   waiting: ${waiting}   clock: ${clockText(ahead)}`,
    ),
  ];
}

function clockText(ahead: number): string {
  return `${ahead < 0 ? '' : '+'}${(ahead / 1000).toFixed(1)} s`;
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
