/** `postern watch`: events as they are logged. Reads the logs itself and stores nothing. */
import { existsSync } from 'node:fs';
import { Tail } from 'tail';
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { systemClock } from '../base/time.ts';
import { loadConfig } from '../config/load.ts';
import { Interpreter } from '../interpret/interpreter.ts';
import { buildInterpreterOptions } from '../interpret/options.ts';
import type { MailEvent } from '../model/event.ts';
import { eventToJson } from './event-json.ts';
import { eventText } from './event-text.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';

/** Until `signal` is aborted; default: until SIGINT or SIGTERM. */
export async function runWatch(
  options: CommonOptions,
  io: Io,
  signal: AbortSignal = untilInterrupted(),
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const interpreter = new Interpreter(buildInterpreterOptions(config));
  const print = (event: MailEvent) => io.stdout(render(event, options.format));
  const tails = config.logs.map((path) => watchLog(path, interpreter, print, io));
  await new Promise<void>((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  for (const tail of tails) tail.unwatch();
  return EXIT.done;
}

function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => controller.abort());
  return controller.signal;
}

/**
 * Follows one log from its end. `tail` is enough for a view that begins now. The follower of the service (follow/) does
 * not use it: `tail` knows a file only by its path and keeps no position, so it can lose lines at a rotation and at a restart.
 */
function watchLog(
  path: string,
  interpreter: Interpreter,
  print: (event: MailEvent) => void,
  io: Io,
): Tail {
  if (!existsSync(path))
    throw new PosternError('environment', `${path}: there is no such log`, {
      code: 'unreadable',
      place: { file: path },
    });
  const envelope = interpreter.envelope(path, systemClock.now());
  let line = 0;
  // Split only at LF: a lone CR inside a line was written by an attacker.
  const tail = new Tail(path, { separator: '\n', encoding: 'latin1', follow: true });
  tail.on('line', (text: string) => {
    const bytes = text.endsWith('\r') ? text.slice(0, -1) : text;
    const events: MailEvent[] = [];
    interpreter.feedLines(envelope, [{ source: path, line: ++line, offset: 0, bytes }], events);
    for (const event of events) if (event.amends !== true) print(event);
  });
  tail.on('error', (error: unknown) => io.stderr(`${path}: ${String(error)}\n`));
  return tail;
}

function render(event: MailEvent, format: CommonOptions['format']): string {
  return format === 'json' ? jsonLine(withoutPlace(event)) : eventText(event, 'text');
}

/** A view that begins at the end of the log does not know the number of that line. */
function withoutPlace(event: MailEvent): Record<string, unknown> {
  const { line: _line, offset: _offset, ...rest } = eventToJson(event);
  return rest;
}
