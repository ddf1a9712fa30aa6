/** `postern watch`: events as they are logged. Reads the logs itself and stores nothing. */
import { existsSync } from 'node:fs';
import { runAs } from '../base/account.ts';
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { counted } from '../base/text.ts';
import { formatTime, systemClock } from '../base/time.ts';
import { type Config, loadConfig } from '../config/load.ts';
import type { OpenMessage } from '../correlate/message.ts';
import { type FollowNotice, noticeText } from '../follow/notice.ts';
import { Interpreter } from '../interpret/interpreter.ts';
import { buildInterpreterOptions } from '../interpret/options.ts';
import type { MailEvent } from '../model/event.ts';
import { type EventQuery, matchesQuery } from '../model/event-query.ts';
import type { Lines } from '../model/lines.ts';
import { buildStyle, type Style } from '../model/style.ts';
import { Store } from '../store/store.ts';
import { databaseOwner } from './database.ts';
import { buildEventQuery, type EventFilterOptions } from './event-filter.ts';
import { eventToJson } from './event-json.ts';
import { eventText } from './event-text.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';
import { watchJournal, watchLog } from './watched-log.ts';

type WatchOptions = CommonOptions & EventFilterOptions & { readonly utc?: boolean };

/** Until `signal` is aborted; default: until SIGINT or SIGTERM. Throws a PosternError for a log that does not exist. */
export async function runWatch(
  options: WatchOptions,
  io: Io,
  signal: AbortSignal = untilInterrupted(),
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  for (const path of config.logs) assertThere(path);
  const interpreter = buildInterpreter(config, io);
  const query = buildEventQuery(options, config);
  const style = buildStyle(options.utc === true ? {} : { zone: config.zone });
  const context = { interpreter, options, query, style, io };
  const tell = (notice: FollowNotice) => io.stderr(`postern: ${noticeText(notice)}\n`);
  await Promise.all([
    ...config.logs.map((path) => printEvents(watchLog(path, signal, tell), context)),
    ...config.journals.map((source) =>
      printEvents(watchJournal(source, config, signal, tell), context),
    ),
  ]);
  return EXIT.done;
}

/** How many messages are taken over from the database, the newest; some 1 KB each. */
const MOST_MESSAGES = 20_000;

/** Knows the mail that is in the queue already, as far as the service has stored whose it is. */
function buildInterpreter(config: Config, io: Io): Interpreter {
  const earlier = readEarlier(config, io);
  const interpreter = new Interpreter({
    ...buildInterpreterOptions(config),
    live: true,
    resuming: true,
    store: {
      load: (host, queueId) => earlier.messages.get(nameMessage({ host, queueId })),
      recent: () => [...earlier.messages.values()],
    },
  });
  interpreter.correlator.load((name) => earlier.parts.get(name));
  return interpreter;
}

interface Earlier {
  readonly messages: ReadonlyMap<string, OpenMessage>;
  /** what else the service remembers of the log */
  readonly parts: ReadonlyMap<string, unknown>;
}

/** Read once, as the owner of the database: whatever happens later is in the log. Without a database there is nothing. */
function readEarlier(config: Config, io: Io): Earlier {
  try {
    const owner = databaseOwner(config.database);
    return owner === undefined ? loadEarlier(config) : runAs(owner, () => loadEarlier(config));
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    if (error.code !== 'database-missing')
      io.stderr(`postern: whose mail is in the queue already is not known: ${error.message}\n`);
    return { messages: new Map(), parts: new Map() };
  }
}

function loadEarlier({ database }: Config): Earlier {
  const store = new Store(database, { readonly: true });
  try {
    const messages = store.state.newestMessages<OpenMessage>(MOST_MESSAGES);
    return {
      messages: new Map(messages.map((message) => [nameMessage(message), message])),
      parts: store.state.readAll('correlator '),
    };
  } finally {
    store.close();
  }
}

function nameMessage({ host, queueId }: { host: string; queueId: string }): string {
  return `${host} ${queueId}`;
}

function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => controller.abort());
  return controller.signal;
}

function assertThere(path: string): void {
  if (existsSync(path)) return;
  throw new PosternError('environment', `${path}: there is no such log`, {
    code: 'unreadable',
    place: { file: path },
  });
}

interface Context {
  readonly interpreter: Interpreter;
  readonly options: CommonOptions;
  readonly query: EventQuery;
  readonly style: Style;
  readonly io: Io;
}

/** Prints the events of one log from now on. */
async function printEvents(
  log: AsyncIterable<Lines>,
  { interpreter, options, query, style, io }: Context,
): Promise<void> {
  const source = interpreter.openSource(systemClock.now());
  for await (const lines of log) {
    const events: MailEvent[] = [];
    source.envelope.advance(systemClock.now());
    const before = interpreter.future;
    interpreter.feed(source, lines, events);
    if (before !== interpreter.future) io.stderr(`postern: ${futureText(interpreter.future)}\n`);
    for (const event of events) {
      if (event.amends === true || !matchesQuery(event, query)) continue;
      io.stdout(render(event, options.format, style));
    }
  }
}

function futureText(future: Interpreter['future']): string {
  const { lines, newest } = future ?? { lines: 0, newest: 0 };
  return `${counted(lines, 'line')} with a time far in the future, up to ${formatTime(newest)}: not counted`;
}

function render(event: MailEvent, format: CommonOptions['format'], style: Style): string {
  return format === 'json' ? jsonLine(withoutPlace(event)) : eventText(event, 'text', style);
}

/** Lines of a view that begins now are not for looking up. */
function withoutPlace(event: MailEvent): Record<string, unknown> {
  const { line: _line, offset: _offset, ...rest } = eventToJson(event);
  return rest;
}
