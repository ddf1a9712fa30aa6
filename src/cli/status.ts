/** `postern status`: how the service is, from its database and the logs. */

import { dropUndefined } from '../base/defined.ts';
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import { counted } from '../base/text.ts';
import { formatTime, MINUTE, systemClock } from '../base/time.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { listUnheld } from '../daemon/held-queue.ts';
import { findMissingTarget, loadInForce } from '../daemon/in-force.ts';
import { findRunning } from '../daemon/instance.ts';
import { buildTargets } from '../daemon/mta-control.ts';
import type { FollowPosition } from '../follow/follower.ts';
import { describeOutage, outageToJson } from '../report/outages.ts';
import type { StoredBlock } from '../store/blocks.ts';
import { asideFiles } from '../store/database.ts';
import { loadOutages } from '../store/outages.ts';
import type { Health } from '../store/saved-state.ts';
import { Store } from '../store/store.ts';
import { type Io, jsonLine } from './io.ts';
import { type LogStatus, logProblems, logStatus, logText } from './log-status.ts';

/** As long a run of `postern enforce --once` counts, ms. */
const TIMER_BOUND = 10 * MINUTE;

/** So many blocks one problem names. */
const MOST_NUMBERS = 10;

/** `postern status`: is it running, how far behind, what is blocked, what is failing. Exit 1 when something is wrong. */
export function runStatus(
  options: { readonly config?: string; readonly format?: 'text' | 'json' },
  io: Io,
): ExitStatus {
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

type Status = ReturnType<typeof gatherStatus>;

function gatherStatus(store: Store, config: Config) {
  const daemon = findRunning(store);
  const health = store.state.read('health');
  // What a service that runs no more has said of the moment is over.
  const current = daemon === undefined ? undefined : health;
  const logs = gatherLogs(store, config, current);
  const unsent = store.outbox.unsent();
  const newest = store.events.newestTime();
  const blocks = store.blocks.allRunning();
  const forceOf = loadInForce(store, config);
  return dropUndefined({
    running: daemon !== undefined,
    ...(daemon === undefined
      ? {}
      : { pid: daemon.pid, since: formatTime(daemon.started), version: daemon.version }),
    mode: config.mode,
    logs,
    newestEvent: newest === 0 ? undefined : formatTime(newest),
    blocks: blocks.length,
    notInForce:
      config.mode === 'observe'
        ? blocks.filter((block) => !forceOf(block).inForce).length
        : undefined,
    suspects: loadOutages(store).filter(({ ended }) => ended === undefined),
    openMessages: store.state.messageCount(),
    noticesWaiting: unsent.length,
    problems: [
      ...(daemon === undefined ? ['postern run is not running'] : databaseProblems(store)),
      ...asideFiles(config.database).map(
        (file) => `the database was damaged and rebuilt; delete ${file} when you do not need it`,
      ),
      ...(isEnforcing(store, config) ? [] : ['postern enforce is not running']),
      ...logs.flatMap(logProblems),
      ...(config.mode === 'observe' ? [] : targetProblems(store, config)),
      ...withoutTargets(config, blocks),
      ...unsentProblems(unsent),
      ...lossProblems(health),
      ...(current?.policy === undefined ? [] : [`no policy service at ${current.policy}`]),
    ],
  });
}

/** What the files that the mail server reads do not say yet, and what they cannot say. */
function targetProblems(store: Store, config: Config): string[] {
  const configured = new Set(buildTargets(config).map(({ name }) => name));
  const targets = store.state
    .targets()
    .filter(({ name }) => configured.has(name))
    .map(({ name, state }) => ({ name, ...state }));
  return [
    ...targets.flatMap(({ name, failure }) =>
      failure === undefined ? [] : [`${name}: ${failure}`],
    ),
    ...targets.flatMap(({ name, inexpressible }) =>
      inexpressible.map((text) => `${name}: cannot hold ${text}`),
    ),
    ...(config.queue.hold ? listUnheld(store) : []).map(
      ({ block, failure }) => `queued mail of block ${block} is not held yet: ${failure}`,
    ),
  ];
}

function unsentProblems(unsent: ReturnType<Store['outbox']['unsent']>): string[] {
  return unsent
    .filter(({ attempts }) => attempts > 0)
    .map(
      ({ subject, attempts, lastError }) =>
        `notice not sent after ${counted(attempts, 'attempt')}: ${subject}: ${lastError}`,
    );
}

function gatherLogs(store: Store, { logs }: Config, health: Health | undefined): LogStatus[] {
  const positions = store.state.positions() as ReadonlyMap<string, FollowPosition>;
  return logs.map((path) => {
    const said = health?.logs.find((log) => log.path === path);
    return logStatus(path, positions.get(path), said);
  });
}

function lossProblems(health: Health | undefined): string[] {
  const losses = health?.losses ?? 0;
  return losses > 0 ? [`the system log reported lost lines ${counted(losses, 'time')}`] : [];
}

/** Blocks that no file can take; who made them may not know that the configuration has no place for them. */
function withoutTargets(config: Config, blocks: readonly StoredBlock[]): string[] {
  const numbers = new Map<string, number[]>();
  for (const { id, key } of blocks) {
    const why = findMissingTarget(config, key.type);
    if (why !== undefined) numbers.set(why, [...(numbers.get(why) ?? []), id]);
  }
  return [...numbers].map(([why, ids]) => {
    const more = ids.length > MOST_NUMBERS ? `, and ${ids.length - MOST_NUMBERS} more` : '';
    const named = `${ids.length === 1 ? 'block' : 'blocks'} ${ids.slice(0, MOST_NUMBERS).join(', ')}`;
    return `not in force: ${named}${more}: ${why}`;
  });
}

/** What the service could not write into the database, it wrote beside it. */
function databaseProblems(store: Store): string[] {
  const { failing } = store.beside.read();
  if (failing === undefined) return [];
  return [`cannot write to the database since ${formatTime(failing.since)}: ${failing.error}`];
}

/** Whether a process changes the MTA: the service, one beside it, or a timer that ran of late. */
function isEnforcing(store: Store, config: Config): boolean {
  if (config.enforcer === 'daemon' || findRunning(store, 'enforcer') !== undefined) return true;
  const last = store.state.read('enforced once') ?? 0;
  return systemClock.now() - last < TIMER_BOUND;
}

function observedText({ notInForce = 0 }: Status): string {
  return notInForce === 0 ? '' : ` (${notInForce} not in force: observe mode)`;
}

function statusText(status: Status): string {
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
    ...(status.newestEvent === undefined ? [] : [`newest event: ${status.newestEvent}`]),
    ...(status.problems.length === 0
      ? ['no problems']
      : ['problems:', ...status.problems.map((text) => `  ${escapeControls(text)}`)]),
  ];
  return `${lines.join('\n')}\n`;
}
