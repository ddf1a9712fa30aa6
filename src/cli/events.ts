/** Commands about what happens: run, events, watch, status. */
import { existsSync, type Stats, statSync } from 'node:fs';
import { Tail } from 'tail';
import { interpreterOptionsOf } from '../assemble.ts';
import { EXIT, type ExitStatus, errnoOf, messageOf, PosternError } from '../base/errors.ts';
import { createLog } from '../base/log.ts';
import { formatTime, MINUTE, parseDuration, systemClock } from '../base/time.ts';
import { type Config, loadConfig } from '../config.ts';
import { runDaemon } from '../daemon.ts';
import type { TargetState } from '../enforcer.ts';
import { queryFor } from '../evidence.ts';
import type { FollowPosition } from '../follow/follower.ts';
import { Interpreter } from '../interpret.ts';
import { loadRules } from '../judge/rule.ts';
import { formatIdentity } from '../model/address.ts';
import {
  EVENT_KINDS,
  type EventKind,
  eventToJson,
  type MailEvent,
  REASONS,
  type Reason,
} from '../model/event.ts';
import { visible } from '../notify/notice.ts';
import { runningDaemon } from '../running.ts';
import { asideFiles } from '../store/database.ts';
import type { EventQuery } from '../store/events.ts';
import { Store } from '../store/store.ts';
import { suspectJson, suspectPeriods, suspectText } from '../suspects.ts';
import { identityOf } from './blocks.ts';
import { type Io, jsonLine } from './io.ts';
import { checkStart } from './start-check.ts';

export interface EventsOptions {
  readonly config?: string;
  readonly format?: 'text' | 'json';
  readonly since?: string;
  readonly until?: string;
  readonly of?: string;
  readonly kind?: string;
  readonly reason?: string;
  readonly queueId?: string;
  readonly recipient?: string;
  readonly limit?: string;
}

/** `postern run`: the service, until SIGTERM. SIGHUP reads configuration and rules again. */
export async function runRun(
  options: { readonly config?: string },
  version: string,
): Promise<ExitStatus> {
  let config = loadConfig(options.config);
  checkStart(config);
  const log = createLog(config.logLevel);
  let stopped = false;
  let controller = new AbortController();
  const stop = () => {
    stopped = true;
    controller.abort();
  };
  const reload = () => {
    try {
      const next = loadConfig(options.config);
      loadRules(next.rules);
      config = next;
      controller.abort();
    } catch (error) {
      log.error(
        { error: messageOf(error) },
        'configuration not taken over, going on with the old one',
      );
    }
  };
  const handlers = [
    ['SIGTERM', stop],
    ['SIGINT', stop],
    ['SIGHUP', reload],
  ] as const;
  // All the time: between two rounds a SIGHUP would end the process.
  for (const [signal, handler] of handlers) process.on(signal, handler);
  try {
    while (!stopped) {
      controller = new AbortController();
      await runDaemon({ config, clock: systemClock, log, version, signal: controller.signal });
    }
  } finally {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  }
  return EXIT.done;
}

/** `postern events`: stored events, oldest first. */
export function runEvents(options: EventsOptions, io: Io): ExitStatus {
  const query = queryOf(options);
  const store = new Store(loadConfig(options.config).database, { readonly: true });
  try {
    for (const { event } of store.events.query(query)) io.stdout(eventText(event, options.format));
    return EXIT.done;
  } finally {
    store.close();
  }
}

function queryOf(options: EventsOptions): EventQuery {
  const { since, until, of, kind, reason, queueId, recipient, limit } = options;
  return {
    ...(of === undefined ? {} : queryFor(identityOf(of))),
    ...(since === undefined ? {} : { since: timeOf('--since', since) }),
    ...(until === undefined ? {} : { until: timeOf('--until', until) }),
    ...(kind === undefined ? {} : { kinds: wordsOf('--kind', kind, EVENT_KINDS) as EventKind[] }),
    ...(reason === undefined ? {} : { reasons: reasonsOf(reason) }),
    ...(queueId === undefined ? {} : { queueId }),
    ...(recipient === undefined ? {} : { recipient }),
    ...(limit === undefined ? {} : { limit: countOf('--limit', limit) }),
  };
}

function reasonsOf(text: string): Reason[] {
  if (text === 'invalid') return ['invalid-recipient', 'invalid-domain'];
  return wordsOf('--reason', text, REASONS) as Reason[];
}

function wordsOf(option: string, text: string, allowed: readonly string[]): string[] {
  const words = text.split(',');
  const wrong = words.find((word) => !allowed.includes(word));
  if (wrong !== undefined)
    throw new PosternError('usage', `${option} ${wrong}: expected ${allowed.join(', ')}`);
  return words;
}

function countOf(option: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new PosternError('usage', `${option} ${text}: expected a number above 0`);
  return Number(text);
}

/** A time as typed: `24h` (that long ago) or RFC 3339. Throws a PosternError (exit status 2). */
export function timeOf(option: string, text: string): number {
  const ago = parseDuration(text);
  if (ago !== undefined) return systemClock.now() - ago;
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new PosternError(
      'usage',
      `${option} ${text}: expected a duration such as 24h or a time such as 2026-11-01T09:00:00Z`,
    );
  }
  return time;
}

/** `postern watch`: events as they are logged, read from the logs directly; keeps no state. */
export async function runWatch(
  options: { readonly config?: string; readonly format?: 'text' | 'json' },
  io: Io,
  signal: AbortSignal,
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const interpreter = new Interpreter(interpreterOptionsOf(config));
  const tails = config.logs.map((path) => watchLog(path, interpreter, options, io));
  await new Promise<void>((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  for (const tail of tails) tail.unwatch();
  return EXIT.done;
}

function watchLog(
  path: string,
  interpreter: Interpreter,
  options: { readonly format?: 'text' | 'json' },
  io: Io,
): Tail {
  if (!existsSync(path))
    throw new PosternError('unreadable', `${path}: there is no such log`, {
      place: { file: path },
    });
  const envelope = interpreter.envelope(path, systemClock.now());
  let line = 0;
  // Split at LF only: a lone CR inside a line is an attacker's.
  const tail = new Tail(path, {
    separator: '\n',
    encoding: 'latin1',
    follow: true,
  });
  tail.on('line', (bytes: string) => {
    const events: MailEvent[] = [];
    const text = bytes.endsWith('\r') ? bytes.slice(0, -1) : bytes;
    interpreter.feedLines(
      envelope,
      [{ source: path, line: ++line, offset: 0, bytes: text }],
      events,
    );
    for (const event of events)
      if (event.amends !== true)
        io.stdout(
          options.format === 'json' ? jsonLine(withoutPlace(event)) : eventText(event, 'text'),
        );
  });
  tail.on('error', (error: unknown) => io.stderr(`${path}: ${String(error)}\n`));
  return tail;
}

/** The live view begins at the end of the log and does not know which line that is. */
function withoutPlace(event: MailEvent): Record<string, unknown> {
  const { line: _line, offset: _offset, ...rest } = eventToJson(event);
  return rest;
}

function eventText(event: MailEvent, format: 'text' | 'json' | undefined): string {
  if (format === 'json') return jsonLine(eventToJson(event));
  const { kind, submitter, client, sender, recipient, reason, reply } = event;
  const who = submitter === undefined ? (client?.address ?? '-') : formatIdentity(submitter);
  const path = `<${sender ?? ''}>${recipient === undefined ? '' : ` to <${recipient}>`}`;
  const why = [reason, reply].filter((part) => part !== undefined).join(': ');
  return `${visible(`${formatTime(event.time)} ${kind} ${who} ${path}${why === '' ? '' : ` ${why}`}`)}\n`;
}

/** As long a run of `postern enforce --once` counts, ms. */
const TIMER_BOUND = 10 * MINUTE;

interface LogStatus {
  /** the account that asks may not look at it; the service says what it thinks of it */
  readonly hidden?: true;
  readonly path: string;
  readonly present: boolean;
  /** bytes that are not read yet; absent when the position belongs to a rotated file */
  readonly behind?: number;
}

/** `postern status`: is it running, how far behind, what is blocked, what is failing. Exit 1 when something is wrong. */
export function runStatus(
  options: { readonly config?: string; readonly format?: 'text' | 'json' },
  io: Io,
): ExitStatus {
  const config = loadConfig(options.config);
  const store = new Store(config.database, { readonly: true });
  try {
    const status = statusOf(store, config);
    const json = { ...status, suspects: status.suspects.map(suspectJson) };
    io.stdout(options.format === 'json' ? jsonLine(json) : statusText(status));
    return status.problems.length === 0 ? EXIT.done : EXIT.failed;
  } finally {
    store.close();
  }
}

type Status = ReturnType<typeof statusOf>;

function statusOf(store: Store, config: Config) {
  const daemon = runningDaemon(store);
  const logs = config.logs.map((path) => logStatus(store, path));
  const targets = store.state
    .targets()
    .map(({ name, state }) => ({ name, ...(state as TargetState) }));
  const unsent = store.outbox.unsent();
  const health = store.state.read('health') as { losses?: number; policy?: string } | undefined;
  const newest = store.events.newestTime();
  const problems = [
    ...(daemon === undefined ? ['postern run is not running'] : databaseProblems(store)),
    ...asideFiles(config.database).map(
      (file) => `the database was damaged and rebuilt; delete ${file} when you do not need it`,
    ),
    ...(isEnforcing(store, config) ? [] : ['postern enforce is not running']),
    ...logs.filter((log) => !log.present).map((log) => `${log.path}: there is no such log`),
    ...targets.flatMap(({ name, failure }) =>
      failure === undefined ? [] : [`${name}: ${failure}`],
    ),
    ...targets.flatMap(({ name, inexpressible }) =>
      inexpressible.map((text) => `${name}: cannot hold ${text}`),
    ),
    ...unsent
      .filter(({ attempts }) => attempts > 0)
      .map(
        ({ subject, attempts, lastError }) =>
          `notice not sent after ${attempts} attempts: ${subject}: ${lastError}`,
      ),
    ...((health?.losses ?? 0) > 0
      ? [`the system log reported lost lines ${health?.losses} times`]
      : []),
    ...(health?.policy === undefined ? [] : [`no policy service at ${health.policy}`]),
  ];
  return {
    running: daemon !== undefined,
    ...(daemon === undefined
      ? {}
      : { pid: daemon.pid, since: formatTime(daemon.started), version: daemon.version }),
    mode: config.mode,
    logs,
    ...(newest === 0 ? {} : { newestEvent: formatTime(newest) }),
    blocks: store.blocks.allRunning().length,
    suspects: suspectPeriods(store).filter(({ ended }) => ended === undefined),
    openMessages: store.state.messageCount(),
    noticesWaiting: unsent.length,
    problems,
  };
}

/** What the service could not write into the database, it wrote beside it. */
function databaseProblems(store: Store): string[] {
  const { failing } = store.beside.read();
  if (failing === undefined) return [];
  return [`cannot write to the database since ${formatTime(failing.since)}: ${failing.error}`];
}

/** Whether a process changes the MTA: the service, one beside it, or a timer that ran of late. */
function isEnforcing(store: Store, config: Config): boolean {
  if (config.enforcer === 'daemon' || runningDaemon(store, 'enforcer') !== undefined) return true;
  const last = (store.state.read('enforced once') as number | undefined) ?? 0;
  return systemClock.now() - last < TIMER_BOUND;
}

function logStatus(store: Store, path: string): LogStatus {
  const stat = fileOf(path);
  if (stat === 'hidden') return { path, present: true, hidden: true };
  const position = store.state.positions().get(path) as FollowPosition | undefined;
  if (stat === undefined) return { path, present: false };
  if (position === undefined) return { path, present: true, behind: stat.size };
  const same = String(position.inode) === String(stat.ino);
  return {
    path,
    present: true,
    ...(same ? { behind: Math.max(0, stat.size - position.offset) } : {}),
  };
}

/** `hidden`: in a folder that this account may not enter. */
function fileOf(path: string): Stats | 'hidden' | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (errnoOf(error) === 'EACCES') return 'hidden';
    throw error;
  }
}

function logText({ present, hidden, behind }: LogStatus): string {
  if (!present) return 'MISSING';
  if (hidden === true) return 'cannot be looked at by this account';
  return behind === undefined ? 'rotated, catching up' : `${behind} bytes behind`;
}

function statusText(status: Status): string {
  const lines = [
    status.running
      ? `running since ${status.since} (process ${status.pid}, version ${status.version}), mode ${status.mode}`
      : 'NOT running',
    ...status.logs.map((log) => `log ${log.path}: ${logText(log)}`),
    `blocks: ${status.blocks}   open messages: ${status.openMessages}   notices waiting: ${status.noticesWaiting}`,
    ...status.suspects.map((suspect) => `refusals do not count: ${visible(suspectText(suspect))}`),
    ...(status.newestEvent === undefined ? [] : [`newest event: ${status.newestEvent}`]),
    ...(status.problems.length === 0
      ? ['no problems']
      : ['problems:', ...status.problems.map((text) => `  ${visible(text)}`)]),
  ];
  return `${lines.join('\n')}\n`;
}
