/** `postern watch`: events as they are logged. */
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
import { type Io, jsonLine } from './io.ts';

/** `postern watch`: events as they are logged, read from the logs directly; keeps no state. */
export async function runWatch(
  options: { readonly config?: string; readonly format?: 'text' | 'json' },
  io: Io,
  signal: AbortSignal,
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const interpreter = new Interpreter(buildInterpreterOptions(config));
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
