/** `postern parse`: the events of log files, one a line. Stores nothing. */
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { systemClock } from '../base/time.ts';
import { readEvents } from '../interpret/files.ts';
import { LineOrder } from '../interpret/line-order.ts';
import type { MailEvent } from '../model/event.ts';
import { eventText } from './event-text.ts';
import type { CommonOptions, Io } from './io.ts';
import { interpreterOptions, namedConfig, type OfflineOptions } from './offline-options.ts';

/** Throws a PosternError (exit status 1) for a file that cannot be read. */
export async function runParse(
  files: readonly string[],
  options: OfflineOptions,
  io: Io,
): Promise<ExitStatus> {
  const reading = await interpreterOptions(options, await namedConfig(options));
  const order = new LineOrder();
  try {
    for await (const batch of readEvents(files, { ...reading, now: systemClock.now() })) {
      print(order.pass(batch.events), options.format, io);
    }
  } finally {
    // When a file breaks off, too: what could be read is printed before the failure.
    print(order.end(), options.format, io);
  }
  return EXIT.done;
}

function print(events: readonly MailEvent[], format: CommonOptions['format'], io: Io): void {
  if (events.length > 0) io.stdout(events.map((event) => eventText(event, format)).join(''));
}
