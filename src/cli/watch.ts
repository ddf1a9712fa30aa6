/** `postern watch`: events as they are logged. Reads the logs itself and stores nothing. */
import { existsSync } from 'node:fs';
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { systemClock } from '../base/time.ts';
import { loadConfig } from '../config/load.ts';
import { noticeText } from '../follow/notice.ts';
import { Interpreter } from '../interpret/interpreter.ts';
import { buildInterpreterOptions } from '../interpret/options.ts';
import type { MailEvent } from '../model/event.ts';
import { eventToJson } from './event-json.ts';
import { eventText } from './event-text.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';
import { watchLog } from './watched-log.ts';

/** Until `signal` is aborted; default: until SIGINT or SIGTERM. Throws a PosternError for a log that does not exist. */
export async function runWatch(
  options: CommonOptions,
  io: Io,
  signal: AbortSignal = untilInterrupted(),
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  for (const path of config.logs) assertThere(path);
  const interpreter = new Interpreter(buildInterpreterOptions(config));
  await Promise.all(
    config.logs.map((path) => printEvents(path, { interpreter, options, io, signal })),
  );
  return EXIT.done;
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
  readonly io: Io;
  readonly signal: AbortSignal;
}

/** Prints the events of one log from now on. */
async function printEvents(path: string, context: Context): Promise<void> {
  const { interpreter, options, io, signal } = context;
  const envelope = interpreter.envelope(path, systemClock.now());
  const tell = (text: string) => io.stderr(`${text}\n`);
  for await (const lines of watchLog(path, signal, (notice) => tell(noticeText(notice)))) {
    const events: MailEvent[] = [];
    envelope.advance(systemClock.now());
    interpreter.feedLines(envelope, lines, events);
    for (const event of events) {
      if (event.amends !== true) io.stdout(render(event, options.format));
    }
  }
}

function render(event: MailEvent, format: CommonOptions['format']): string {
  return format === 'json' ? jsonLine(withoutPlace(event)) : eventText(event, 'text');
}

/** Lines of a view that begins now are not for looking up. */
function withoutPlace(event: MailEvent): Record<string, unknown> {
  const { line: _line, offset: _offset, ...rest } = eventToJson(event);
  return rest;
}
