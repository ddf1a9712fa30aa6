/** `postern status`: whether the service runs, how far behind it is, what is blocked, what is failing. */
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import { loadConfig } from '../config/load.ts';
import type { LogStatus } from '../daemon/log-status.ts';
import { gatherStatus, type ServiceStatus } from '../daemon/status.ts';
import { describeOutage, outageToJson } from '../report/outages.ts';
import type { Space } from '../store/space.ts';
import { Store } from '../store/store.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';

/** Exit status 1 when there are problems. */
export function runStatus(options: CommonOptions, io: Io): ExitStatus {
  const config = loadConfig(options.config);
  const store = new Store(config.database, { readonly: true });
  try {
    const status = gatherStatus(store, config);
    const json = { ...status, suspects: status.suspects.map(outageToJson) };
    io.stdout(options.format === 'json' ? jsonLine(json) : statusText(status));
    return status.problems.length === 0 ? EXIT.done : EXIT.failed;
  } finally {
    store.close();
  }
}

function statusText(status: ServiceStatus): string {
  const lines = [
    status.running
      ? `running since ${status.since} (process ${status.pid}, version ${status.version}), mode ${status.mode}`
      : `NOT running, mode ${status.mode}`,
    ...status.logs.map((log) => `log ${log.path}: ${logText(log)}`),
    `blocks: ${status.blocks}${observedText(status)}   open messages: ${status.openMessages}   notices waiting: ${status.noticesWaiting}`,
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
    ...(status.newestEvent === undefined ? [] : [`newest event: ${status.newestEvent}`]),
    ...(status.problems.length === 0
      ? ['no problems']
      : ['problems:', ...status.problems.map((text) => `  ${escapeControls(text)}`)]),
  ];
  return `${lines.join('\n')}\n`;
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

function logText({ present, hidden, behind, failure }: LogStatus): string {
  if (!present) return 'MISSING';
  if (failure !== undefined) return 'CANNOT BE READ';
  if (hidden === true) return 'not visible to this account';
  return behind === undefined ? 'rotated, catching up' : `${behind} bytes behind`;
}
